//! The page shows one zone by event stream and by long poll: both columns tell the same.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rt_testkit::browser::Browser;
use serde_json::{Value, json};

use crate::{COLUMNS, Gateway, POLLS, STATE, live, numbers, rows_of, text};

/// Type, data and id of a column's rows, oldest first, without what the gateway says itself.
fn told(column: &str) -> String {
    format!(
        "[...document.querySelectorAll('#{column}-events > li')].map(({{dataset}}) => dataset)
            .filter(({{type}}) => type !== 'ping').map(({{type, data, id}}) => [type, data, id]).reverse()"
    )
}

#[tokio::test]
async fn both_show_the_same_in_the_same_order() {
    const EVENTS: usize = 200;
    let gateway = Gateway::start(&[]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/?zone=default&events=message,notice,order")).await;
    live(&browser).await;

    let mut wanted = Vec::new();
    for n in 0..EVENTS {
        let (kind, data) = match n % 5 {
            // As text it is no number that a browser could hold.
            0 => ("message", format!(r#"{{"n":{n},"big":12345678901234567890}}"#)),
            1 => ("message", format!("[{n},null,\"ü\\n<&>\"]")),
            2 => ("notice", format!("text {n}\nin two lines")),
            3 => ("order", format!(r#"{{"n":{n}}}"#)),
            _ => ("message", format!("plain {n}")),
        };
        if n % 5 < 2 {
            let body = format!(r#"{{"category":"default","data":{data}}}"#);
            let request = Request::post(gateway.url("/publish")).body(Bytes::from(body)).unwrap();
            let answer = gateway.http.fetch(request, Duration::from_secs(10), 1024).await.unwrap();
            assert_eq!(answer.status(), 200);
        } else {
            let message = match kind {
                "message" => json!({ "data": data }),
                _ => json!({ "event": kind, "data": data }),
            };
            let packet = json!({ "zone": "default", "broadcast": true, "message": message });
            gateway.post("/send", &packet).await;
        }
        wanted.push(json!([kind, data]));
    }
    let mut ids = Vec::new();
    for column in COLUMNS {
        browser.until(&text(&format!("#{column}-received")), EVENTS.to_string()).await;
        let shown = format!("{}.map(([type, data]) => [type, data])", told(column));
        browser.until(&shown, wanted.clone()).await;
        ids.push(browser.eval(&format!("{}.map(([,, id]) => id)", told(column))).await);
        assert_eq!(browser.eval(&text(&format!("#{column}-reconnects"))).await, "0");
        assert_eq!(browser.eval(&text(&format!("#{column}-gaps"))).await, "0");
    }
    // The same events, under a position here and a UUID that carries it there.
    let offset = |id: &Value, separator, radix| {
        let (_, offset) = id.as_str().unwrap().rsplit_once(separator).unwrap();
        u64::from_str_radix(offset, radix).unwrap()
    };
    for (n, (stream, poll)) in
        ids[0].as_array().unwrap().iter().zip(ids[1].as_array().unwrap()).enumerate()
    {
        assert_eq!((stream.as_str().unwrap().len() > 10, poll.as_str().unwrap().len()), (true, 36));
        assert_eq!((offset(stream, '-', 10), offset(poll, '-', 16)), (n as u64 + 1, n as u64 + 1));
    }
    assert_eq!(browser.log().await, Vec::<Value>::new());
}

#[tokio::test]
async fn both_show_what_the_page_sends_and_only_the_types_asked_for() {
    let gateway = Gateway::start(&[]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/?zone=a&events=message,odd")).await;
    live(&browser).await;
    browser.fill("#send-text", r#"{"from":"here"}"#).await;
    browser.click("#send-button").await;
    for way in ["zone", "all"] {
        browser.until("document.querySelector('#send-button').disabled", false).await;
        browser.choose("#send-way", way).await;
        for kind in ["odd", "unheard"] {
            browser.fill("#send-event", kind).await;
            browser.fill("#send-text", &format!("{kind} to {way}")).await;
            browser.click("#send-button").await;
            browser.until(&format!("{}.startsWith('Reached ')", text("#send-result")), true).await;
        }
    }
    for column in COLUMNS {
        let count = format!("document.querySelector('#{column}-received').textContent");
        browser.until(&count, "3").await;
        for way in ["zone", "all"] {
            browser.until(&rows_of(column, "odd", &format!("odd to {way}")), 1).await;
        }
    }
    // Who is told of a part by a screen reader is told of which column it is.
    let ids = "[...document.querySelectorAll('[id]')].map(({id}) => id)";
    assert_eq!(browser.eval(&format!("new Set({ids}).size === {ids}.length")).await, true);
    let described = "[...document.querySelectorAll('[aria-describedby], [aria-labelledby]')].every((node) =>
        document.getElementById(node.getAttribute('aria-describedby') ?? node.getAttribute('aria-labelledby')))";
    assert_eq!(browser.eval(described).await, true);
}

#[tokio::test]
async fn a_gap_is_told_in_both() {
    let gateway = Gateway::start(&["--history", "5"]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    live(&browser).await;
    gateway.publish(&json!({ "n": 1 })).await;
    for column in COLUMNS {
        browser.until(&numbers(column), json!([1])).await;
    }
    browser.click("#stop").await;
    browser.until(POLLS, "stopped").await;
    gateway.until_figures(&["sse_hub_connections 0", "lp_server_waiting 0"]).await;
    for n in 2..=20 {
        gateway.publish(&json!({ "n": n })).await;
    }
    browser.click("#connect").await;
    let mut gaps = Vec::new();
    for column in COLUMNS {
        browser.until(&numbers(column), json!([1, 16, 17, 18, 19, 20])).await;
        assert_eq!(browser.eval(&text(&format!("#{column}-gaps"))).await, "1");
        // Between what was there before it and what comes after.
        let kinds = format!("{}.map(([type]) => type).slice(0, 3)", told(column));
        assert_eq!(browser.eval(&kinds).await, json!(["message", "gap", "message"]));
        let row = format!("document.querySelector('#{column}-events > li[data-type=gap]')");
        let words = browser.eval(&format!("{row}.querySelector('.data').textContent")).await;
        assert!(words.as_str().unwrap().contains("older than the history"), "{words}");
        let data = browser.eval(&format!("{row}.dataset.data")).await;
        gaps.push(serde_json::from_str::<Value>(data.as_str().unwrap()).unwrap());
    }
    for name in ["reason", "from", "resume"] {
        assert_eq!(gaps[0][name], gaps[1][name], "{gaps:?}");
    }
}

#[tokio::test]
async fn a_reload_goes_on_where_it_was() {
    let gateway = Gateway::start(&[]);
    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    live(&browser).await;
    gateway.publish(&json!({ "n": 1 })).await;
    for column in COLUMNS {
        browser.until(&numbers(column), json!([1])).await;
    }
    // Away, and back.
    browser.open("data:text/html,elsewhere").await;
    gateway.until_figures(&["sse_hub_connections 0", "lp_server_waiting 0"]).await;
    for n in 2..=5 {
        gateway.publish(&json!({ "n": n })).await;
    }
    browser.open(&gateway.url("/")).await;
    for column in COLUMNS {
        browser.until(&numbers(column), json!([2, 3, 4, 5])).await;
    }

    // The way back may be to the page as it was, rows and all.
    live(&browser).await;
    browser.open("data:text/html,elsewhere").await;
    gateway.publish(&json!({ "n": 6 })).await;
    browser.client().back().await.unwrap();
    for column in COLUMNS {
        browser.until(&format!("{}.filter((n) => n > 5)", numbers(column)), json!([6])).await;
        assert_eq!(browser.eval(&text(&format!("#{column}-gaps"))).await, "0");
    }

    // A reload amid events: the offset of the last one taken before it, and the first one after.
    live(&browser).await;
    let last = "Object.fromEntries([['sse', 10], ['poll', 16]].map(([column, radix]) =>
        [column, parseInt(document.querySelector(`#${column}-last-id`).textContent.split('-').pop(), radix)]))";
    let keep = format!(
        "addEventListener('pagehide', () => {{ sessionStorage.test = JSON.stringify({last}); }})"
    );
    browser.eval(&keep).await;
    let publishing = async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        for n in 7..=100 {
            pace.tick().await;
            gateway.publish(&json!({ "n": n })).await;
        }
    };
    let reloading = async {
        browser.until(&format!("({}).at(-1) > 15", numbers("poll")), true).await;
        browser.client().refresh().await.unwrap();
    };
    tokio::join!(publishing, reloading);
    let kept = browser.eval("JSON.parse(sessionStorage.test)").await;
    for column in COLUMNS {
        let last = kept[column].as_u64().unwrap();
        assert!((7..100).contains(&last), "{kept}");
        browser.until(&numbers(column), (last + 1..=100).collect::<Vec<_>>()).await;
        assert_eq!(browser.eval(&text(&format!("#{column}-gaps"))).await, "0");
    }
}

#[tokio::test]
async fn a_limit_on_polls_is_told_with_its_countdown() {
    let gateway = Gateway::start(&["--connections-max", "1"]);
    let other = gateway.url("/events?timeout=60&category=other");
    let other = Request::get(other).body(Bytes::new()).unwrap();
    let http = gateway.http.clone();
    let waiting = tokio::spawn(async move { http.send(other).await.map(drop) });
    gateway.until_figures(&["lp_server_waiting 1"]).await;

    let browser = Browser::start().await;
    browser.open(&gateway.url("/")).await;
    browser.until(STATE, "live").await;
    browser.until(POLLS, "reconnecting").await;
    browser.until(&format!("/^ in [123] s$/.test({})", text("#poll-countdown")), true).await;
    browser.until(&text("#poll-note"), "too many polls are waiting").await;
    let row = "document.querySelectorAll('#poll-events > li[data-type=limit]').length";
    browser.until(row, 1).await;
    assert_eq!(browser.eval(&text("#sse-note")).await, "");
    // The gateway asks for two seconds; by itself the page would come sooner.
    let polls =
        "performance.getEntriesByType('resource').filter(({name}) => name.includes('/events?'))";
    browser.until(&format!("{polls}.length > 1"), true).await;
    let apart = browser.eval(&format!("{polls}[1].startTime - {polls}[0].responseEnd")).await;
    assert!(apart.as_f64().unwrap() > 1_990.0, "{apart}");

    waiting.abort();
    let _ = waiting.await;
    browser.until(POLLS, "live").await;
    assert_eq!(browser.eval(&text("#poll-note")).await, "");
    gateway.publish(&json!({ "n": 1 })).await;
    browser.until(&numbers("poll"), json!([1])).await;
}
