//! Long polls beside event streams: one publication reaches both, and both are let in alike.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use common::polls::{body, data, strict};
use common::scratch::Scratch;
use common::{Answer, Gateway};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TOKEN: &str = "a-token-of-enough-characters";
const ORIGIN: &str = "https://app.example";

/// Waits until so many polls wait.
fn waiting(gateway: &Gateway, count: usize) {
    let begun = Instant::now();
    let line = format!("\nlp_server_waiting {count}\n");
    while !gateway.get("/metrics").body.contains(&line) {
        assert!(begun.elapsed() < Duration::from_secs(15), "{}", gateway.get("/metrics").body);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Each way to publish: path, body, and what a stream and a poller are given.
fn ways() -> [(&'static str, Value, &'static str, Value, Option<&'static str>); 6] {
    let packet =
        |message: Value, zone: &str| json!({"message": message, "zone": zone, "broadcast": true});
    [
        (
            "/publish",
            json!({"category": "z", "data": {"n": 1}}),
            r#"{"n":1}"#,
            json!({"n": 1}),
            None,
        ),
        ("/publish", json!({"category": "z", "data": "text"}), r#""text""#, json!("text"), None),
        (
            "/send",
            packet(json!({"data": "two\nlines"}), "z"),
            "two\nlines",
            json!("two\nlines"),
            None,
        ),
        (
            "/send",
            packet(json!({"data": "typed", "event": "note"}), "z"),
            "typed",
            json!("typed"),
            Some("note"),
        ),
        (
            "/send",
            packet(json!({"data": r#"{"n":5}"#, "event": "order"}), "z"),
            r#"{"n":5}"#,
            json!(r#"{"n":5}"#),
            Some("order"),
        ),
        ("/send", packet(json!({"data": "to all"}), ""), "to all", json!("to all"), None),
    ]
}

#[test]
fn a_publication_by_any_way_reaches_streams_and_polls() {
    let gateway = Gateway::start(&[]);
    let mut stream = gateway.stream("zone=z");
    let (_, mut cursor) = strict(&gateway, "category=z&timeout=1");
    let (mut since, mut last) = (1, String::new());
    for (path, sent, to_stream, to_poll, kind) in ways() {
        let plain = format!("/events?timeout=20&category=z&since_time={since}&last_id={last}");
        let query = format!("timeout=20&category=z&cursor={cursor}");
        // One waits with a clock and one with a cursor, and a third comes late.
        let (by_clock, by_cursor) = std::thread::scope(|scope| {
            let by_clock = scope.spawn(|| gateway.ask_kept("GET", &plain, &[], ""));
            let by_cursor = scope.spawn(|| strict(&gateway, &query));
            waiting(&gateway, 2);
            let answer = gateway.ask_kept("POST", path, &[], sent.to_string());
            assert_eq!(answer.status, 200, "{answer:?}");
            (by_clock.join().unwrap(), by_cursor.join().unwrap())
        });
        let late = gateway.get(&plain);
        assert_eq!(late.body, by_clock.body);
        let event = stream.next();
        assert_eq!((event.data.as_str(), event.event.as_str()), (to_stream, kind.unwrap_or("")));
        let told = body(&by_clock);
        assert_eq!(told["events"], body(&by_cursor.0)["events"]);
        let told = told["events"].as_array().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["data"], &told[0]["category"]), (&to_poll, &json!("z")));
        assert_eq!(told[0].get("event"), kind.map(Value::from).as_ref(), "{told:?}");
        last = told[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(last.len(), 36, "{last}");
        since = told[0]["timestamp"].as_u64().unwrap();
        cursor = by_cursor.1;
    }
    // All of it, by who comes anew.
    let all = gateway.get("/events?timeout=1&category=z&since_time=1");
    assert_eq!(data(&all), ways().map(|(.., to_poll, _)| to_poll));
    let mut again = gateway.open("/sse?zone=z", &[("last-event-id", &stream.ping.id)]);
    assert_eq!(again.next().event, "ping");
    for (_, _, to_stream, ..) in ways() {
        assert_eq!(again.next().data, to_stream);
    }
}

/// A request without Origin goes one way through the gateway, one with it another.
#[test]
fn both_ways_through_the_gateway_let_the_same_in_and_say_the_same() {
    let folder = Scratch::new("polls-token");
    let file = folder.join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let gateway =
        Gateway::start(&["--token-file", file.to_str().unwrap(), "--allow-origin", ORIGIN]);
    let bearer = format!("Bearer {TOKEN}");
    let session = gateway.ask("POST", "/session", &[("authorization", &bearer)], "");
    let cookie = session.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();

    const PUBLISH: &str = r#"{"category":"z","data":1}"#;
    let requests = [
        ("POST", "/publish", PUBLISH, 200),
        ("GET", "/events?timeout=1&category=z&since_time=1", "", 200),
        ("POST", "/events?timeout=1&category=z&since_time=1", "", 200),
        ("GET", "/events?timeout=1&category=z&form=strict&since_time=1", "", 200),
        ("GET", "/events?timeout=1&category=none&form=strict", "", 204),
        ("GET", "/events?timeout=x&category=z", "", 200),
        ("GET", "/events?form=strict&timeout=x&category=z", "", 400),
        ("GET", "/events?form=strict&category=z&cursor=x", "", 400),
        ("GET", "/publish", "", 405),
        ("POST", "/publish", "{", 400),
    ];
    // Those are told by no answer that differs: the date, and what is only for pages of an origin.
    let essence = |answer: &Answer| {
        let told = answer.headers.iter().filter(|(name, _)| {
            name != "date" && name != "vary" && !name.starts_with("access-control-")
        });
        let mut told: Vec<_> = told.cloned().collect();
        told.sort();
        (answer.status, told, answer.body.clone())
    };
    for (method, path, text, status) in requests {
        let ask = |headers: &[(&str, &str)]| {
            let from_page = [headers, &[("origin", ORIGIN)]].concat();
            let (fast, general) = (
                gateway.ask_kept(method, path, headers, text),
                gateway.ask_kept(method, path, &from_page, text),
            );
            assert_eq!(essence(&fast), essence(&general), "{method} {path}");
            assert_eq!(general.header("access-control-allow-origin"), Some(ORIGIN), "{general:?}");
            assert_eq!(fast.header("access-control-allow-origin"), None);
            assert_eq!(fast.header("x-content-type-options"), Some("nosniff"), "{fast:?}");
            fast
        };
        for wrong in
            [&[][..], &[("authorization", "Bearer wrong")], &[("cookie", "gateway_session=9.00")]]
        {
            let answer = ask(wrong);
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
        }
        for right in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
            assert_eq!(ask(&[right]).status, status, "{method} {path}");
        }
        let host = ("host", "evil.example");
        for headers in
            [&[host][..], &[host, ("origin", ORIGIN)], &[host, ("authorization", &bearer)]]
        {
            let (status, error) = gateway.ask_kept(method, path, headers, text).error();
            assert_eq!(status, 403, "{method} {path} {headers:?}");
            assert!(error.contains("--allow-host"), "{error}");
        }
        // A page elsewhere may not write; what it reads its script is not shown.
        let other = [("origin", "https://evil.example"), ("authorization", bearer.as_str())];
        let answer = gateway.ask_kept(method, path, &other, text);
        let wanted = if method == "POST" { 403 } else { status };
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (wanted, None));
    }
}

#[test]
fn the_longest_poll_can_be_said() {
    let gateway = Gateway::start(&["--poll-timeout-max", "2"]);
    let error = gateway.get("/events?timeout=3&category=z");
    assert_eq!(error.error(), (200, "Invalid or missing 'timeout' arg.  Must be 1-2.".to_owned()));
    let error = gateway.get("/events?timeout=3&category=z&form=strict");
    assert_eq!(error.error(), (400, "timeout must be a whole number from 1 to 2".to_owned()));
    // One that does not say is held no longer than it may.
    let begun = Instant::now();
    assert_eq!(strict(&gateway, "category=z").0.status, 204);
    let took = begun.elapsed();
    assert!((Duration::from_millis(1990)..Duration::from_secs(10)).contains(&took), "{took:?}");
    let timeout = body(&gateway.get("/events?timeout=2&category=z"));
    assert_eq!(timeout["timeout"], "no events before timeout");
}

#[test]
fn ctrl_c_answers_every_waiting_poll() {
    for signal in ["INT", "TERM"] {
        let gateway = Gateway::start(&["--allow-origin", ORIGIN]);
        let origin = [("origin", ORIGIN)];
        let plain = "/events?timeout=100&category=z";
        let by_cursor = "/events?timeout=100&category=z&form=strict";
        let polls = [(plain, &[][..]), (plain, &origin), (by_cursor, &[]), (by_cursor, &origin)];
        let (answers, took) = std::thread::scope(|scope| {
            let asked = polls.map(|(path, headers)| {
                let gateway = &gateway;
                scope.spawn(move || gateway.ask_kept("GET", path, headers, ""))
            });
            waiting(&gateway, polls.len());
            let begun = Instant::now();
            gateway.signal(signal);
            (asked.map(|asked| asked.join().unwrap()), begun.elapsed())
        });
        assert!(took < Duration::from_secs(1), "{took:?}");
        for answer in &answers[..2] {
            assert_eq!(
                (answer.status, &body(answer)["timeout"]),
                (200, &json!("no events before timeout"))
            );
        }
        for answer in &answers[2..] {
            assert_eq!(answer.status, 204);
            assert!(answer.header("longpoll-cursor").is_some(), "{answer:?}");
        }
        for answer in &answers {
            assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
        }
        let ended = gateway.ended();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
        assert!(ended.out.contains("0 connections cut"), "{}", ended.out);
    }
}
