//! The server over real sockets on loopback: limits, time-outs, shutdown.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use rt_serve::{Limits, RequestBody, Running, Server, service_fn};
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// `/echo` gives the body back, `/never` never answers, `/peer` gives the peer's address.
fn start(limits: Limits) -> Running {
    let service = service_fn(|request: Request<RequestBody>| async {
        let peer = request.extensions().get::<SocketAddr>().map(ToString::to_string);
        let (status, text) = match request.uri().path() {
            "/never" => pending().await,
            "/peer" => (StatusCode::OK, peer.expect("the peer is known").into()),
            _ => match request.into_body().collect().await {
                Ok(body) => (StatusCode::OK, body.to_bytes()),
                Err(error) if error.is_too_large() => {
                    (StatusCode::PAYLOAD_TOO_LARGE, error.to_string().into())
                }
                Err(error) if error.is_timeout() => {
                    (StatusCode::REQUEST_TIMEOUT, error.to_string().into())
                }
                Err(error) => (StatusCode::BAD_REQUEST, error.to_string().into()),
            },
        };
        let mut response = Response::new(Full::<Bytes>::new(text));
        *response.status_mut() = status;
        Ok::<_, Infallible>(response)
    });
    Server::builder().limits(limits).bind(loopback()).expect("bound").serve(service)
}

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.local_addr()).await.expect("connected")
}

/// Sends these bytes and reads until the server closes.
async fn exchange(server: &Running, request: &str) -> String {
    let mut stream = connect(server).await;
    stream.write_all(request.as_bytes()).await.expect("sent");
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut answer));
    // A connection that is reset after its answer has given the answer all the same.
    let _ = read.await.expect("the server closes");
    String::from_utf8(answer).expect("text")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn serves_and_names_the_peer() {
    let server = start(Limits::default());
    let mut stream = connect(&server).await;
    let own = stream.local_addr().unwrap().to_string();
    stream.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.ends_with(&own));
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let server = start(Limits::default());
    let error = Server::builder().bind(server.local_addr()).unwrap_err();
    assert!(error.is_address_in_use());
    assert!(error.to_string().contains("choose another port"), "{error}");
}

#[tokio::test]
async fn heads_are_bounded_in_bytes_lines_and_time() {
    let limits = Limits::default().head_bytes(8 << 10).headers(10).head_timeout(SHORT);
    let server = start(limits);
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(20 << 10));
    assert_eq!(status(&exchange(&server, &long).await), "431");
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: x\r\n".repeat(20));
    assert_eq!(status(&exchange(&server, &many).await), "431");
    let begun = Instant::now();
    let answer = exchange(&server, "GET / HTTP/1.1\r\nHost:").await;
    assert!(answer.is_empty() || status(&answer) == "408", "{answer}");
    assert!(begun.elapsed() < LONG);
}

#[tokio::test]
async fn bodies_are_bounded_in_bytes_and_time() {
    let server = start(Limits::default().body_bytes(10).body_timeout(SHORT));
    let post = |length: usize, body: &str| {
        format!(
            "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    assert!(exchange(&server, &post(10, "0123456789")).await.ends_with("0123456789"));
    let large = exchange(&server, &post(11, "")).await;
    assert_eq!(status(&large), "413", "told from its head, before the body comes");
    assert!(large.ends_with("larger than 10 bytes"));
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
        Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n";
    assert_eq!(status(&exchange(&server, chunked).await), "413");
    assert_eq!(status(&exchange(&server, &post(10, "slow")).await), "408");
}

#[tokio::test]
async fn one_connection_too_many_is_answered_503() {
    let server = start(Limits::default().connections(1));
    let mut first = connect(&server).await;
    let ask = b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n";
    first.write_all(ask).await.unwrap();
    first.read_u8().await.unwrap();
    let refused = exchange(&server, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&refused), "503");
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{refused}");
    assert!(head.contains("Retry-After"));
    drop(first);
    while server.connections() > 0 {
        tokio::task::yield_now().await;
    }
    connect(&server).await.write_all(ask).await.unwrap();
}

#[tokio::test]
async fn shutdown_waits_for_what_is_under_way_and_takes_nothing_new() {
    let entered = Arc::new(Notify::new());
    let go_on = Arc::new(Notify::new());
    let (enter, go) = (entered.clone(), go_on.clone());
    let service = service_fn(move |_: Request<RequestBody>| {
        let (enter, go) = (enter.clone(), go.clone());
        async move {
            enter.notify_one();
            go.notified().await;
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::new("done".into())))
        }
    });
    let server = Server::builder().bind(loopback()).unwrap().serve(service);
    let address = server.local_addr();
    let mut idle = connect(&server).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    entered.notified().await;
    let hooked = go_on.clone();
    let server = server.before_drain(move || hooked.notify_one());
    let drained = server.shutdown(LONG).await;
    assert_eq!(drained.cut, 0);
    assert!(read_all(&mut stream).await.ends_with("done"));
    assert_eq!(read_all(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_never_ends_is_cut_at_the_deadline() {
    let server = start(Limits::default());
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    while server.connections() == 0 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    assert_eq!(server.shutdown(SHORT).await.cut, 1);
    assert!((SHORT..LONG).contains(&begun.elapsed()));
    assert_eq!(read_all(&mut stream).await, "");
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn http2_is_told_apart_by_its_first_bytes() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let service = service_fn(|request: Request<RequestBody>| async move {
        let version = format!("{:?}", request.version());
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::new(version.into())))
    });
    let server = Server::builder().http2(true).bind(loopback()).unwrap().serve(service);
    let io = TokioIo::new(connect(&server).await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = Request::get("http://x/").body(Full::<Bytes>::default()).unwrap();
    let body = sender.send_request(request).await.unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "HTTP/2.0");
    let old = exchange(&server, "PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(old.ends_with("HTTP/1.1"), "{old}");
    assert_eq!(server.shutdown(LONG).await.cut, 0);
    driver.await.unwrap().unwrap();
}
