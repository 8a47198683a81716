//! What polls cost that wait: 50,000 in memory, and 15,000 over TCP on loopback.
//!
//! `cargo bench -p lp-server --features server --bench waiting` (Linux; 16,000 open files).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use http::Request;
use lp_server::{LongPoll, Server, ServerOptions};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio, id};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

const IDLE: Duration = Duration::from_secs(5);

/// CPU time of a process, and the memory that it holds, in KiB.
fn used(process: u32) -> (Duration, f64) {
    let mut threads = Duration::ZERO;
    for task in std::fs::read_dir(format!("/proc/{process}/task")).expect("Linux").flatten() {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
        threads += Duration::from_nanos(nanos);
    }
    let roll = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).expect("Linux");
    let pss = roll.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a size");
    (threads, pss.trim().trim_end_matches(" kB").parse().expect("a number"))
}

async fn report(what: &str, process: u32, count: usize, before: f64) {
    let (from, held) = used(process);
    tokio::time::sleep(IDLE).await;
    let (to, _) = used(process);
    let share = (to - from).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    let each = (held - before) / count as f64;
    println!(
        "{what:<10} {count:>6} polls  {share:.3} % of a core while idle  {each:.2} KiB a poll"
    );
}

async fn in_memory(count: usize) {
    let polls = LongPoll::in_memory();
    let (_, before) = used(id());
    for n in 0..count {
        let target = format!("/events?timeout=110&category=c{}", n % 500);
        let (head, ()) = Request::get(target).body(()).expect("a poll").into_parts();
        tokio::spawn(polls.subscribe(&head));
    }
    while polls.waiting() < count {
        tokio::task::yield_now().await;
    }
    report("in memory", id(), count, before).await;
}

async fn over_tcp(count: usize) {
    let this = std::env::current_exe().expect("this program");
    let mut server =
        Command::new(this).arg("server").stdout(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    let out = server.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("an address");
    let (_, before) = used(server.id());
    let mut clients = Vec::new();
    for n in 0..count {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(format!("127.0.1.{}:0", 1 + n / 10_000).parse().expect("one")).expect("bound");
        let address = line.trim().parse().expect("an address");
        let mut client: TcpStream = socket.connect(address).await.expect("connected");
        let path = format!("/events?timeout=110&category=c{}", n % 500);
        let poll = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        client.write_all(poll.as_bytes()).await.expect("sent");
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    report("over TCP", server.id(), count, before).await;
    server.kill().expect("ended");
    server.wait().expect("ended");
}

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some("server") {
        let options = ServerOptions::new("127.0.0.1:0".parse().expect("an address"));
        let server = Server::start(options).await.expect("started");
        println!("{}", server.local_addr());
        return std::future::pending().await;
    }
    in_memory(50_000).await;
    over_tcp(15_000).await;
}
