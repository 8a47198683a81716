//! The picture of the page in the README, `docs/gateway.png`. It takes most of a minute, so it is
//! made only where SCREENSHOT names the file:
//! `SCREENSHOT=$PWD/docs/gateway.png cargo xtask interop chromium`.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rt_testkit::browser::Browser;
use serde_json::{Value, json};

use crate::{COLUMNS, Gateway, live, now, text};

const CLIENTS: &[&str] = &["ana@berlin", "kiosk-7", "mobile-42", "scoreboard"];

/// How many events there are in each half second.
const WAVE: &[u64] = &[
    1, 2, 2, 3, 4, 5, 7, 8, 9, 9, 10, 9, 8, 6, 5, 4, 3, 3, 2, 3, 4, 6, 8, 11, 13, 14, 13, 11, 8, 6,
    4, 3, 2, 2, 1, 2, 3, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 2, 1,
];

#[tokio::test]
async fn picture() {
    let Some(path) = std::env::var_os("SCREENSHOT") else { return };
    let gateway = Gateway::start(&["--trust-client-ids"]);
    let mut clients = Vec::new();
    for id in CLIENTS {
        let url = gateway.url(&format!("/sse?zone=default&id={id}"));
        let request = Request::get(url).body(Bytes::new()).unwrap();
        clients.push(gateway.http.send(request).await.unwrap());
    }
    let browser = Browser::start().await;
    fit(&browser).await;
    browser.open(&gateway.url("/?zone=default&events=message,notice,order,price")).await;
    live(&browser).await;
    browser.eval("document.documentElement.style.scrollbarWidth = 'none'").await;
    browser.until(&text("#presence-total"), (CLIENTS.len() + 1).to_string()).await;

    // The plot shows a minute.
    let mut pace = tokio::time::interval(Duration::from_millis(500));
    let mut n = 0;
    for (at, count) in WAVE.iter().chain(WAVE).enumerate() {
        pace.tick().await;
        for _ in 0..*count {
            n += 1;
            event(&gateway, n).await;
        }
        if at + 4 == 2 * WAVE.len() {
            browser.fill("#send-text", "Hello from the page").await;
            browser.click("#burst").await;
            browser.until(&format!("{}.length > 0", text("#send-result")), true).await;
        }
    }
    let notice = json!({ "event": "notice", "data": "Doors open at 19:00" });
    gateway
        .post("/send", &json!({ "zone": "default", "broadcast": true, "message": notice }))
        .await;
    for column in COLUMNS {
        let newest = format!("document.querySelector('#{column}-events > li').dataset.type");
        browser.until(&newest, "notice").await;
    }
    let png = browser.client().screenshot().await.unwrap();
    std::fs::write(path, png).unwrap();
}

async fn event(gateway: &Gateway, n: u64) {
    let (kind, data) = match n % 5 {
        0 => ("order", json!({ "order": 4_700 + n, "table": n % 12 + 1, "sent_at": now() as u64 })),
        1 | 3 => (
            "price",
            json!({ "symbol": "RTX", "price": 96.0 + (n % 37) as f64 / 4.0, "sent_at": now() as u64 }),
        ),
        _ => {
            return gateway
                .publish(&json!({ "n": n, "text": "tick", "sent_at": now() as u64 }))
                .await;
        }
    };
    let message = json!({ "event": kind, "data": data.to_string() });
    gateway
        .post("/send", &json!({ "zone": "default", "broadcast": true, "message": message }))
        .await;
}

/// Makes the page 1440 by 900, whatever the window has around it.
async fn fit(browser: &Browser) {
    let around = browser.eval("[outerWidth - innerWidth, outerHeight - innerHeight]").await;
    let side = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let (width, height) = (1440 + side(&around[0]), 900 + side(&around[1]));
    browser.client().set_window_size(width, height).await.unwrap();
    browser.until("[innerWidth, innerHeight]", json!([1440, 900])).await;
}
