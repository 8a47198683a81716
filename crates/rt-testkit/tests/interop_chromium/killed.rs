//! The gateway with its file store, killed again and again while the page watches.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rt_testkit::browser::{Browser, until};
use serde_json::json;
use sse_client::HttpClient;

use crate::{COLUMNS, Gateway, live, numbers, text};

const KILLS: usize = 3;
/// The page keeps 200 rows; all must be among them.
const MOST: u64 = 180;

/// Publishes numbers one after another; gives those that were acknowledged. One that was not may
/// have been taken, and is not sent again.
async fn publish(http: &HttpClient, url: &str, acknowledged: impl Fn(u64)) {
    for n in 1..=MOST {
        let body = json!({ "category": "default", "data": { "n": n } }).to_string();
        let request = Request::post(url).body(Bytes::from(body)).unwrap();
        match http.fetch(request, Duration::from_secs(10), 1024).await {
            Ok(answer) => {
                assert_eq!(answer.status(), 200, "{answer:?}");
                acknowledged(n);
            }
            Err(_) => back(http, &url.replace("/publish", "/healthz")).await,
        }
    }
}

/// Waits for a gateway that answers.
async fn back(http: &HttpClient, url: &str) {
    until("the gateway is back", async || {
        let request = Request::get(url).body(Bytes::new()).unwrap();
        let answer = http.fetch(request, Duration::from_secs(10), 1024).await;
        answer.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn neither_column_loses_or_repeats_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let broker = format!("file:{}", folder.path().join("events").display());
    let args = ["--broker", &broker, "--sync", "always", "--retry", "0.2"];
    let first = Gateway::start(&args);
    let (addr, http, url) = (first.addr, first.http.clone(), first.url("/publish"));
    let browser = Browser::start().await;
    browser.open(&first.url("/")).await;
    live(&browser).await;

    let (sender, acknowledged) = tokio::sync::watch::channel(BTreeSet::new());
    let publishing = publish(&http, &url, |n| {
        sender.send_modify(|all| {
            all.insert(n);
        });
    });
    let mut gateway = Some(first);
    let killing = async {
        let mut acknowledged = acknowledged.clone();
        for kill in 1..=KILLS {
            let enough = kill * MOST as usize / (KILLS + 1);
            acknowledged.wait_for(|all| all.len() > enough).await.unwrap();
            // Its drop is a kill, and waits for the end; the next one begins on the same port.
            drop(gateway.take());
            gateway = Some(Gateway::start_at(addr, &args));
            browser.until(&text("#sse-reconnects"), kill.to_string()).await;
            live(&browser).await;
        }
    };
    tokio::join!(publishing, killing);
    let acknowledged = acknowledged.borrow().clone();
    assert!(acknowledged.len() > MOST as usize * 3 / 4, "{}", acknowledged.len());
    let gateway = gateway.unwrap();
    gateway.publish(&json!({ "n": MOST + 1 })).await;

    let mut all = Vec::new();
    for column in COLUMNS {
        let last = format!("({}).at(-1)", numbers(column));
        browser.until(&last, MOST + 1).await;
        let seen: Vec<u64> = serde_json::from_value(browser.eval(&numbers(column)).await).unwrap();
        assert!(seen.is_sorted_by(|a, b| a < b), "{column}: out of order, or twice: {seen:?}");
        let lost: Vec<_> = acknowledged.iter().filter(|n| seen.binary_search(n).is_err()).collect();
        assert!(lost.is_empty(), "{column}: {lost:?}");
        assert_eq!(browser.eval(&text(&format!("#{column}-gaps"))).await, "0");
        all.push(seen);
    }
    assert_eq!(all[0], all[1]);
}
