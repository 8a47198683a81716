//! Where publications are kept: what survives, and what cannot be a store.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use common::Gateway;
use common::polls::{body, data, strict};
use common::scratch::Scratch;
use serde_json::json;
use std::path::{Path, PathBuf};

fn broker(path: &Path) -> String {
    format!("file:{}", path.display())
}

#[test]
fn a_store_that_cannot_be_is_said_and_nothing_is_overwritten() {
    for nonsense in ["redis:there", "file", "file:", ""] {
        let ended = Gateway::fails(&["--broker", nonsense]);
        assert_eq!(ended.status.code(), Some(2), "{nonsense}");
        assert!(ended.log.contains("--broker") && ended.log.contains("file:"), "{}", ended.log);
    }
    let ended = Gateway::fails(&["--sync", "sometimes"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.log.contains("always") && ended.log.contains("none"), "{}", ended.log);

    let folder = Scratch::new("polls-store");
    let (file, others) = (folder.join("file"), folder.join("others"));
    std::fs::write(&file, "not a store").unwrap();
    std::fs::create_dir(&others).unwrap();
    std::fs::write(others.join("letter"), "dear").unwrap();
    for (path, words) in [
        (file.clone(), "is a file"),
        (file.join("below"), "Not a directory"),
        (others.clone(), "is not a store"),
        // Not even the system's administrator makes a folder there.
        (PathBuf::from("/proc/nowhere"), "cannot be created"),
    ] {
        let ended = Gateway::fails(&["--listen", "127.0.0.1:0", "--broker", &broker(&path)]);
        assert_eq!(ended.status.code(), Some(1), "{path:?}");
        // The engine logs that it refused the store, and the gateway says why it ends.
        let last = ended.log.lines().last().unwrap();
        let told = last.contains(words) && last.contains(path.to_str().unwrap());
        assert!(told && ended.log.lines().count() == 2, "{path:?}: {}", ended.log);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not a store");
    assert_eq!(std::fs::read_to_string(others.join("letter")).unwrap(), "dear");
    assert_eq!(std::fs::read_dir(&others).unwrap().count(), 1);
}

#[test]
fn two_gateways_do_not_share_a_folder() {
    let folder = Scratch::new("polls-shared");
    let store = broker(&folder.join("events"));
    let first = Gateway::start(&["--broker", &store]);
    assert_eq!(first.post("/publish", r#"{"category":"z","data":1}"#).status, 200);
    let ended = Gateway::fails(&["--listen", "127.0.0.1:0", "--broker", &store]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.lines().last().unwrap().contains("is open elsewhere"), "{}", ended.log);
    assert_eq!(data(&first.get("/events?timeout=1&category=z&since_time=1")), [json!(1)]);
}

#[test]
fn a_kill_loses_nothing_and_positions_go_on() {
    let folder = Scratch::new("polls-kill");
    let store = broker(&folder.join("events"));
    let args = ["--broker", store.as_str(), "--sync", "always"];
    let publish = |gateway: &Gateway, n: u32| {
        let answer = gateway.post("/publish", format!(r#"{{"category":"z","data":{n}}}"#));
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let gateway = Gateway::start(&args);
    let mut stream = gateway.stream("zone=z");
    publish(&gateway, 1);
    let mut id = stream.next().id;
    let (answer, mut cursor) = strict(&gateway, "category=z&since_time=1");
    let event = body(&answer)["events"][0].clone();
    let (mut since, mut last) = (event["timestamp"].clone(), event["id"].clone());
    let mut gateway = gateway;
    for round in 1..=3_u32 {
        let first = round * 10;
        (first..first + 3).for_each(|n| publish(&gateway, n));
        gateway.signal("KILL");
        assert!(!gateway.ended().status.success());
        gateway = Gateway::start(&args);
        // One more, so that old and new are in one answer.
        publish(&gateway, first + 3);
        let wanted: Vec<_> = (first..=first + 3).map(|n| json!(n)).collect();

        let mut stream = gateway.open("/sse?zone=z", &[("last-event-id", &id)]);
        assert_eq!(stream.next().event, "ping");
        for n in &wanted {
            let event = stream.next();
            assert_eq!((event.event.as_str(), &event.data), ("", &n.to_string()));
            id = event.id;
        }
        let (answer, next) = strict(&gateway, &format!("category=z&cursor={cursor}"));
        assert_eq!((data(&answer), body(&answer).get("gaps")), (wanted.clone(), None));
        cursor = next;
        let last_id = last.as_str().unwrap();
        let query = format!("/events?timeout=5&category=z&since_time={since}&last_id={last_id}");
        let answer = gateway.get(&query);
        assert_eq!((data(&answer), answer.header("longpoll-gap")), (wanted, None));
        let event = body(&answer)["events"].as_array().unwrap().last().unwrap().clone();
        (since, last) = (event["timestamp"].clone(), event["id"].clone());
    }
    let all = data(&gateway.get("/events?timeout=1&category=z&since_time=1"));
    assert_eq!(all, [1, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33].map(|n| json!(n)));
}
