//! The fast path over real sockets: what goes it, what does not, and how it ends.
#![allow(clippy::expect_used)] // A failure here is a test's failure.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use rt_serve::{Limits, RequestBody, Running, Server, service_fn};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

type Answer = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// What `/wait` waits for, and who is told once its answer is dropped.
#[derive(Clone, Default)]
struct Signals {
    go: Arc<Notify>,
    waiting: Arc<Notify>,
    dropped: Arc<Notify>,
}

struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// `/fast…` and `/wait` go the fast path, which names itself; all else goes to the service, which
/// gives the body back.
fn start(limits: Limits, signals: &Signals) -> Running {
    let service = service_fn(|request: Request<RequestBody>| async {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.map(|body| body.to_bytes());
        let text = format!("slow {path} {}", String::from_utf8_lossy(&body.unwrap_or_default()));
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(text)))
    });
    let signals = signals.clone();
    let path = move |request: Request<Bytes>, peer: SocketAddr| -> Option<Answer> {
        assert!(peer.ip().is_loopback());
        let signals = signals.clone();
        match request.uri().path() {
            "/wait" => Some(Box::pin(async move {
                let told = Told(signals.dropped);
                signals.waiting.notify_one();
                signals.go.notified().await;
                std::mem::forget(told);
                Response::new("waited".into())
            })),
            "/large" => Some(Box::pin(async { Response::new(vec![b'x'; 9 << 20].into()) })),
            "/never" => Some(Box::pin(pending())),
            "/fast/none" => Some(Box::pin(async {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            })),
            path if path.starts_with("/fast") => {
                let text = format!("fast {} {:?}", request.uri(), request.body());
                Some(Box::pin(async move { Response::new(text.into()) }))
            }
            _ => None,
        }
    };
    let address = "127.0.0.1:0".parse().expect("an address");
    let server = Server::builder().limits(limits).bind(address).expect("bound");
    server.serve_with_fast_path(service, path)
}

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.local_addr()).await.expect("connected")
}

async fn send(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).await.expect("sent");
}

/// Reads until these words have come.
async fn until(stream: &mut TcpStream, words: &str) -> String {
    let mut read = String::new();
    while !read.contains(words) {
        let mut part = [0; 4096];
        let count = tokio::time::timeout(LONG, stream.read(&mut part)).await.expect("in time");
        let count = count.expect("read");
        assert!(count > 0, "closed after {read:?}, before {words:?}");
        read.push_str(std::str::from_utf8(&part[..count]).expect("text"));
    }
    read
}

/// What comes until the server closes.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut answer));
    let _ = read.await.expect("the server closes");
    answer
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[tokio::test]
async fn answers_have_a_length_a_date_and_go_on() {
    let server = start(Limits::default(), &Signals::default());
    let mut stream = connect(&server).await;
    send(&mut stream, get("/fast?a=b")).await;
    let answer = until(&mut stream, "fast /fast?a=b b\"\"").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-length: 18\r\n"), "{answer}");
    let date = answer.split("date: ").nth(1).expect("a date");
    assert!(date[..29].ends_with(" GMT") && date[29..].starts_with("\r\n\r\n"), "{answer}");
    send(&mut stream, "POST /fast HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi").await;
    until(&mut stream, "fast /fast b\"hi\"").await;
    send(&mut stream, get("/fast/none")).await;
    let none = until(&mut stream, "\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.1 204 No Content\r\n") && !none.contains("content-length"));
}

#[tokio::test]
async fn what_comes_in_pieces_and_what_comes_ahead_is_answered_in_order() {
    let signals = Signals::default();
    let server = start(Limits::default(), &signals);
    let mut stream = connect(&server).await;
    for byte in get("/fast/1").bytes() {
        send(&mut stream, [byte]).await;
    }
    until(&mut stream, "fast /fast/1").await;
    // Three at once, of which the first waits and the last goes to the service.
    let three = [get("/wait"), get("/fast/2"), get("/slow")].concat();
    send(&mut stream, three).await;
    signals.waiting.notified().await;
    signals.go.notify_one();
    let all = until(&mut stream, "slow /slow").await;
    let places = ["waited", "fast /fast/2", "slow /slow"].map(|words| all.find(words));
    assert!(places.is_sorted() && places[0].is_some(), "{all}");
    // From there on all goes to the service.
    send(&mut stream, get("/fast/3")).await;
    until(&mut stream, "slow /fast/3").await;
}

#[tokio::test]
async fn what_is_out_of_the_ordinary_goes_to_the_service_whole() {
    let server = start(Limits::default(), &Signals::default());
    let large = "x".repeat(100_000);
    for (request, expected) in [
        ("GET /fast HTTP/1.0\r\n\r\n".to_owned(), "slow /fast "),
        ("PUT /fast HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na".to_owned(), "slow /fast a"),
        (
            "POST /fast HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"
                .to_owned(),
            "slow /fast b",
        ),
        (
            format!("POST /fast HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{large}"),
            &large[..1000],
        ),
        ("GET /fast HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "slow /fast "),
        ("GET /fast HTTP/1.1\r\nbad\x01: x\r\n\r\n".to_owned(), "400 Bad Request"),
        (format!("GET /{large} HTTP/1.1\r\nHost: x\r\n\r\n"), " 431 "),
        (format!("GET / HTTP/1.1\r\nHost: x\r\na: {large}\r\n\r\n"), " 431 "),
    ] {
        let mut stream = connect(&server).await;
        // The answer may be there before all is written.
        let _ = stream.write_all(request.as_bytes()).await;
        until(&mut stream, expected).await;
    }
}

#[tokio::test]
async fn an_answer_is_dropped_once_its_client_has_gone() {
    let signals = Signals::default();
    let server = start(Limits::default(), &signals);
    let mut stream = connect(&server).await;
    send(&mut stream, get("/wait")).await;
    signals.waiting.notified().await;
    assert_eq!(server.connections(), 1);
    drop(stream);
    tokio::time::timeout(LONG, signals.dropped.notified()).await.expect("dropped");
}

#[tokio::test]
async fn heads_that_do_not_come_and_flooders_are_not_waited_for() {
    let signals = Signals::default();
    let server = start(Limits::default().head_timeout(SHORT), &signals);
    for begun in ["", "GET /fa", "POST /fast HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc"] {
        let mut stream = connect(&server).await;
        send(&mut stream, begun).await;
        let began = Instant::now();
        assert!(rest(&mut stream).await.is_empty());
        assert!(began.elapsed() < LONG / 2);
    }
    // A poll may wait for longer than a head.
    let mut stream = connect(&server).await;
    send(&mut stream, get("/wait")).await;
    signals.waiting.notified().await;
    tokio::time::sleep(2 * SHORT).await;
    signals.go.notify_one();
    until(&mut stream, "waited").await;
}

#[tokio::test]
async fn one_who_sends_on_and_on_while_it_waits_is_held_up_not_kept() {
    let signals = Signals::default();
    let server = start(Limits::default(), &signals);
    let mut stream = connect(&server).await;
    send(&mut stream, get("/wait")).await;
    signals.waiting.notified().await;
    // More than any socket's buffers take.
    let flood = get("/fast").repeat(1 << 20);
    let sent = tokio::time::timeout(5 * SHORT, stream.write_all(flood.as_bytes())).await;
    assert!(sent.is_err(), "the server took {} bytes in", flood.len());
}

#[tokio::test]
async fn a_large_answer_arrives_whole_and_one_that_nobody_reads_is_given_up() {
    let server = start(Limits::default().write_timeout(2 * SHORT), &Signals::default());
    let mut stream = connect(&server).await;
    send(&mut stream, get("/large")).await;
    let mut answer = vec![0; 9 << 20];
    tokio::time::timeout(LONG, stream.read_exact(&mut answer))
        .await
        .expect("in time")
        .expect("all");
    let mut idle = connect(&server).await;
    send(&mut idle, get("/large")).await;
    idle.readable().await.expect("it begins");
    tokio::time::timeout(LONG, async {
        while server.connections() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("given up");
}

#[tokio::test]
async fn a_shutdown_ends_idle_ones_waits_for_answers_and_cuts_the_rest() {
    let signals = Signals::default();
    let server = start(Limits::default(), &signals);
    let (mut idle, mut waits, mut never) =
        (connect(&server).await, connect(&server).await, connect(&server).await);
    send(&mut idle, get("/fast")).await;
    until(&mut idle, "fast").await;
    send(&mut never, get("/never")).await;
    send(&mut waits, get("/wait")).await;
    signals.waiting.notified().await;
    let shutdown = tokio::spawn(server.shutdown(Duration::from_secs(1)));
    assert!(rest(&mut idle).await.is_empty());
    signals.go.notify_one();
    let answer = String::from_utf8(rest(&mut waits).await).expect("text");
    assert!(answer.ends_with("waited") && answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(shutdown.await.expect("shut down").cut, 1);
    assert!(rest(&mut never).await.is_empty());
}
