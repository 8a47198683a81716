//! The page shows what others send, sends itself, and shows who is there.

use rt_testkit::browser::Browser;
use serde_json::json;

use crate::{Gateway, POLLS, STATE, rows, text};

#[tokio::test]
async fn shows_what_others_send() {
    let gateway = Gateway::start(&[]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    browser.until(STATE, "live").await;
    browser.until(&format!("{} === '–'", text("#sse-client-id")), false).await;
    let id = browser.eval(&text("#sse-client-id")).await;

    // Presence names the page itself, and nobody else.
    browser.until(&text("#presence-total"), "1").await;
    browser
        .until("document.querySelector('#presence li[data-own]').dataset.client", id.clone())
        .await;

    gateway.publish(&json!({ "n": 1, "text": "ü\n<&>" })).await;
    browser.until(&rows("message", r#"{"n":1,"text":"ü\n<&>"}"#), 1).await;

    for (way, packet) in [
        ("zone", json!({ "zone": "default", "broadcast": true })),
        ("all", json!({ "broadcast": true })),
        ("client", json!({ "zone": "default", "client_id": id, "broadcast": false })),
    ] {
        let data = format!("to {way}\r\nin two lines");
        let mut packet = packet;
        packet["message"] = json!({ "event": "notice", "data": data });
        let answer = gateway.post("/send", &packet).await;
        // The stream, and the poll where it waits just then.
        let most = if way == "client" { 1 } else { 2 };
        assert!((1..=most).contains(&answer["reached"].as_u64().unwrap()), "{answer}");
        browser.until(&rows("notice", &format!("to {way}\nin two lines")), 1).await;
    }

    // Markup from a stranger is text.
    let markup = "<img src=x onerror=\"document.title='scripted'\"><script>alert(1)</script>";
    gateway.publish(&json!(markup)).await;
    browser.until(&rows("message", &json!(markup).to_string()), 1).await;
    let shown = browser.eval(&text("#sse-events > li .data")).await;
    assert_eq!(shown, json!(markup).to_string());
    assert_eq!(
        browser.eval("document.querySelectorAll('#sse-events :is(img, script)').length").await,
        0
    );
    assert_ne!(browser.eval("document.title").await, "scripted");

    assert_eq!(browser.eval(&text("#sse-received")).await, "5");
    assert_eq!(browser.eval(&text("#sse-reconnects")).await, "0");
    assert_eq!(browser.log().await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn sends_in_each_way() {
    let gateway = Gateway::start(&[]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/?zone=default&events=message,notice,odd")).await;
    browser.until(STATE, "live").await;
    browser.until(&format!("{} === '–'", text("#sse-client-id")), false).await;
    let id = browser.eval(&text("#sse-client-id")).await;

    browser.fill("#send-text", r#"["published", 1]"#).await;
    browser.click("#send-button").await;
    browser.until(&text("#send-result"), "Published.").await;
    browser.until(&rows("message", r#"["published",1]"#), 1).await;

    for way in ["zone", "all", "client"] {
        browser.choose("#send-way", way).await;
        if way == "client" {
            browser.fill("#send-client", id.as_str().unwrap()).await;
        }
        browser.fill("#send-event", "odd").await;
        browser.fill("#send-text", &format!("sent to {way}")).await;
        browser.click("#send-button").await;
        let reached = format!("/^Reached (1 client|2 clients)\\.$/.test({})", text("#send-result"));
        browser.until(&reached, true).await;
        browser.until(&rows("odd", &format!("sent to {way}")), 1).await;
    }

    // Who is not there is said.
    browser.fill("#send-client", "nobody").await;
    browser.fill("#send-text", "hello?").await;
    browser.click("#send-button").await;
    browser.until("document.querySelector('#send-result').dataset.ok", "false").await;
    let why = browser.eval(&text("#send-result")).await;
    assert!(why.as_str().unwrap().contains("nobody"), "{why}");

    browser.click("#burst").await;
    browser.until(&format!("{}.startsWith('Published 50 in ')", text("#send-result")), true).await;
    browser.until(&text("#sse-received"), "54").await;
}

#[tokio::test]
async fn asks_for_the_token() {
    const TOKEN: &str = "a-token-of-enough-characters";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let gateway = Gateway::start(&["--token-file", &file.to_string_lossy()]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    browser.until("document.querySelector('#token-form').hidden", false).await;
    browser.until(STATE, "stopped").await;
    browser.until(POLLS, "stopped").await;

    browser.fill("#token", "not this one").await;
    browser.click("#token-form button").await;
    browser.until(&text("#token-result"), "That is not the gateway's token.").await;
    assert_eq!(browser.eval(STATE).await, "stopped");

    browser.fill("#token", TOKEN).await;
    browser.click("#token-form button").await;
    browser.until(STATE, "live").await;
    browser.until("document.querySelector('#token-form').hidden", true).await;
    // The cookie serves polls and what the page sends, too; no script can read it.
    browser.until(POLLS, "live").await;
    browser.click("#send-button").await;
    browser.until(&text("#send-result"), "Published.").await;
    browser.until(&text("#sse-received"), "1").await;
    browser.until(&text("#poll-received"), "1").await;
    assert_eq!(browser.eval("document.cookie").await, "");
}
