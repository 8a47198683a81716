//! What ends a page's stream, and what it is told.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use rt_testkit::browser::Browser;
use serde_json::json;

use crate::{Gateway, STATE, rows, text};

#[tokio::test]
async fn a_limit_is_told_to_the_second_page() {
    let gateway = Gateway::start(&["--zone-connections-max", "1"]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    browser.until(STATE, "live").await;

    let first = browser.open_beside(&gateway.url("/")).await;
    browser.until("document.querySelectorAll('#sse-events > li[data-type=limit]').length", 1).await;
    browser.until(STATE, "reconnecting").await;
    let note = browser.eval(&text("#sse-note")).await;
    assert!(note.as_str().unwrap().contains("try again in"), "{note}");

    // The first is not disturbed, and other zones have room.
    browser.client().switch_to_window(first).await.unwrap();
    gateway.publish(&json!("still here")).await;
    browser.until(&rows("message", "\"still here\""), 1).await;
    assert_eq!(browser.eval(STATE).await, "live");
    assert_eq!(browser.eval(&text("#sse-reconnects")).await, "0");
    browser.open_beside(&gateway.url("/?zone=other")).await;
    browser.until(STATE, "live").await;
}

#[tokio::test]
async fn a_page_that_was_replaced_stays_away() {
    let gateway = Gateway::start(&["--trust-client-ids", "--same-id", "replace", "--retry", "0.2"]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    browser.until(STATE, "live").await;
    browser.until(&format!("{} === '–'", text("#sse-client-id")), false).await;
    let id = browser.eval(&text("#sse-client-id")).await;

    let url = gateway.url(&format!("/sse?zone=default&id={}", id.as_str().unwrap()));
    let request = Request::get(url).body(Bytes::new()).unwrap();
    let other = gateway.http.send(request).await.unwrap();
    assert_eq!(other.status(), 200);
    browser.until(STATE, "stopped").await;
    let note = browser.eval(&text("#sse-note")).await;
    assert!(note.as_str().unwrap().contains("replaced by a client with the same id"), "{note}");
    // By hand it comes back, as a new client.
    browser.click("#connect").await;
    browser.until(STATE, "live").await;
    assert_ne!(browser.eval(&text("#sse-client-id")).await, id);
}

#[tokio::test]
async fn ctrl_c_ends_within_two_seconds() {
    let mut gateway = Gateway::start(&[]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    browser.until(STATE, "live").await;

    let begun = Instant::now();
    gateway.process.interrupt();
    let status = gateway.process.wait();
    let took = begun.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    gateway.process.line_with("stopped: 1 streams ended, 0 connections cut");
    browser.until(STATE, "reconnecting").await;
}
