//! `sse-contract` against a small harness: each capability, and the rules of the service.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rt_testkit::server::{Connection, Received, Server};
use serde_json::{Value, json};
use sse_client::HttpClient;
use support::Program;

const LONG: Duration = Duration::from_secs(10);

/// The service, and a server that takes its callbacks.
struct Harness {
    program: Program,
    base: String,
    callbacks: Server,
    messages: Receiver<(String, Value)>,
    http: HttpClient,
    runtime: tokio::runtime::Runtime,
    taken: u32,
}

impl Harness {
    fn start() -> Self {
        let mut program = Program::start("sse-contract", &["--listen", "127.0.0.1:0"]);
        let line = program.line().unwrap();
        let base = line.strip_prefix("listening on ").unwrap().to_owned();
        let (sender, messages) = channel();
        let sender = Mutex::new(sender);
        let callbacks = Server::start(move |connection| {
            while let Some(request) = connection.request() {
                let message = serde_json::from_slice(&request.body).unwrap();
                let _ = sender.lock().unwrap().send((request.target, message));
                connection.send("HTTP/1.1 202 X\r\ncontent-length: 0\r\n\r\n");
            }
        });
        let http = HttpClient::builder().no_proxy().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { program, base, callbacks, messages, http, runtime, taken: 0 }
    }

    fn ask(&self, method: &str, url: &str, body: &str) -> http::Response<Bytes> {
        let url = if url.starts_with('/') { format!("{}{url}", self.base) } else { url.to_owned() };
        let request = Request::builder().method(method).uri(url);
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        self.runtime.block_on(self.http.fetch(request, LONG, 1 << 20)).unwrap()
    }

    /// Starts a client of `server` with these further parameters; its URL.
    fn client(&self, server: &Server, mut params: Value) -> String {
        params["streamUrl"] = server.url("/stream").into();
        params["callbackUrl"] = self.callbacks.url("/cb").into();
        params["tag"] = "test".into();
        params["initialDelayMs"] = 0.into();
        let answer = self.ask("POST", "/", &params.to_string());
        assert!(answer.status().is_success(), "{answer:?}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// The next callback; they are numbered from 1.
    fn message(&mut self) -> Value {
        let (path, message) = self.messages.recv_timeout(LONG).expect("a callback");
        self.taken += 1;
        assert_eq!(path, format!("/cb/{}", self.taken));
        message
    }

    fn event(&mut self) -> (String, String, String) {
        let message = self.message();
        assert_eq!(message["kind"], "event", "{message}");
        let text = |name: &str| message["event"][name].as_str().unwrap().to_owned();
        (text("type"), text("data"), text("id"))
    }

    fn data(&mut self) -> String {
        self.event().1
    }

    fn error(&mut self) -> String {
        let message = self.message();
        assert_eq!(message["kind"], "error", "{message}");
        message["error"].as_str().unwrap().to_owned()
    }
}

/// A server of streams that gives out the requests it got.
fn streams(
    script: impl Fn(&mut Connection) + Send + Sync + 'static,
) -> (Server, Receiver<Received>) {
    let (sender, requests) = channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |connection| {
        let Some(request) = connection.request() else { return };
        let _ = sender.lock().unwrap().send(request);
        script(connection);
    });
    (server, requests)
}

/// A stream that sends this, and stays open.
fn sends(text: &'static str) -> (Server, Receiver<Received>) {
    streams(move |connection| {
        connection.open_event_stream();
        connection.send(text);
        connection.wait_closed();
    })
}

#[test]
fn the_service_names_itself_and_every_capability() {
    let harness = Harness::start();
    let answer = harness.ask("GET", "/", "");
    assert_eq!(answer.status(), 200);
    let status: Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(status["name"].is_string());
    let mut capabilities: Vec<_> = status["capabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    capabilities.sort_unstable();
    assert_eq!(
        capabilities,
        [
            "bom",
            "comments",
            "event-type-listeners",
            "headers",
            "last-event-id",
            "post",
            "read-timeout",
            "report",
            "restart",
            "server-directed-shutdown-request"
        ]
    );
}

#[test]
fn delete_ends_the_process() {
    let mut harness = Harness::start();
    assert!(harness.ask("DELETE", "/", "").status().is_success());
    assert!(harness.program.wait().success());
}

#[test]
fn events_bom_and_comments() {
    let mut harness = Harness::start();
    let (server, requests) =
        sends("\u{feff}data: one\n\n: c1\rdata: 2\n: c2\n\nid: 7\nevent: e\ndata\n\n");
    harness.client(&server, json!({ "headers": null, "lastEventId": null, "readTimeoutMs": null }));
    let request = requests.recv_timeout(LONG).unwrap();
    assert_eq!(
        (request.method.as_str(), request.header("accept")),
        ("GET", Some("text/event-stream"))
    );
    assert_eq!(
        (request.header("cache-control"), request.header("last-event-id")),
        (Some("no-cache"), None)
    );
    assert_eq!(harness.event(), ("message".into(), "one".into(), "".into()));
    assert_eq!(harness.message(), json!({"kind": "comment", "comment": " c1"}));
    assert_eq!(harness.message(), json!({"kind": "comment", "comment": " c2"}));
    assert_eq!(harness.data(), "2");
    assert_eq!(harness.event(), ("e".into(), "".into(), "7".into()));
}

#[test]
fn headers_and_last_event_id() {
    let harness = Harness::start();
    let (server, requests) = sends("");
    harness
        .client(&server, json!({ "headers": {"x-one": "1", "x-two": "2"}, "lastEventId": "abc" }));
    let request = requests.recv_timeout(LONG).unwrap();
    assert_eq!((request.header("x-one"), request.header("x-two")), (Some("1"), Some("2")));
    assert_eq!(request.header("last-event-id"), Some("abc"));
}

#[test]
fn post_and_report_send_their_body_again_on_each_connection() {
    for method in ["POST", "REPORT"] {
        let mut harness = Harness::start();
        let (server, requests) = streams(|connection| {
            connection.open_event_stream();
            connection.send("id: 3\ndata: x\n\n");
        });
        let headers = json!({ "content-type": "application/json; charset=utf-8" });
        let body = r#"{"hello": "world"}"#;
        harness.client(&server, json!({ "method": method, "body": body, "headers": headers }));
        for last_event_id in [None, Some("3")] {
            let request = requests.recv_timeout(LONG).unwrap();
            assert_eq!(
                (request.method.as_str(), request.body.as_slice()),
                (method, body.as_bytes())
            );
            assert_eq!(request.header("content-type"), Some("application/json; charset=utf-8"));
            assert_eq!(request.header("last-event-id"), last_event_id);
        }
        assert_eq!(harness.data(), "x");
        assert_eq!(harness.error(), "the server ended the stream");
    }
}

#[test]
fn a_read_timeout_is_an_error_and_reconnects() {
    let mut harness = Harness::start();
    let (server, requests) = sends("data: Hello\n\n");
    harness.client(&server, json!({ "readTimeoutMs": 500 }));
    assert_eq!(harness.data(), "Hello");
    assert_eq!(harness.error(), "nothing was received for 500ms");
    requests.recv_timeout(LONG).unwrap();
    requests.recv_timeout(LONG).expect("a second connection");
}

#[test]
fn restart_connects_again_without_an_error() {
    let mut harness = Harness::start();
    let (sender, closed) = channel();
    let sender = Mutex::new(sender);
    let (server, _requests) = streams(move |connection| {
        connection.open_event_stream();
        connection.send(format!("data: {}\n\n", connection.index()));
        connection.wait_closed();
        let _ = sender.lock().unwrap().send(connection.index());
    });
    let client = harness.client(&server, json!({}));
    assert_eq!(harness.data(), "0");
    assert!(harness.ask("POST", &client, r#"{"command":"restart"}"#).status().is_success());
    assert_eq!(closed.recv_timeout(LONG), Ok(0), "the old connection is dropped");
    assert_eq!(harness.data(), "1");
}

#[test]
fn types_can_be_listened_for() {
    let mut harness = Harness::start();
    let (go, may_go) = channel();
    let may_go = Mutex::new(may_go);
    let (server, _requests) = streams(move |connection| {
        connection.open_event_stream();
        let _: Result<(), _> = may_go.lock().unwrap().recv();
        connection.send("event: greeting\ndata: x\n\n");
        connection.wait_closed();
    });
    let client = harness.client(&server, json!({}));
    let listen = r#"{"command":"listen","listen":{"type":"greeting"}}"#;
    assert!(harness.ask("POST", &client, listen).status().is_success());
    go.send(()).unwrap();
    assert_eq!(harness.event(), ("greeting".into(), "x".into(), "".into()));
    drop(go);
}

#[test]
fn on_204_the_client_stops() {
    let mut harness = Harness::start();
    let (server, requests) = streams(|connection| {
        match connection.index() {
            0 => connection.open_event_stream() && connection.send("data: x\n\n"),
            _ => connection.answer(204, "", ""),
        };
    });
    harness.client(&server, json!({}));
    assert_eq!(harness.data(), "x");
    harness.error();
    requests.recv_timeout(LONG).unwrap();
    requests.recv_timeout(LONG).unwrap();
    // A reconnect would come within 200 ms.
    assert!(requests.recv_timeout(Duration::from_millis(600)).is_err(), "it came back after 204");
    assert!(harness.messages.try_recv().is_err(), "the end is not an error");
}

#[test]
fn a_redirect_without_location_is_an_error_and_one_with_it_is_followed() {
    let mut harness = Harness::start();
    let (server, requests) = streams(|connection| {
        connection.answer(301, "", "");
    });
    harness.client(&server, json!({}));
    assert_eq!(harness.error(), "the server answered 301 without a Location");
    requests.recv_timeout(LONG).unwrap();
    assert!(requests.recv_timeout(Duration::from_millis(600)).is_err(), "it loops");

    let mut harness = Harness::start();
    let (target, _requests) = sends("data: there\n\n");
    let location = format!("location: {}\r\n", target.url("/elsewhere"));
    let (server, _requests) = streams(move |connection| {
        connection.answer(307, &location, "");
    });
    harness.client(&server, json!({}));
    assert_eq!(harness.data(), "there");
}

#[test]
fn a_line_of_10_mib_arrives() {
    let mut harness = Harness::start();
    let (server, _requests) = streams(|connection| {
        connection.open_event_stream();
        connection.send(format!("data: {}\n\n", "x".repeat(10 << 20)));
        connection.wait_closed();
    });
    harness.client(&server, json!({}));
    assert_eq!(harness.data().len(), 10 << 20);
}

#[test]
fn deleting_a_client_closes_its_connection() {
    let harness = Harness::start();
    let (sender, closed) = channel();
    let sender = Mutex::new(sender);
    let (server, requests) = streams(move |connection| {
        connection.open_event_stream();
        connection.wait_closed();
        let _ = sender.lock().unwrap().send(());
    });
    let client = harness.client(&server, json!({}));
    requests.recv_timeout(LONG).unwrap();
    assert!(harness.ask("DELETE", &client, "").status().is_success());
    closed.recv_timeout(LONG).expect("closed");
    assert_eq!(harness.ask("DELETE", &client, "").status(), 404);
    assert_eq!(harness.ask("POST", &client, r#"{"command":"restart"}"#).status(), 404);
}

#[test]
fn what_is_not_valid_is_refused() {
    let harness = Harness::start();
    let url = harness.callbacks.url("/");
    for params in [
        "".to_owned(),
        "not JSON".to_owned(),
        "{}".to_owned(),
        json!({ "streamUrl": url }).to_string(),
        json!({ "callbackUrl": url }).to_string(),
        json!({ "streamUrl": "nonsense", "callbackUrl": url }).to_string(),
        json!({ "streamUrl": url, "callbackUrl": "nonsense" }).to_string(),
        json!({ "streamUrl": url, "callbackUrl": url, "method": "A B" }).to_string(),
        json!({ "streamUrl": url, "callbackUrl": url, "headers": {"a b": "c"} }).to_string(),
        json!({ "streamUrl": url, "callbackUrl": url, "readTimeoutMs": "1" }).to_string(),
        json!({ "streamUrl": url, "callbackUrl": url, "initialDelayMs": -1 }).to_string(),
    ] {
        let answer = harness.ask("POST", "/", &params);
        assert_eq!(answer.status(), 400, "{params}");
        assert!(!answer.body().is_empty(), "{params}: why?");
    }
    let (server, _requests) = sends("");
    let client = harness.client(&server, json!({}));
    for command in ["", "{}", r#"{"command":"dance"}"#, r#"{"command":"listen"}"#] {
        assert_eq!(harness.ask("POST", &client, command).status(), 400, "{command}");
    }
}

#[test]
fn only_this_machine_is_served() {
    let harness = Harness::start();
    for (name, value, status) in [
        ("host", "rebound.example", 403),
        ("host", "127.0.0.1.example:80", 403),
        ("host", "[::2]", 403),
        ("host", "127.0.0.2:80", 200),
        ("host", "[::1]", 200),
        ("host", "[::1]:80", 200),
        ("host", "Localhost", 200),
        ("origin", "http://page.example", 403),
        ("origin", "null", 403),
    ] {
        let request = Request::get(&harness.base).header(name, value).body(Bytes::new()).unwrap();
        let answer = harness.runtime.block_on(harness.http.fetch(request, LONG, 1_000)).unwrap();
        assert_eq!(answer.status(), status, "{name}: {value}");
    }
    let mut program = Program::start("sse-contract", &["--listen", "0.0.0.0:0"]);
    assert_eq!(program.line(), None);
    assert!(!program.wait().success());
}
