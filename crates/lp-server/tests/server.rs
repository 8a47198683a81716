//! The server of its own over real sockets: start, stop, hooks, persistence; and the service below
//! a router's prefix.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

use lp_server::{LongPoll, Server, ServerOptions, basic_auth};
use rt_serve::Limits;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LONG: Duration = Duration::from_secs(10);

fn options() -> ServerOptions {
    ServerOptions::new("127.0.0.1:0".parse().unwrap())
}

/// Sends one request and reads until the server closes, or closes after its answer.
async fn ask(address: SocketAddr, method: &str, target: &str, rest: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{rest}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = tokio::time::timeout(LONG, stream.read(&mut part)).await.expect("in time");
        let count = read.unwrap_or(0);
        answer.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&answer);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.to_ascii_lowercase();
            let length = length
                .split("content-length: ")
                .nth(1)
                .map(|rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            length.is_some_and(|length| body.len() >= length)
        });
        if count == 0 || whole {
            return text.into_owned();
        }
    }
}

async fn publish(address: SocketAddr, path: &str, data: u64) -> String {
    let body = format!(r#"{{"category":"a","data":{data}}}"#);
    let rest = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    ask(address, "POST", path, &rest).await
}

async fn data(address: SocketAddr, target: &str) -> Vec<u64> {
    let answer = ask(address, "GET", target, "\r\n").await;
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    let json: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    let events = json["events"].as_array().cloned().unwrap_or_default();
    events.iter().map(|event| event["data"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn it_serves_its_two_paths_and_stops_twice() {
    let server = Server::start(options().paths("/sub", "/pub")).await.unwrap();
    let address = server.local_addr();
    assert!(publish(address, "/pub", 7).await.ends_with(r#"{"success": true}"#));
    assert_eq!(data(address, "/sub?timeout=1&category=a&since_time=0").await, [7]);
    let nowhere = ask(address, "GET", "/events", "\r\n").await;
    assert!(nowhere.starts_with("HTTP/1.1 404 ") && nowhere.contains("/sub"), "{nowhere}");
    assert_eq!(server.stop(LONG).await.unwrap(), 0);
    assert_eq!(server.stop(LONG).await.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn stopping_wakes_those_who_wait() {
    let server = Server::start(options()).await.unwrap();
    let address = server.local_addr();
    let waiting =
        (0..20).map(|_| tokio::spawn(ask(address, "GET", "/events?timeout=99&category=a", "\r\n")));
    let waiting: Vec<_> = waiting.collect();
    while server.long_poll().waiting() < 20 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    assert_eq!(server.stop(LONG).await.unwrap(), 0, "no connection had to be cut");
    assert!(began.elapsed() < LONG / 2);
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert!(answer.contains("no events before timeout"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

/// Publishers at work, and a client that never reads, while the server is stopped: it ends by the
/// deadline.
#[tokio::test]
async fn a_stop_keeps_to_its_deadline() {
    let server = Server::start(options()).await.unwrap();
    let address = server.local_addr();
    let large = format!(r#"{{"category":"big","data":"{}"}}"#, "x".repeat(900_000));
    let rest = format!("Content-Length: {}\r\n\r\n{large}", large.len());
    assert!(ask(address, "POST", "/publish", &rest).await.contains("true"));
    let mut stuck = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let poll = "GET /events?timeout=1&category=big&since_time=0 HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(poll.repeat(10).as_bytes()).await.unwrap();
        stream.readable().await.unwrap();
        stuck.push(stream);
    }
    let began = Instant::now();
    let cut = server.stop(Duration::from_millis(200)).await.unwrap();
    assert!(cut > 0 && began.elapsed() < LONG / 2, "{cut} cut in {:?}", began.elapsed());
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let first = Server::start(options()).await.unwrap();
    let taken = ServerOptions::new(first.local_addr());
    let error = Server::start(taken).await.unwrap_err();
    assert!(error.is_address_in_use(), "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains(&first.local_addr().to_string()), "{cause}");
    first.stop(LONG).await.unwrap();
}

#[tokio::test]
async fn an_address_may_be_a_port_alone_as_golongpoll_writes_it() {
    let server = Server::start(":0".parse::<ServerOptions>().unwrap()).await.unwrap();
    assert!(server.local_addr().ip().is_unspecified(), "{:?}", server.local_addr());
    let address = SocketAddr::from(([127, 0, 0, 1], server.local_addr().port()));
    assert!(publish(address, "/publish", 1).await.starts_with("HTTP/1.1 200 "));
    server.stop(LONG).await.unwrap();
    for good in ["127.0.0.1:0", "[::1]:0", "localhost:0"] {
        good.parse::<ServerOptions>().unwrap();
    }
    for bad in ["", ":", "8080", ":http", "127.0.0.1", ":99999"] {
        let error = bad.parse::<ServerOptions>().unwrap_err();
        assert!(error.is_invalid_address() && !error.is_store());
        let text = error.to_string();
        assert!(
            text.contains(&format!("{bad:?} is no address")) && text.contains(":8080"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn hooks_decide_on_both_ways_and_know_the_peer() {
    let hooked = options().polls(|polls| {
        let polls = polls.before_publish(basic_auth("me", "secret"));
        polls.before_subscribe(|request| {
            let peer = request.extensions.get::<SocketAddr>().copied();
            std::future::ready(match peer.is_some_and(|peer| peer.ip().is_loopback()) {
                true => Ok(()),
                false => Err(lp_server::error_answer(http::StatusCode::FORBIDDEN, "from where?")),
            })
        })
    });
    let server = Server::start(hooked).await.unwrap();
    let address = server.local_addr();
    assert!(publish(address, "/publish", 1).await.starts_with("HTTP/1.1 401 "));
    let body = r#"{"category":"a","data":1}"#;
    let auth = "Authorization: Basic bWU6c2VjcmV0\r\n";
    // The fast path, and the general one.
    for connection in ["", "Connection: close\r\n"] {
        let rest = format!("{auth}{connection}Content-Length: {}\r\n\r\n{body}", body.len());
        assert!(ask(address, "POST", "/publish", &rest).await.starts_with("HTTP/1.1 200 "));
        let poll = "/events?timeout=1&category=a&since_time=0";
        let answer = ask(address, "GET", poll, &format!("{connection}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    server.stop(LONG).await.unwrap();
}

#[tokio::test]
async fn limits_hold_on_the_fast_path_too() {
    let limited = options().limits(Limits::default().connections(1));
    let server = Server::start(limited.polls(|polls| polls.max_body(30))).await.unwrap();
    let address = server.local_addr();
    assert!(publish(address, "/publish", 1_000_000).await.starts_with("HTTP/1.1 413 "));
    let _held = TcpStream::connect(address).await.unwrap();
    let mut refused = String::new();
    while !refused.starts_with("HTTP/1.1 503 ") {
        refused = ask(address, "GET", "/events", "\r\n").await;
    }
    server.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn it_mounts_below_a_prefix() {
    let polls = LongPoll::in_memory();
    let routes = axum::Router::new().nest_service("/live", polls.service());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    assert!(publish(address, "/live/publish", 5).await.contains("true"));
    assert_eq!(data(address, "/live/events?timeout=1&category=a&since_time=0").await, [5]);
}

#[cfg(feature = "file")]
mod file {
    use super::*;
    use lp_server::FilePersistor;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = format!("lp-server-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[tokio::test]
    async fn a_golongpoll_file_is_no_store_and_the_error_says_how_to_import_it() {
        let folder = folder("golongpoll-file");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("events.json");
        std::fs::write(&file, "{\"timestamp\":1,\"category\":\"a\",\"data\":1}\n").unwrap();
        let kept = options().persist(FilePersistor::new(&file));
        let error = Server::start(kept).await.unwrap_err();
        let text = error.to_string();
        assert!(error.is_store() && text.contains("import_golongpoll"), "{text}");
        assert!(text.contains(&*file.to_string_lossy()), "{text}");
        assert!(std::fs::read_to_string(&file).unwrap().starts_with('{'), "it is left as it was");
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Hole 4: what was accepted before a stop is there after it, whatever its durability.
    #[tokio::test]
    async fn a_stop_loses_nothing_and_a_start_goes_on() {
        let folder = folder("stop");
        let slow = Duration::from_secs(3600);
        for (round, persistor) in [
            FilePersistor::new(&folder),
            FilePersistor::new(&folder).group(1 << 20, slow),
            FilePersistor::new(&folder).unsynced(),
        ]
        .into_iter()
        .enumerate()
        {
            let server = Server::start(options().persist(persistor)).await.unwrap();
            let address = server.local_addr();
            let before = 30 * round as u64;
            let query = "/events?timeout=1&category=a&since_time=0";
            if round > 0 {
                assert_eq!(data(address, query).await, (0..before).collect::<Vec<_>>());
            }
            for n in before..before + 30 {
                assert!(publish(address, "/publish", n).await.contains("true"));
            }
            server.stop(LONG).await.unwrap();
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    /// Publishers go on while the server is stopped: what was acknowledged is there afterwards.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_stop_under_load_loses_nothing_that_was_acknowledged() {
        let folder = folder("load");
        let persistor = || FilePersistor::new(&folder).group(1 << 20, Duration::from_secs(3600));
        let bounds = rt_broker::Bounds::new().count(1_000_000).bytes(1 << 30);
        let start = || Server::start(options().persist(persistor()).bounds(bounds));
        let server = start().await.unwrap();
        let address = server.local_addr();
        let publishers = (0..4_u64).map(|publisher| {
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0.. {
                    let data = publisher * 1_000_000 + n;
                    let Ok(mut stream) = TcpStream::connect(address).await else { break };
                    let body = format!(r#"{{"category":"a","data":{data}}}"#);
                    let head = "POST /publish HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
                    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
                    let mut answer = String::new();
                    let asked = stream.write_all(request.as_bytes()).await.is_ok()
                        && stream.read_to_string(&mut answer).await.is_ok();
                    if !asked || !answer.contains("true") {
                        break;
                    }
                    acknowledged.push(data);
                }
                acknowledged
            })
        });
        let publishers: Vec<_> = publishers.collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.stop(LONG).await.unwrap();
        let mut acknowledged = Vec::new();
        for publisher in publishers {
            acknowledged.extend(publisher.await.unwrap());
        }
        assert!(acknowledged.len() > 4, "{acknowledged:?}");
        let server = start().await.unwrap();
        let query = "/events?timeout=1&category=a&since_time=0";
        let held = data(server.local_addr(), query).await;
        let missing: Vec<_> = acknowledged.iter().filter(|data| !held.contains(data)).collect();
        assert!(missing.is_empty(), "{missing:?} of {}", acknowledged.len());
        server.stop(LONG).await.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_opened_is_told_and_left_as_it_is() {
        let file = folder("file");
        std::fs::write(&file, "not a store").unwrap();
        let error = Server::start(options().persist(FilePersistor::new(&file))).await.unwrap_err();
        assert!(error.is_store() && !error.is_address_in_use(), "{error:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "not a store");
        std::fs::remove_file(&file).unwrap();
    }
}
