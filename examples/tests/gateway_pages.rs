//! The page, the figures, and the end.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use common::Gateway;
use std::time::{Duration, Instant};

#[test]
fn the_page_is_served_whole_and_may_load_nothing_else() {
    let gateway = Gateway::start(&[]);
    let page = gateway.get("/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for (path, kind) in [
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/shared.js", "text/javascript"),
        ("/stream.js", "text/javascript"),
        ("/poll.js", "text/javascript"),
        ("/column.js", "text/javascript"),
    ] {
        let file = gateway.get(path);
        assert_eq!(file.status, 200, "{path}");
        assert!(file.header("content-type").unwrap().starts_with(kind), "{file:?}");
    }
    // What the page and its scripts name is there.
    let scripts = ["/page.js", "/column.js", "/stream.js", "/poll.js", "/shared.js"];
    let scripts: String = scripts.iter().map(|path| gateway.get(path).body).collect();
    let scripts = scripts + &page.body;
    let named = scripts
        .split('"')
        .filter(|text| text.starts_with('/') && (text.ends_with(".js") || text.ends_with(".css")));
    for path in named {
        assert_eq!(gateway.get(path).status, 200, "{path}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
}

#[test]
fn head_goes_where_get_does() {
    let gateway = Gateway::start(&[]);
    for path in ["/", "/page.js", "/presence?zone=z", "/metrics", "/healthz"] {
        let (get, head) = (gateway.get(path), gateway.ask("HEAD", path, &[], ""));
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(gateway.post(path, "").header("allow"), Some("GET, HEAD"), "{path}");
    }
    let head = gateway.ask("HEAD", "/sse?zone=z", &[], "");
    assert_eq!((head.status, head.header("allow")), (405, Some("GET")));
}

#[test]
fn figures_name_no_zone() {
    let gateway = Gateway::start(&[]);
    let mut stream = gateway.stream("zone=telltale");
    gateway.post("/publish", r#"{"category":"telltale","data":1}"#);
    gateway.post("/send", r#"{"message":{"data":"x"},"zone":"telltale","broadcast":true}"#);
    assert_eq!(stream.until("x"), ["1", "x"]);
    let metrics = gateway.get("/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(metrics.body.contains("\nsse_hub_connections 1\n"), "{}", metrics.body);
    assert!(metrics.body.contains("\nrt_broker_topics 1\n"), "{}", metrics.body);
    assert!(!metrics.body.contains("telltale"), "{}", metrics.body);
    assert_eq!(gateway.get("/healthz").json()["status"], "ok");
}

#[test]
fn history_grows_too_old_without_traffic() {
    let gateway = Gateway::start(&["--history-age", "0.1"]);
    gateway.post("/publish", r#"{"category":"z","data":"some bytes"}"#);
    let begun = Instant::now();
    // The figures alone do not free anything: only the gateway's own sweep does.
    while !gateway.get("/metrics").body.contains("\nrt_broker_history_bytes 0\n") {
        assert!(begun.elapsed() < Duration::from_secs(15), "{}", gateway.get("/metrics").body);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn either_signal_ends_open_streams_within_two_seconds() {
    for signal in ["INT", "TERM"] {
        let gateway = Gateway::start(&[]);
        let mut streams: Vec<_> = (0..50).map(|_| gateway.stream("zone=z")).collect();
        let begun = Instant::now();
        gateway.signal(signal);
        for stream in &mut streams {
            let last = stream.next();
            let retry: u64 = last.retry.parse().unwrap();
            assert!((1000..5000).contains(&retry), "{last:?}");
            assert_eq!(stream.try_next(), None);
        }
        let ended = gateway.ended();
        assert!(begun.elapsed() < Duration::from_secs(2), "{signal}: {:?}", begun.elapsed());
        assert_eq!(ended.status.code(), Some(0));
        assert!(
            ended.out.contains("stopped: 50 streams ended, 0 connections cut"),
            "{}",
            ended.out
        );
    }
}
