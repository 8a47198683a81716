//! The transport for plain HTTP: which connections are used again, and which are not.
#![cfg(feature = "plain")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use common::{LONG, get};
use http::Request;
use rt_common::{HttpClient, HttpError};
use rt_testkit::server::{Connection, Server};

const MAX: usize = 1 << 22;

async fn fetch(client: &HttpClient, url: &str) -> Result<String, HttpError> {
    let answer = client.fetch(get(url), LONG, MAX).await?;
    Ok(String::from_utf8(answer.into_body().to_vec()).unwrap())
}

/// Answers that leave the connection open.
fn answer(connection: &mut Connection, body: &str) -> bool {
    connection.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// Answers each request with the number of its connection, as its path asks for it.
fn numbers() -> Server {
    Server::start(|connection| {
        let index = connection.index();
        while let Some(request) = connection.request() {
            match request.target.as_str() {
                "/empty" => connection.send("HTTP/1.1 204 No Content\r\n\r\n"),
                "/chunked" => connection.send(format!(
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{index}\r\n0\r\n\r\n"
                )),
                "/large" => answer(connection, &"x".repeat(MAX)),
                "/close" => connection.answer(200, "", &index.to_string()),
                _ => answer(connection, &index.to_string()),
            };
            if request.target == "/close" {
                return;
            }
        }
    })
}

#[tokio::test]
async fn a_connection_is_used_again_once_the_answer_has_ended() {
    let server = numbers();
    let client = HttpClient::plain();
    for path in ["/", "/chunked", "/empty", "/large", "/"] {
        let body = fetch(&client, &server.url(path)).await.unwrap();
        match path {
            "/empty" => assert_eq!(body, ""),
            "/large" => assert_eq!(body.len(), MAX),
            _ => assert_eq!(body, "0", "{path}"),
        }
    }
}

#[tokio::test]
async fn requests_at_once_have_a_connection_each() {
    let server = numbers();
    let client = HttpClient::plain();
    let first = client.send(get(&server.url("/large"))).await.unwrap();
    assert_eq!(fetch(&client, &server.url("/")).await.unwrap(), "1");
    assert_eq!(first.into_body().collect_within(MAX).await.unwrap().len(), MAX);
    // The one that was used last is taken first: the others may grow old and be closed.
    assert_eq!(fetch(&client, &server.url("/")).await.unwrap(), "0");
}

#[tokio::test]
async fn a_connection_that_the_server_gives_up_is_not_used_again() {
    let server = numbers();
    let client = HttpClient::plain();
    assert_eq!(fetch(&client, &server.url("/close")).await.unwrap(), "0");
    assert_eq!(fetch(&client, &server.url("/")).await.unwrap(), "1");
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_noticed_before_it_is_used() {
    let (closed, was_closed) = mpsc::channel();
    let closed = Mutex::new(closed);
    let server = Server::start(move |connection| {
        connection.request();
        let index = connection.index();
        answer(connection, &index.to_string());
        connection.close();
        let _ = closed.lock().unwrap().send(());
    });
    let client = HttpClient::plain();
    let was_closed = Arc::new(Mutex::new(was_closed));
    for index in ["0", "1", "2"] {
        assert_eq!(fetch(&client, &server.url("/")).await.unwrap(), index);
        let was_closed = Arc::clone(&was_closed);
        let wait = move || was_closed.lock().unwrap().recv_timeout(LONG);
        tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
        // What has arrived is known once the reactor has had its turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The server takes the second request of all, and closes its connection without a response.
#[tokio::test]
async fn a_request_whose_connection_dies_is_sent_again_if_its_method_allows_it() {
    for (method, expected) in [("GET", 3), ("PUT", 3), ("DELETE", 3), ("POST", 2), ("PATCH", 2)] {
        let requests = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&requests);
        let server = Server::start(move |connection| {
            while connection.request().is_some() {
                if seen.fetch_add(1, Ordering::SeqCst) == 1 {
                    return;
                }
                answer(connection, "here");
            }
        });
        let client = HttpClient::plain();
        fetch(&client, &server.url("/")).await.unwrap();
        let second = Request::builder().method(method).uri(server.url("/"));
        let second = client.fetch(second.body(Bytes::from_static(b"x")).unwrap(), LONG, MAX).await;
        assert_eq!(requests.load(Ordering::SeqCst), expected, "{method}");
        match second {
            Ok(response) => assert_eq!((response.body().as_ref(), expected), (&b"here"[..], 3)),
            Err(error) => {
                assert_eq!(expected, 2, "{method}: {error:?}");
                assert!(error.is_retryable() && !error.is_connect() && !error.is_body());
            }
        }
    }
}

#[tokio::test]
async fn who_gives_up_closes_the_connection() {
    let (closed, was_closed) = mpsc::channel();
    let closed = Mutex::new(closed);
    let (arrived, arrival) = tokio::sync::oneshot::channel();
    let arrived = Mutex::new(Some(arrived));
    let server = Server::start(move |connection| {
        let Some(request) = connection.request() else { return };
        match request.target.as_str() {
            "/head" => arrived.lock().unwrap().take().unwrap().send(()).unwrap(),
            _ => drop(connection.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")),
        }
        connection.wait_closed();
        let _ = closed.lock().unwrap().send(connection.index());
    });
    let client = HttpClient::plain();
    tokio::select! {
        answer = client.send(get(&server.url("/head"))) => panic!("{answer:?}"),
        arrived = arrival => arrived.unwrap(),
    }
    let mut body = client.send(get(&server.url("/body"))).await.unwrap().into_body();
    assert_eq!(body.next_data().await.unwrap().unwrap(), "half");
    drop(body);
    let both = move || [(); 2].map(|()| was_closed.recv_timeout(LONG).unwrap());
    let mut both = tokio::task::spawn_blocking(both).await.unwrap();
    both.sort_unstable();
    assert_eq!(both, [0, 1]);
}

#[tokio::test]
async fn an_exchange_does_not_wake_its_own_task() {
    const EXCHANGES: usize = 50;
    let server = numbers();
    let client = HttpClient::plain();
    let url = server.url("/");
    let mut exchanges = pin!(async {
        for _ in 0..EXCHANGES {
            fetch(&client, &url).await.unwrap();
        }
    });
    let mut polls = 0;
    let counted = std::future::poll_fn(|cx| {
        polls += 1;
        exchanges.as_mut().poll(cx)
    });
    counted.await;
    // One for each answer, a few for the connection.
    assert!(polls < EXCHANGES + 10, "{polls} polls for {EXCHANGES} exchanges");
}

#[test]
fn a_client_outlives_the_runtime_of_its_connections() {
    let server = numbers();
    let client = HttpClient::plain();
    for index in ["0", "1"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(fetch(&client, &server.url("/"))).unwrap(), index);
    }
}

#[tokio::test]
async fn the_request_goes_out_in_the_form_that_servers_expect() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        let host = request.header("host").unwrap_or("-").to_owned();
        connection.answer(200, "", &format!("{} {} {host}", request.method, request.target));
    });
    let client = HttpClient::plain();
    let addr = server.addr();
    for (path, target) in [("", "/"), ("?q", "/?q"), ("/a?b=c", "/a?b=c"), ("/ü", "/%C3%BC")] {
        let said = fetch(&client, &format!("http://{addr}{path}")).await.unwrap();
        assert_eq!(said, format!("GET {target} {addr}"));
    }
}

#[tokio::test]
async fn what_is_not_plain_http_is_refused() {
    for url in ["https://127.0.0.1:1/", "/path"] {
        let error = fetch(&HttpClient::plain(), url).await.unwrap_err();
        assert!(error.is_request() && !error.is_retryable(), "{error:?}");
    }
}
