//! `sse-tail` prints what happens.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use rt_testkit::server::Server;
use serde_json::json;
use support::Program;

#[test]
fn everything_is_a_json_line() {
    let server = Server::start(|connection| {
        connection.request();
        match connection.index() {
            0 => {
                connection.open_event_stream();
                connection
                    .send("retry: 1\n: hi\nevent: tick\nid: 7\ndata: a\ndata: \"ü\"\n\ndata\n\n")
            }
            1 => connection.answer(503, "", "busy"),
            _ => connection.answer(204, "", ""),
        };
    });
    let mut tail = Program::start("sse-tail", &[&server.url("/")]);
    // The order of the fields is part of the promise.
    assert_eq!(tail.line().unwrap(), r#"{"kind":"open","status":200}"#);
    assert_eq!(tail.line().unwrap(), r#"{"kind":"retry","retry_ms":1}"#);
    assert_eq!(tail.line().unwrap(), r#"{"kind":"comment","comment":" hi"}"#);
    assert_eq!(
        tail.line().unwrap(),
        r#"{"kind":"event","event":"tick","data":"a\n\"ü\"","id":"7"}"#
    );
    assert_eq!(tail.line().unwrap(), r#"{"kind":"event","event":"message","data":"","id":"7"}"#);
    let lost = tail.json();
    assert_eq!(lost["kind"], "disconnected");
    assert_eq!(lost["error"], "the server ended the stream");
    assert!(lost["retry_in_ms"].is_u64(), "{lost}");
    let busy = tail.json();
    assert_eq!(busy["kind"], "disconnected");
    assert!(busy["error"].as_str().unwrap().contains("503 Service Unavailable: busy"), "{busy}");
    assert_eq!(tail.json(), json!({"kind": "end", "reason": "no_content"}));
    assert_eq!(tail.line(), None);
    assert!(tail.wait().success());
}

#[test]
fn the_request_is_the_users() {
    let (sender, requests) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let server = Server::start(move |connection| {
        let request = connection.request().unwrap();
        sender.lock().unwrap().send(request).unwrap();
        connection.open_event_stream();
        connection.send("data: x\n\ndata: [DONE]\n\n");
        connection.wait_closed();
    });
    let folder = std::env::temp_dir().join(format!("sse-tail-{}", std::process::id()));
    std::fs::write(&folder, "Authorization: Bearer b\nX-Two: 2\n").unwrap();
    let from_file = format!("@{}", folder.display());
    let mut tail = Program::start(
        "sse-tail",
        &[
            &server.url("/e"),
            "--header",
            "X-One: 1",
            "--header",
            &from_file,
            "--method",
            "REPORT",
            "--body",
            "{}",
            "--last-event-id",
            "41",
            "--sentinel",
            "[DONE]",
        ],
    );
    assert_eq!(tail.json()["kind"], "open");
    assert_eq!(tail.json()["data"], "x");
    assert_eq!(tail.json(), json!({"kind": "end", "reason": "completed"}));
    assert!(tail.wait().success());
    std::fs::remove_file(folder).unwrap();
    let request = requests.recv().unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("REPORT", "/e"));
    assert_eq!(request.body, b"{}");
    for (name, value) in
        [("x-one", "1"), ("x-two", "2"), ("authorization", "Bearer b"), ("last-event-id", "41")]
    {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
}

#[test]
fn the_events_that_end_it_are_the_users() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        if request.method == "GET" {
            let head = "HTTP/1.1 200 X\r\ncontent-type: text/plain\r\n\r\n";
            connection.send(head);
        } else {
            connection.open_event_stream();
        }
        connection.send("data: x\n\n");
        connection.send(if request.target == "/bad" { "event: bad\n" } else { "event: bye\n" });
        connection.send("data: y\n\n");
        connection.wait_closed();
    });
    let rules = ["--end-event", "bye", "--error-event", "bad", "--content-type", "text/plain"];
    for (path, more, last, code) in [
        ("/", &["--body", "{}"][..], json!({"kind": "end", "reason": "completed"}), 0),
        ("/", &["--content-type", "any"], json!({"kind": "end", "reason": "completed"}), 0),
        (
            "/bad",
            &["--reconnect", "never"],
            json!({
                "kind": "error", "status": null,
                "error": "the server reported a failure by an event \"bad\": y",
            }),
            1,
        ),
    ] {
        let url = server.url(path);
        let mut tail = Program::start("sse-tail", &[&[url.as_str()], &rules[..], more].concat());
        assert_eq!(tail.json()["kind"], "open");
        assert_eq!(tail.json()["data"], "x");
        if code == 0 {
            assert_eq!(tail.json()["event"], "bye");
        }
        assert_eq!(tail.json(), last);
        assert_eq!(tail.wait().code(), Some(code));
    }
}

#[test]
fn a_response_that_starts_over_is_a_line() {
    let server = Server::start(|connection| {
        connection.request();
        connection.open_event_stream();
        connection.send(match connection.index() {
            0 => "data: Hel\n\n",
            _ => "data: Hello\n\ndata: [DONE]\n\n",
        });
    });
    let url = server.url("/");
    let args = [url.as_str(), "--body", "{}", "--reconnect", "always", "--sentinel", "[DONE]"];
    let mut tail = Program::start("sse-tail", &[&args[..], &["--retry-base", "0"]].concat());
    for kind in ["open", "event", "disconnected", "restarted", "open", "event", "end"] {
        assert_eq!(tail.json()["kind"], kind);
    }
    assert!(tail.wait().success());
}

#[test]
fn silence_is_noticed_and_retries_run_out() {
    let server = Server::start(|connection| {
        connection.request();
        connection.open_event_stream();
        connection.wait_closed();
    });
    let args = ["--idle-timeout", "100ms", "--max-retries", "1", "--retry-base", "0"];
    let mut tail = Program::start("sse-tail", &[&[server.url("/").as_str()], &args[..]].concat());
    assert_eq!(tail.json()["kind"], "open");
    let lost = tail.json();
    assert_eq!(lost["error"], "nothing was received for 100ms");
    assert_eq!(tail.json()["kind"], "open");
    let error = tail.json();
    assert_eq!(error["kind"], "error");
    assert_eq!(error["error"], "gave up after 1 retry: nothing was received for 100ms");
    assert_eq!(tail.line(), None);
    assert_eq!(tail.wait().code(), Some(1));
}

#[test]
fn wrong_use_is_told_with_code_2() {
    for args in [
        &["nonsense"][..],
        &["http://127.0.0.1:1/", "--header", "no colon"],
        &["http://127.0.0.1:1/", "--header", "@/no/such/file"],
        &["http://127.0.0.1:1/", "--idle-timeout", "soon"],
        &[],
    ] {
        let mut tail = Program::start("sse-tail", args);
        assert_eq!(tail.line(), None, "{args:?}");
        assert_eq!(tail.wait().code(), Some(2), "{args:?}");
    }
}
