//! A page that long-polls as golongpoll's browser client does.

use rt_testkit::browser::Browser;
use serde_json::{Value, json};

use crate::Gateway;

/// How many times an event is aimed at a poll's end, and how many come at once after it.
const ROUNDS: u64 = 12;
const BURST: u64 = 24;

/// Its rules: it begins at the browser's clock; `last_id` is empty until there was an event; after a
/// time-out it asks for the same again; it wants 200, and events or a time-out that says something.
/// Once all have come it waits for one time-out more, in which none may come again.
const CLIENT: &str = r#"(async () => {
    const { rounds, burst } = argument;
    const publish = (data) => fetch("/publish", {
        method: "POST", body: JSON.stringify({ category: "news", data }),
    }).then(({ status }) => { if (status !== 200) throw new Error(`publish: ${status}`); });
    const poll = (since, last) => new Promise((resolve, reject) => {
        const query = `timeout=1&category=news&since_time=${since}&last_id=${last}`;
        const xhr = new XMLHttpRequest();
        xhr.open("GET", `/events?${query}`);
        xhr.onload = () => xhr.status === 200 ? resolve(JSON.parse(xhr.responseText)) : reject(new Error(`poll: ${xhr.status}`));
        xhr.onerror = () => reject(new Error("no answer"));
        xhr.send();
    });
    const total = rounds * (1 + burst);
    let since = Date.now(), last = "", sent = 0, round = 0, timeouts = 0;
    const seen = [], sending = [];
    while (true) {
        const all = seen.length >= total;
        if (round < rounds && seen.length === sent) {
            // From 6 ms before the poll's end to as long after it.
            const aim = 1000 - 6 + 12 * round++ / rounds;
            const n = sent;
            sent += 1 + burst;
            sending.push(new Promise((resolve) => setTimeout(resolve, aim)).then(async () => {
                for (let i = 0; i <= burst; i++) await publish(n + i);
            }));
        }
        const answer = await poll(since, last);
        if (answer.events?.length > 0) {
            for (const { timestamp, id, data, category } of answer.events) {
                if (category !== "news") throw new Error(`category ${category}`);
                since = timestamp;
                last = id;
                seen.push(data);
            }
        } else if (answer.timeout) {
            timeouts += 1;
            if (all) break;
        } else {
            throw new Error(JSON.stringify(answer));
        }
        if (timeouts > 4 * rounds) break;
    }
    await Promise.all(sending);
    return { seen, timeouts };
})()"#;

#[tokio::test]
async fn golongpolls_browser_client_sees_each_event_once() {
    let gateway = Gateway::start(&["--history", "1000"]);
    let browser = Browser::start().await;
    // A page of the gateway's origin that runs nothing itself.
    browser.open(&gateway.url("/healthz")).await;
    let argument = json!({ "rounds": ROUNDS, "burst": BURST });
    let told = browser.eval_async(CLIENT, argument).await;
    let wanted: Vec<u64> = (0..ROUNDS * (1 + BURST)).collect();
    assert_eq!(wanted.len(), 300);
    assert_eq!(told["seen"], json!(wanted), "{told}");
    assert!(told["timeouts"].as_u64().unwrap() >= 1, "{told}");
    let icon = |entry: &Value| entry["message"].as_str().is_some_and(|m| m.contains("favicon"));
    let faults: Vec<_> = browser.log().await.into_iter().filter(|entry| !icon(entry)).collect();
    assert_eq!(faults, Vec::<Value>::new());
}
