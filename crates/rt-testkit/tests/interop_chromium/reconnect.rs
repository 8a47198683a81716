//! The page comes back: nothing is lost, nothing shown twice, and what cannot be had is said.

use std::sync::atomic::{AtomicBool, Ordering};

use rt_testkit::browser::Browser;
use rt_testkit::proxy::Proxy;
use serde_json::{Value, json};

use crate::{COLUMNS, Gateway, STATE, live, now, numbers, rows, rows_of, text};

/// The page keeps 200 rows; the numbers must all be among them.
const MOST: u64 = 190;

#[tokio::test]
async fn after_a_cut_without_loss_or_repeat() {
    let gateway = Gateway::start(&["--retry", "0.2"]);
    let proxy = Proxy::start(gateway.addr).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/", proxy.addr())).await;
    live(&browser).await;

    let done = AtomicBool::new(false);
    let publishing = async {
        let mut pace = tokio::time::interval(std::time::Duration::from_millis(30));
        let mut n = 0;
        while n < MOST && !done.load(Ordering::SeqCst) {
            pace.tick().await;
            n += 1;
            gateway.publish(&json!({ "n": n, "sent_at": now() })).await;
        }
        n
    };
    let cutting = async {
        browser.until(&format!("({}).length > 3", numbers("sse")), true).await;
        for cut in 1..=4 {
            proxy.cut().await;
            // A poll that was cut on a connection that had served before is asked again by the
            // browser itself, and the page need not know.
            browser.until(&text("#sse-reconnects"), cut.to_string()).await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let (last, ()) = tokio::join!(publishing, cutting);

    live(&browser).await;
    for column in COLUMNS {
        browser.until(&text(&format!("#{column}-received")), last.to_string()).await;
        browser.until(&numbers(column), (1..=last).collect::<Vec<_>>()).await;
        assert_eq!(browser.eval(&text(&format!("#{column}-gaps"))).await, "0");
    }
    // Something was missed each time, and came later: else this shows nothing.
    let replayed = "document.querySelectorAll('#sse-events .latency[data-replayed]').length";
    assert!(browser.eval(replayed).await.as_u64().unwrap() >= 4);
}

#[tokio::test]
async fn after_a_restart_with_a_gap() {
    let gateway = Gateway::start(&["--retry", "0.2"]);
    let addr = gateway.addr;
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    live(&browser).await;
    gateway.publish(&json!("before")).await;
    browser.until(&rows("message", "\"before\""), 1).await;
    browser.until(&rows_of("poll", "message", "before"), 1).await;
    let before = browser.eval(&text("#sse-last-id")).await;

    drop(gateway);
    browser.until(STATE, "reconnecting").await;
    let gateway = Gateway::start_at(addr, &["--retry", "0.2"]);
    browser.until(STATE, "live").await;
    browser.until(&text("#sse-gaps"), "1").await;
    // The count is there at once, a row with the next frame.
    browser.until("document.querySelectorAll('#sse-events > li[data-type=gap]').length", 1).await;
    let gap = "document.querySelector('#sse-events > li[data-type=gap]').dataset.data";
    let gap: Value = serde_json::from_str(browser.eval(gap).await.as_str().unwrap()).unwrap();
    assert_eq!((&gap["reason"], &gap["from"]), (&json!("epoch"), &before), "{gap}");
    let epoch = |id: &Value| id.as_str().unwrap().split('-').next().unwrap().to_owned();
    assert_ne!(epoch(&gap["resume"]), epoch(&before), "{gap}");

    gateway.publish(&json!("after")).await;
    browser.until(&rows("message", "\"after\""), 1).await;
    assert_eq!(browser.eval(&rows("message", "\"before\"")).await, 1);
    assert_eq!(browser.eval(&text("#sse-reconnects")).await, "1");
    assert_eq!(browser.eval(&text("#sse-gaps")).await, "1");

    // The poll's cursor was as old.
    browser.until(&text("#poll-gaps"), "1").await;
    browser.until(&rows_of("poll", "message", "after"), 1).await;
    assert_eq!(browser.eval(&rows_of("poll", "message", "before")).await, 1);
    let theirs = "document.querySelector('#poll-events > li[data-type=gap]').dataset.data";
    let theirs: Value = serde_json::from_str(browser.eval(theirs).await.as_str().unwrap()).unwrap();
    assert_eq!((&theirs["reason"], &theirs["from"]), (&gap["reason"], &gap["from"]), "{theirs}");
}

#[tokio::test]
async fn after_a_server_that_is_gone_without_an_end() {
    let gateway = Gateway::start(&["--heartbeat", "0.2"]);
    let proxy = Proxy::start(gateway.addr).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/", proxy.addr())).await;
    browser.until(STATE, "live").await;
    gateway.publish(&json!("before")).await;
    browser.until(&rows("message", "\"before\""), 1).await;

    proxy.stall();
    gateway.publish(&json!("missed")).await;
    browser.until(STATE, "reconnecting").await;
    let note = browser.eval(&text("#sse-note")).await;
    assert!(note.as_str().unwrap().contains("taken for dead"), "{note}");
    browser.until(STATE, "live").await;
    browser.until(&rows("message", "\"missed\""), 1).await;
    assert_eq!(browser.eval(&rows("message", "\"before\"")).await, 1);
    // A heartbeat is no event that the page shows.
    assert_eq!(browser.eval(&text("#sse-received")).await, "2");
}
