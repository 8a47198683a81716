//! The memory of a request that waits for its response, as long polls do: over the own transport for
//! plain HTTP, hyper-util's client, and reqwest.
//!
//! `cargo bench -p rt-common --bench waiting`
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use rt_common::HttpClient;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const REQUESTS: usize = 4_000;
const CLIENTS: [&str; 3] = ["plain", "hyper-util", "reqwest"];

fn main() {
    // Each client has a process of its own: freed memory of one would be used by the next.
    match std::env::args().nth(1).filter(|name| CLIENTS.contains(&&**name)) {
        Some(name) => measure(&name),
        None => {
            for name in CLIENTS {
                let program = std::env::current_exe().unwrap();
                assert!(Command::new(program).arg(name).status().unwrap().success());
            }
        }
    }
}

fn client(name: &str) -> HttpClient {
    match name {
        "plain" => HttpClient::plain(),
        "hyper-util" => {
            let client = legacy::Client::builder(TokioExecutor::new()).build_http();
            HttpClient::from_service::<Full<Bytes>, _, _>(client)
        }
        _ => HttpClient::from_reqwest(reqwest::Client::builder().no_proxy().build().unwrap()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn measure(name: &str) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let addr = silent_server();
    let client = client(name);
    let mut waiting = tokio::task::JoinSet::new();
    let mut before = 0.0;
    for number in 0..REQUESTS {
        let client = client.clone();
        let request = http::Request::get(format!("http://{addr}/")).body(Bytes::new()).unwrap();
        waiting.spawn(async move { client.send(request).await.map(drop) });
        // The first ones have brought what all share.
        if number == 100 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            before = resident();
        }
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (resident() - before) / (REQUESTS - 101) as f64;
    println!("{name:<12}{each:>8.2} KiB per waiting request ({REQUESTS} of them)");
}

/// Accepts connections, and never responds.
fn silent_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        // Room for all at once: growing it would be counted as the client's.
        let mut open = Vec::with_capacity(REQUESTS);
        while let Ok((stream, _)) = listener.accept() {
            open.push(stream);
        }
    });
    addr
}

/// Of this process, in KiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
