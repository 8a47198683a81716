//! The client handle over reqwest, against real sockets.
#![cfg(feature = "reqwest")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use std::error::Error as _;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use common::{LONG, get};
use http::{Request, StatusCode};
use rt_common::{Body, HttpClient, HttpError, Redactor};
use rt_testkit::server::Server;

fn client() -> HttpClient {
    HttpClient::builder().no_proxy().build().unwrap()
}

async fn fetch(url: &str) -> Result<http::Response<Bytes>, HttpError> {
    client().fetch(get(url), LONG, 1_000).await
}

#[tokio::test]
async fn a_request_goes_out_and_the_whole_answer_comes_back() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        assert_eq!(request.method, "POST");
        assert_eq!(request.target, "/x?y=1");
        assert_eq!(request.header("x-mark"), Some("m"));
        assert_eq!(request.body, b"ping");
        connection.answer(201, "x-back: b\r\n", "pong");
    });
    let request = Request::post(server.url("/x?y=1")).header("x-mark", "m");
    let request = request.body(Bytes::from_static(b"ping")).unwrap();
    let answer = client().fetch(request, LONG, 4).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["x-back"], "b");
    assert_eq!(answer.body(), "pong");
}

#[tokio::test]
async fn the_body_streams_and_dropping_it_closes_the_connection() {
    let (closed, was_closed) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new((closed, may_go));
    let server = Server::start(move |connection| {
        let gate = gate.lock().unwrap();
        connection.request().unwrap();
        connection.send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\none");
        gate.1.recv().unwrap();
        connection.send("two");
        connection.wait_closed();
        gate.0.send(()).unwrap();
    });
    let mut body: Body = client().send(get(&server.url("/"))).await.unwrap().into_body();
    // The second piece is not written before the first was taken: nothing waits for the end.
    assert_eq!(body.next_data().await.unwrap().unwrap(), "one");
    go.send(()).unwrap();
    assert_eq!(body.next_data().await.unwrap().unwrap(), "two");
    drop(body);
    let seen = tokio::task::spawn_blocking(move || was_closed.recv_timeout(LONG));
    seen.await.unwrap().expect("the server sees the end");
}

#[tokio::test]
async fn redirects_are_left_to_the_caller() {
    let server = Server::start(|connection| {
        connection.request();
        connection.answer(302, "location: /elsewhere\r\n", "");
    });
    assert_eq!(fetch(&server.url("/")).await.unwrap().status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_server_that_is_down_is_a_connect_error() {
    let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = fetch(&format!("http://u:pass@{addr}/x?token=t0p")).await.unwrap_err();
    assert!(error.is_connect() && error.is_retryable() && !error.is_timeout(), "{error:?}");
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused).to_string();
    let text = error.to_string();
    let start = format!("GET http://{addr}/x?token=***: could not connect: ");
    assert!(text.starts_with(&start) && text.to_lowercase().contains(&refused), "{text}");
    // No cause gives away what the URL hides.
    let mut text = format!("{error:?}");
    let mut cause = error.source();
    while let Some(this) = cause {
        text += &format!("{this} {this:?}");
        cause = this.source();
    }
    assert!(!text.contains("t0p") && !text.contains("pass"), "{text}");
}

/// Whatever the transport: the texts of its own levels say nothing that a user can act on.
#[tokio::test]
async fn an_error_names_its_cause_and_nothing_between() {
    let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
    });
    let refused = "could not connect: Connection refused (os error 111)";
    let cut = "the body broke off: end of file before message length reached";
    let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
    for client in [client(), HttpClient::from_reqwest(reqwest)] {
        for (url, expected) in [(format!("http://{addr}/"), refused), (server.url("/"), cut)] {
            let error = client.fetch(get(&url), LONG, 99).await.unwrap_err();
            assert_eq!(error.to_string(), format!("GET {url}: {expected}"));
            assert!(error.source().is_some());
        }
    }
}

#[tokio::test]
async fn deadlines_cover_head_and_body() {
    let server = Server::start(|connection| {
        // On a busy machine the deadline may pass before the request is out.
        let Some(request) = connection.request() else { return };
        if request.target == "/body" {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
        }
        connection.wait_closed();
    });
    for path in ["/head", "/body"] {
        let error = client()
            .fetch(get(&server.url(path)), Duration::from_millis(50), 99)
            .await
            .unwrap_err();
        assert!(error.is_timeout() && error.is_retryable(), "{path}: {error:?}");
    }
    let error = client()
        .send_within(get(&server.url("/head")), Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_cut_body_is_told_from_a_large_one() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        match request.target.as_str() {
            "/cut" => connection.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
            "/long" => connection.answer(200, "", &"x".repeat(1_001)),
            _ => connection.send(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                 1f4\r\n"
                    .to_owned()
                    + &"x".repeat(500)
                    + "\r\n1f5\r\n"
                    + &"x".repeat(501)
                    + "\r\n0\r\n\r\n",
            ),
        };
    });
    let cut = fetch(&server.url("/cut")).await.unwrap_err();
    assert!(cut.is_body() && cut.is_retryable(), "{cut:?}");
    for path in ["/long", "/chunked"] {
        let error = fetch(&server.url(path)).await.unwrap_err();
        assert!(error.is_too_large() && !error.is_retryable(), "{path}: {error:?}");
        assert!(error.to_string().ends_with("the body is larger than 1000 bytes"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_failed_exchange() {
    let server = Server::start(|connection| {
        connection.request();
        connection.send("220 smtp.example.org ESMTP\r\n");
    });
    let error = fetch(&server.url("/")).await.unwrap_err();
    assert!(error.is_retryable() && !error.is_connect() && !error.is_body(), "{error:?}");
}

#[tokio::test]
async fn a_quotation_keeps_what_came_in_time_without_secrets() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        connection.send("HTTP/1.1 500 X\r\ncontent-length: 9999\r\n\r\nno s3cret");
        match request.target.as_str() {
            "/slow" => connection.wait_closed(),
            "/long" => drop(connection.send("x".repeat(9_000))),
            _ => {}
        }
    });
    let secrets = Redactor::new(["s3cret".into()]);
    for (path, length) in [("/slow", 6), ("/cut", 6), ("/long", 4_096 - 3)] {
        let body = client().send(get(&server.url(path))).await.unwrap().into_body();
        let quotation = body.quotation(&secrets, Duration::from_millis(200)).await;
        assert!(quotation.starts_with(b"no ***") && quotation.len() == length, "{quotation:?}");
    }
}

#[tokio::test]
async fn userinfo_becomes_basic_credentials() {
    let server = Server::start(|connection| {
        let authorization =
            connection.request().unwrap().header("authorization").unwrap().to_owned();
        connection.answer(200, "", &authorization);
    });
    let url = |userinfo: &str| server.url("/").replace("http://", &format!("http://{userinfo}@"));
    assert_eq!(fetch(&url("ann:p%40ss")).await.unwrap().body(), "Basic YW5uOnBAc3M=");
    assert_eq!(fetch(&url("ann")).await.unwrap().body(), "Basic YW5uOg==");
    let own = Request::get(url("ann:x")).header("authorization", "Bearer b").body(Bytes::new());
    assert_eq!(client().fetch(own.unwrap(), LONG, 99).await.unwrap().body(), "Bearer b");
}

#[tokio::test]
async fn the_user_agent_is_the_builders() {
    let server = Server::start(|connection| {
        let agent = connection.request().unwrap().header("user-agent").unwrap_or("-").to_owned();
        connection.answer(200, "", &agent);
    });
    assert_eq!(fetch(&server.url("/")).await.unwrap().body(), "-");
    let client = HttpClient::builder().no_proxy().user_agent("probe/1").build().unwrap();
    assert_eq!(client.fetch(get(&server.url("/")), LONG, 99).await.unwrap().body(), "probe/1");
}

/// A proxied request goes by reqwest. The server takes the request and closes the connection, as one
/// that restarts does.
#[tokio::test]
async fn a_request_that_may_be_repeated_is_sent_again_when_its_connection_dies() {
    for (method, expected) in [("GET", 3), ("POST", 2)] {
        let requests = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let seen = std::sync::Arc::clone(&requests);
        let proxy = Server::start(move |connection| {
            while connection.request().is_some() {
                // The second request of all is taken and not responded to.
                if seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 {
                    return;
                }
                connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
            }
        });
        let client = HttpClient::builder().proxy(format!("http://{}", proxy.addr()));
        let client = client.build().unwrap();
        client.fetch(get("http://h.invalid/"), LONG, 99).await.unwrap();
        let request = Request::builder().method(method).uri("http://h.invalid/");
        let second = client.fetch(request.body(Bytes::new()).unwrap(), LONG, 99).await;
        assert_eq!(second.is_ok(), method == "GET", "{second:?}");
        assert_eq!(requests.load(std::sync::atomic::Ordering::SeqCst), expected);
    }
}

fn root() -> String {
    rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap().cert.pem()
}

fn key() -> String {
    rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap().signing_key.serialize_pem()
}

#[test]
fn what_cannot_work_is_refused_when_the_client_is_built() {
    for builder in [
        HttpClient::builder().proxy("not a url"),
        HttpClient::builder().user_agent("a\nb"),
        HttpClient::builder().add_root_certificate_pem("no certificate"),
        HttpClient::builder().add_root_certificate_pem(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        HttpClient::builder().add_root_certificate_pem(root() + &key()),
        HttpClient::builder().add_root_certificate_pem(root() + "-----BEGIN CERTIFICATE-----"),
        HttpClient::builder().only_own_roots(),
        HttpClient::builder().proxy("ftp://127.0.0.1:1"),
        HttpClient::builder().proxy("socks5://:1080"),
    ] {
        let error = builder.build().unwrap_err();
        assert!(error.is_request() && !error.is_retryable(), "{error:?}");
    }
    let shown = format!("{:?}", HttpClient::builder().proxy("http://u:pw@127.0.0.1:1"));
    assert!(!shown.contains("pw"), "{shown}");
}
