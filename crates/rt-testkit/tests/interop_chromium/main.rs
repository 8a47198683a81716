//! Chromium against the gateway and its page, its EventSource against sse-codec, and golongpoll's
//! browser client against the gateway.
//!
//! `EXAMPLES` names the folder of the built examples.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

mod columns;
mod decode;
mod ending;
mod golongpoll;
mod killed;
mod page;
mod picture;
mod reconnect;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use rt_testkit::browser::{Browser, until};
use rt_testkit::process::{Process, number_after};
use serde_json::{Value, json};
use sse_client::HttpClient;

/// The state of the page's stream is in the markup, and so is that of its polls.
const STATE: &str = "document.querySelector('#sse-status').dataset.state";
const POLLS: &str = "document.querySelector('#poll-status').dataset.state";

/// The page's columns, by which the ids of their parts begin.
const COLUMNS: [&str; 2] = ["sse", "poll"];

/// A running gateway, and an HTTP client beside the browser.
struct Gateway {
    process: Process,
    addr: SocketAddr,
    http: HttpClient,
}

impl Gateway {
    /// Starts a gateway on a free port.
    fn start(args: &[&str]) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), args)
    }

    fn start_at(listen: SocketAddr, args: &[&str]) -> Self {
        let folder = std::env::var_os("EXAMPLES").expect("EXAMPLES names the examples' folder");
        let mut command = Command::new(PathBuf::from(folder).join("gateway"));
        command.arg(format!("--listen={listen}")).args(args);
        let mut process = Process::start(&mut command);
        let greeting = process.line_with("gateway on http://");
        let addr = ([127, 0, 0, 1], number_after(&greeting, "127.0.0.1:")).into();
        Self { process, addr, http: HttpClient::builder().no_proxy().build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Posts JSON and gives the answer's, which must be a success.
    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = Request::post(self.url(path)).body(Bytes::from(body.to_string())).unwrap();
        let answer = self.http.fetch(request, Duration::from_secs(10), 1 << 20).await.unwrap();
        assert_eq!(answer.status(), 200, "{body}: {answer:?}");
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// Waits until its metrics have these lines.
    async fn until_figures(&self, lines: &[&str]) {
        until("the gateway's metrics", async || {
            let request = Request::get(self.url("/metrics")).body(Bytes::new()).unwrap();
            let answer = self.http.fetch(request, Duration::from_secs(10), 1 << 20).await.unwrap();
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            let all = lines.iter().all(|wanted| text.lines().any(|line| line == *wanted));
            if all { Ok(()) } else { Err(text) }
        })
        .await;
    }

    async fn publish(&self, data: &Value) {
        let answer = self.post("/publish", &json!({ "category": "default", "data": data })).await;
        assert_eq!(answer, json!({ "success": true }));
    }
}

/// Waits until both columns are live.
async fn live(browser: &Browser) {
    browser.until(STATE, "live").await;
    browser.until(POLLS, "live").await;
}

/// The expression for the numbers `n` that a column shows, oldest first.
fn numbers(column: &str) -> String {
    format!(
        "[...document.querySelectorAll('#{column}-events > li[data-type=message]')]
            .map(({{dataset}}) => JSON.parse(dataset.data).n).reverse()"
    )
}

/// The expression for how many rows of this type and with this data the stream's column shows.
fn rows(kind: &str, data: &str) -> String {
    rows_of("sse", kind, data)
}

/// As [`rows`], of any column.
fn rows_of(column: &str, kind: &str, data: &str) -> String {
    let (kind, data) = (json!(kind), json!(data));
    format!(
        "[...document.querySelectorAll('#{column}-events > li')]
            .filter(({{dataset}}) => dataset.type === {kind} && dataset.data === {data}).length"
    )
}

/// The expression for the text of an element.
fn text(css: &str) -> String {
    format!("document.querySelector({}).textContent", json!(css))
}

/// Unix milliseconds, as the page takes them from an event's `sent_at`.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}
