//! What happens to idle connections whose server restarts.
#![cfg(feature = "plain")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use rt_common::HttpClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Barrier;

/// No call takes longer, unless it waits for something that never comes.
const PROMPT: Duration = Duration::from_secs(5);
const BODY: &[u8] = b"body";

/// A server in a runtime of its own, which ends with all its connections when it is dropped.
struct Server {
    addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    /// Listens here, and responds to the first `together` requests once all of them have come.
    fn start(addr: SocketAddr, together: usize) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let listener = {
            let _inside = runtime.enter();
            let socket = TcpSocket::new_v4().unwrap();
            // The connections of the server before it linger on the port.
            socket.set_reuseaddr(true).unwrap();
            socket.bind(addr).unwrap();
            socket.listen(1_024).unwrap()
        };
        let addr = listener.local_addr().unwrap();
        let barrier = Arc::new(Barrier::new(together));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&barrier)));
            }
        });
        Self { addr, runtime: Some(runtime) }
    }

    /// Ends the server, and starts another one on the same port.
    fn restart(mut self) -> Self {
        let addr = self.addr;
        self.stop();
        Self::start(addr, 1)
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be dropped inside another one.
            let end = std::thread::spawn(move || runtime.shutdown_timeout(PROMPT));
            end.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Responds to each request with its method and its body, and keeps the connection.
async fn serve(mut stream: TcpStream, barrier: Arc<Barrier>) {
    let mut first = true;
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let is_get = head.starts_with("GET");
        if !is_get && body.len() < BODY.len() {
            continue;
        }
        if std::mem::take(&mut first) {
            barrier.wait().await;
        }
        let said = format!("{} {body}", if is_get { "GET" } else { "POST" });
        let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len());
        stream.write_all(response.as_bytes()).await.unwrap();
        request.clear();
    }
}

async fn call(client: &HttpClient, method: Method, addr: SocketAddr) -> String {
    let body = if method == Method::POST { Bytes::from_static(BODY) } else { Bytes::new() };
    let request = Request::builder().method(method).uri(format!("http://{addr}/"));
    let response = client.fetch(request.body(body).unwrap(), PROMPT, 99).await.unwrap();
    String::from_utf8(response.into_body().to_vec()).unwrap()
}

/// Both ends of a thousand connections are in this process.
fn allow_many_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// The restart does not give the client's runtime a turn, so that it cannot have noticed the ends.
async fn next_calls_are_answered_after_a_restart(idle: usize) {
    allow_many_open_files();
    let server = Server::start("127.0.0.1:0".parse().unwrap(), idle);
    let client = HttpClient::plain();
    let addr = server.addr;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..idle {
        let client = client.clone();
        calls.spawn(async move { call(&client, Method::GET, addr).await });
    }
    while let Some(said) = calls.join_next().await {
        assert_eq!(said.unwrap(), "GET ");
    }
    let server = server.restart();
    for _ in 0..3 {
        assert_eq!(call(&client, Method::POST, server.addr).await, "POST body");
        assert_eq!(call(&client, Method::GET, server.addr).await, "GET ");
    }
}

#[tokio::test]
async fn the_next_calls_are_answered_when_1_idle_connection_loses_its_server() {
    next_calls_are_answered_after_a_restart(1).await;
}

#[tokio::test]
async fn the_next_calls_are_answered_when_44_idle_connections_lose_their_server() {
    next_calls_are_answered_after_a_restart(44).await;
}

#[tokio::test]
async fn the_next_calls_are_answered_when_200_idle_connections_lose_their_server() {
    next_calls_are_answered_after_a_restart(200).await;
}

#[tokio::test]
async fn the_next_calls_are_answered_when_1000_idle_connections_lose_their_server() {
    next_calls_are_answered_after_a_restart(1_000).await;
}

/// The ends have been noticed here. Checking all these connections takes more than the budget that
/// tokio gives a task at a time.
#[tokio::test]
async fn checking_many_dead_connections_does_not_use_up_the_budget_of_the_call() {
    for idle in [44, 130, 200, 256] {
        allow_many_open_files();
        let server = Server::start("127.0.0.1:0".parse().unwrap(), idle);
        let client = HttpClient::plain();
        let addr = server.addr;
        let calls: Vec<_> = (0..idle)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { call(&client, Method::GET, addr).await })
            })
            .collect();
        for one in calls {
            one.await.unwrap();
        }
        let server = server.restart();
        // The reactor has its turn: one wait for anything that comes from outside.
        TcpStream::connect(server.addr).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(call(&client, Method::POST, server.addr).await, "POST body", "{idle}");
        assert_eq!(call(&client, Method::POST, server.addr).await, "POST body", "{idle}");
    }
}
