//! Streams: resuming, gaps, presence, ids.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use common::Gateway;
use serde_json::Value;

fn publish(gateway: &Gateway, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let body = format!(r#"{{"category":"z","data":{number}}}"#);
        assert_eq!(gateway.post("/publish", body).status, 200);
    }
}

#[test]
fn a_stream_says_what_it_is() {
    let gateway = Gateway::start(&["--retry", "7"]);
    let stream = gateway.stream("zone=z");
    assert_eq!(stream.head.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(stream.head.header(name), Some(value), "{name}");
    }
    assert_eq!(stream.ping.data, format!("z->{} Connection Successful!", stream.client()));
    assert_eq!((stream.client().len(), stream.ping.retry.as_str()), (16, "7000"));
    assert!(stream.ping.id.contains('-'));
}

#[test]
fn who_comes_back_is_given_what_it_missed() {
    let gateway = Gateway::start(&[]);
    let mut stream = gateway.stream("zone=z");
    let begin = stream.ping.id.clone();
    publish(&gateway, 1..=2);
    assert_eq!(stream.next().data, "1");
    let second = stream.next().id;
    drop(stream);
    publish(&gateway, 3..=4);

    let header = [("last-event-id", second.as_str())];
    let mut by_header = gateway.open("/sse?zone=z", &header);
    assert_eq!(by_header.next().event, "ping");
    assert_eq!(by_header.until("4"), ["3", "4"]);
    let mut by_query = gateway.open(&format!("/sse?zone=z&last_event_id={begin}"), &[]);
    assert_eq!((by_query.next().id, by_query.until("4").len()), (begin.clone(), 4));
    let mut both = gateway.open(&format!("/sse?zone=z&last_event_id={begin}"), &header);
    both.next();
    assert_eq!(both.until("4"), ["3", "4"]);
    publish(&gateway, 5..=5);
    assert_eq!((both.next().data, by_query.next().data), ("5".to_owned(), "5".to_owned()));
}

#[test]
fn an_id_that_means_nothing_is_a_gap_and_then_what_is_held() {
    let gateway = Gateway::start(&["--history", "2"]);
    let old = gateway.stream("zone=z").ping.id;
    publish(&gateway, 1..=4);
    let long = "9".repeat(5_000);
    for id in ["nonsense", "0-0", "-", "99999999999999999999-1", &old, &long] {
        let mut stream = gateway.open("/sse?zone=z", &[("last-event-id", id)]);
        assert_eq!(stream.next().event, "ping", "{id}");
        let gap = stream.next();
        assert_eq!(gap.event, "gap", "{id}: {gap:?}");
        let told: Value = serde_json::from_str(&gap.data).unwrap();
        assert!(told["reason"].is_string() && told["resume"] == gap.id.as_str(), "{told}");
        assert_eq!(stream.until("4"), ["3", "4"], "{id}");
    }
}

#[test]
fn without_history_nothing_is_kept_and_nobody_there_is_an_error() {
    let gateway = Gateway::start(&["--history", "0"]);
    let send = || gateway.post("/send", r#"{"message":{"data":"x"},"zone":"z","broadcast":true}"#);
    let (status, error) = send().error();
    assert_eq!((status, error.as_str()), (404, r#"the zone "z" does not exist"#));
    let mut stream = gateway.stream("zone=z");
    assert_eq!(send().json()["reached"], 1);
    let last = stream.next();
    assert_eq!(last.data, "x");
    publish(&gateway, 1..=1);
    assert_eq!(stream.next().data, "1");
    let mut back = gateway.open("/sse?zone=z", &[("last-event-id", &stream.ping.id)]);
    assert_eq!((back.next().event, back.next().event), ("ping".to_owned(), "gap".to_owned()));
    publish(&gateway, 2..=2);
    assert_eq!(back.next().data, "2");
}

#[test]
fn ids_are_trusted_only_when_told_to() {
    let gateway = Gateway::start(&[]);
    assert_ne!(gateway.stream("zone=z&id=me").client(), "me");
    let trusting = Gateway::start(&["--trust-client-ids", "--same-id", "replace"]);
    let mut first = trusting.stream("zone=z&id=me");
    assert_eq!(first.client(), "me");
    let mut second = trusting.stream("zone=z&id=me");
    let close = first.next();
    assert_eq!(close.event, "close");
    assert!(close.data.contains("replaced"), "{close:?}");
    assert_eq!(first.try_next(), None);
    // It comes back as a browser does, and is sent away for good.
    let back = trusting.ask("GET", "/sse?zone=z&id=me", &[("last-event-id", &close.id)], "");
    assert_eq!(back.status, 204);
    publish(&trusting, 1..=1);
    assert_eq!(second.next().data, "1");
}

#[test]
fn presence_tells_who_is_there() {
    let gateway = Gateway::start(&[]);
    let nobody = gateway.get("/presence?zone=z").json();
    assert_eq!((nobody["total"].as_u64(), nobody["zone"].as_str()), (Some(0), Some("z")));
    let (one, two) = (gateway.stream("zone=z"), gateway.stream("zone=z"));
    let there = gateway.get("/presence?zone=z").json();
    assert_eq!(there["total"], 2);
    let ids: Vec<_> = there["clients"].as_array().unwrap().iter().map(|c| &c["id"]).collect();
    assert!(ids.contains(&&one.client().into()) && ids.contains(&&two.client().into()), "{there}");
    assert!(there["clients"][0]["connected_since"].is_u64(), "{there}");
    assert_eq!(gateway.get("/presence").json()["zone"], "default");
    assert_eq!(gateway.post("/presence", "").header("allow"), Some("GET, HEAD"));
}

#[test]
fn a_heartbeat_is_an_event_where_it_is_asked_for() {
    let gateway = Gateway::start(&["--heartbeat", "0.05"]);
    let mut stream = gateway.stream("zone=z&heartbeat=event");
    for _ in 0..3 {
        let beat = stream.next();
        assert_eq!((beat.event.as_str(), beat.id.as_str()), ("heartbeat", ""), "{beat:?}");
        assert_eq!(beat.data, r#"{"interval":50}"#);
    }
    let mut comments = gateway.stream("zone=z&heartbeat=comment");
    gateway.post("/publish", r#"{"category":"z","data":1}"#);
    assert_eq!(comments.next().data, "1");
    let (status, error) = gateway.get("/sse?zone=z&heartbeat=maybe").error();
    assert_eq!((status, error.as_str()), (400, "heartbeat must be comment or event"));
}
