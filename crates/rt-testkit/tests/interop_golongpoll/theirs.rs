//! golongpoll's own client with our gateway.
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lp_client::{Client, HttpClient};
use rt_testkit::process::Process;
use serde_json::{Value, json};

use crate::peers::{self, Peer};

/// golongpoll's client, which follows a category.
struct Follower(Process);

impl Follower {
    fn start(server: &Peer, category: &str, args: &[&str]) -> Self {
        let mut command = Command::new(peers::program("client"));
        command.args(["-url", &server.url("/events"), "-category", category]).args(args);
        Self(Process::start(&mut command))
    }

    /// The next event; a failure is none.
    fn event(&mut self) -> Value {
        let line: Value = serde_json::from_str(&self.0.line_with("{")).unwrap();
        assert!(line["failure"].is_null(), "{line}");
        line
    }

    /// The next event; the failures before it are passed over, but there is at least one.
    fn event_after_failures(&mut self) -> Value {
        let first: Value = serde_json::from_str(&self.0.line_with("failure")).unwrap();
        assert!(first["failure"].is_string(), "{first}");
        serde_json::from_str(&self.0.line_with("\"id\"")).unwrap()
    }
}

fn publisher(server: &Peer) -> Client {
    let http = HttpClient::builder().no_proxy().build().unwrap();
    Client::publisher(server.url("/publish")).http_client(http).build().unwrap()
}

#[tokio::test]
async fn what_is_published_is_followed_whatever_its_data() {
    let server = peers::gateway(&[]);
    let before = now();
    let mut follower = Follower::start(&server, "a", &["-since", "0"]);
    let datas = [
        json!({"n": 1, "text": "ü\n\"<&>"}),
        json!(["two", null]),
        json!("three"),
        json!(false),
        json!(0),
        json!(""),
        json!({}),
        json!(1.5),
    ];
    let mut last = 0;
    for data in &datas {
        publisher(&server).publish("a", data).await.unwrap();
        let event = follower.event();
        assert_eq!((&event["data"], &event["category"]), (data, &json!("a")));
        let timestamp = event["timestamp"].as_i64().unwrap();
        assert!(timestamp >= last && (before..=now()).contains(&timestamp), "{event}");
        last = timestamp;
    }
    // Its publisher, too.
    let mut publish = Command::new(peers::program("client"));
    publish.args([
        "-publish-url",
        &server.url("/publish"),
        "-category",
        "a",
        "-data",
        r#"{"by":"go"}"#,
    ]);
    assert!(Process::start(&mut publish).wait().success());
    assert_eq!(follower.event()["data"], json!({"by": "go"}));
}

#[tokio::test]
async fn a_thousand_events_come_in_order_to_several() {
    const EVENTS: usize = 1_000;
    let server = peers::gateway(&["--history", "2000"]);
    let mut followers: Vec<_> =
        (0..3).map(|_| Follower::start(&server, "a", &["-since", "0"])).collect();
    let client = publisher(&server);
    for n in 0..EVENTS {
        client.publish("a", &n).await.unwrap();
    }
    for follower in &mut followers {
        for n in 0..EVENTS {
            assert_eq!(follower.event()["data"], n);
        }
    }
}

/// Its polls of a second time out again and again, while events are aimed at their ends.
#[tokio::test]
async fn none_is_lost_or_doubled_around_its_timeouts() {
    const FOLLOWERS: usize = 16;
    const ROUNDS: u32 = 5;
    let server = peers::gateway(&[]);
    let client = publisher(&server);
    let mut followers: Vec<_> = (0..FOLLOWERS)
        .map(|n| Follower::start(&server, &format!("c{n}"), &["-timeout", "1", "-since", "0"]))
        .collect();
    let start = Instant::now();
    for (n, follower) in followers.iter_mut().enumerate() {
        client.publish(&format!("c{n}"), &0).await.unwrap();
        assert_eq!(follower.event()["data"], 0);
    }
    // Each poll began with the event before: a little more than a second later it ends.
    let mut sent = Vec::new();
    let begun = start.elapsed();
    for n in 0..FOLLOWERS {
        let client = client.clone();
        sent.push(tokio::spawn(async move {
            for event in 1..=ROUNDS {
                let aim = Duration::from_micros(999_000 + 300 * n as u64);
                tokio::time::sleep(aim).await;
                client.publish(&format!("c{n}"), &event).await.unwrap();
            }
        }));
    }
    for task in sent {
        task.await.unwrap();
    }
    for (n, follower) in followers.iter_mut().enumerate() {
        for event in 1..=ROUNDS {
            assert_eq!(follower.event()["data"], event, "c{n}, begun within {begun:?}");
        }
    }
    // Nothing is left over: the next event is the next one.
    for (n, follower) in followers.iter_mut().enumerate() {
        client.publish(&format!("c{n}"), &"end").await.unwrap();
        assert_eq!(follower.event()["data"], "end");
    }
}

#[tokio::test]
async fn it_resumes_from_a_time() {
    let server = peers::gateway(&[]);
    let client = publisher(&server);
    client.publish("a", &"old").await.unwrap();
    // It cuts the time to seconds.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let since = now().to_string();
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.publish("a", &"new").await.unwrap();
    let mut follower = Follower::start(&server, "a", &["-since", &since]);
    assert_eq!(follower.event()["data"], "new");
    drop(follower);
    let mut follower = Follower::start(&server, "a", &["-since", "0"]);
    assert_eq!(follower.event()["data"], "old");
    assert_eq!(follower.event()["data"], "new");
}

#[tokio::test]
async fn a_gateway_that_ends_answers_its_polls() {
    let mut server = peers::gateway(&[]);
    let client = publisher(&server);
    let mut follower = Follower::start(&server, "a", &["-since", "0", "-timeout", "60"]);
    client.publish("a", &1).await.unwrap();
    assert_eq!(follower.event()["data"], 1);
    let start = Instant::now();
    server.process.interrupt();
    assert!(server.process.wait().success());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// Every publication was acknowledged after a sync, so that none is lost by the kill.
#[tokio::test]
async fn a_restart_with_the_file_store() {
    let folder = tempfile::tempdir().unwrap();
    let broker = format!("file:{}", folder.path().join("events").display());
    let args = ["--broker", &broker, "--sync", "always"];
    let server = peers::gateway(&args);
    let address = server.addr();
    let listen = format!("--listen={address}");
    let mut follower = Follower::start(&server, "a", &["-since", "0", "-timeout", "5"]);
    publisher(&server).publish("a", &0).await.unwrap();
    assert_eq!(follower.event()["data"], 0);
    // Killed, not asked.
    drop(server);
    let server = peers::gateway(&[&args[..], &[&listen]].concat());
    for n in 1..=3 {
        publisher(&server).publish("a", &n).await.unwrap();
    }
    assert_eq!(follower.event_after_failures()["data"], 1);
    assert_eq!(follower.event()["data"], 2);
    assert_eq!(follower.event()["data"], 3);
    drop(server);
    let server = peers::gateway(&[&args[..], &[&listen]].concat());
    // What a new one reads is all of it, in order.
    let mut late = Follower::start(&server, "a", &["-since", "0"]);
    for n in 0..=3 {
        assert_eq!(late.event()["data"], n);
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}
