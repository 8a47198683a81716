//! `lp-tail` prints what is published, and comes back to its place.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use rt_testkit::server::{Connection, Received, Server};
use support::Program;

const ID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c";

fn event(n: u8, data: &str) -> String {
    format!(r#"{{"timestamp":{n},"category":"ä","data":{data},"id":"{ID}{n}"}}"#)
}

fn events(events: &[String]) -> String {
    format!(r#"{{"events":[{}]}}"#, events.join(","))
}

/// A server that gives these answers one after the other, and then is silent; what it got.
fn server(answers: Vec<(u16, String)>) -> (Server, Receiver<Received>) {
    let (sender, received) = channel();
    let sender = Mutex::new(sender);
    let next = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |connection: &mut Connection| {
        let Some(request) = connection.request() else { return };
        // A client may ask once more while the test ends.
        let _ = sender.lock().unwrap().send(request);
        match answers.get(next.fetch_add(1, Ordering::SeqCst)) {
            Some((status, body)) => drop(connection.answer(*status, "", body)),
            None => connection.wait_closed(),
        }
    });
    (server, received)
}

#[test]
fn an_event_is_a_json_line() {
    let batch =
        events(&[event(1, r#"{"b":1,"a":[null]}"#), event(2, "\"x\\n\""), event(3, "false")]);
    let typed = event(4, "1").replace("}", r#","event":"note"}"#);
    let (server, received) =
        server(vec![(200, batch), (503, "busy".into()), (200, events(&[typed]))]);
    let mut tail = Program::start("lp-tail", &[&server.url("/events"), "--category", "ä"]);
    // The order of the fields is part of the promise.
    for (n, data) in [(1, r#"{"b":1,"a":[null]}"#), (2, "\"x\\n\""), (3, "false")] {
        let expected =
            format!(r#"{{"timestamp":{n},"category":"ä","id":"{ID}{n}","data":{data}}}"#);
        assert_eq!(tail.line().unwrap(), expected);
    }
    assert_eq!(tail.json()["event"], "note");
    let target = received.recv().unwrap().target;
    assert_eq!(target, "/events?timeout=45&category=%C3%A4");
    let again = received.recv().unwrap().target;
    assert_eq!(again, format!("{target}&since_time=3&last_id={ID}3"));
    tail.interrupt();
    assert_eq!(tail.wait().code(), Some(0));
    assert_eq!(tail.line(), None);
    let errors = tail.errors();
    assert!(errors.contains("503 Service Unavailable: busy; again in "), "{errors}");
}

#[test]
fn the_poll_is_the_users() {
    for (args, query) in [
        (&["--since", "now"][..], ""),
        (&["--since", "0"], "&since_time=0"),
        (&["--since", "-7"], "&since_time=-7"),
        (
            &["--since", "5", "--last-id", "6ba7b810-9dad-41d1-80b4-00c04fd430c1"],
            "&since_time=5&last_id=6ba7b810-9dad-41d1-80b4-00c04fd430c1",
        ),
    ] {
        let (server, received) = server(Vec::new());
        let url = server.url("/events");
        let fixed = [&url, "-c", "a", "--timeout", "7", "--user", "ann:p:w"];
        let _tail = Program::start("lp-tail", &[&fixed[..], args].concat());
        let request = received.recv().unwrap();
        assert_eq!(request.target, format!("/events?timeout=7&category=a{query}"));
        assert_eq!(request.header("authorization"), Some("Basic YW5uOnA6dw=="));
    }
    // Without a password on the command line.
    let (server, received) = server(Vec::new());
    let url = server.url("/events");
    let _tail = Program::start_with("lp-tail", &[&url, "-c", "a"], &[("LP_USER", "ann:p:w")]);
    assert_eq!(received.recv().unwrap().header("authorization"), Some("Basic YW5uOnA6dw=="));
}

#[test]
fn the_position_is_saved_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("position");
    let batch = events(&[event(1, "1"), event(2, "2")]);
    let (first, received) = server(vec![(200, batch)]);
    let path = file.to_str().unwrap();
    let args = ["-c", "a", "--since", "0", "--position-file", path];
    let mut tail = Program::start("lp-tail", &[&[first.url("/e").as_str()], &args[..]].concat());
    assert_eq!(tail.json()["data"], 1);
    assert_eq!(tail.json()["data"], 2);
    // The next poll goes out after the position was saved.
    received.recv().unwrap();
    received.recv().unwrap();
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_eq!(saved, format!("since_time=2&last_id={ID}2\n"));
    drop(tail);

    let (second, received) = server(vec![(200, events(&[event(3, "3")]))]);
    let mut tail = Program::start("lp-tail", &[&[second.url("/e").as_str()], &args[..]].concat());
    assert_eq!(tail.json()["data"], 3);
    let target = received.recv().unwrap().target;
    assert_eq!(target, format!("/e?timeout=45&category=a&since_time=2&last_id={ID}2"));
    received.recv().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("since_time=3&last_id={ID}3\n"));
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "nothing is left beside it");
}

/// With `| head` the reader goes first; what it did not get is not behind it.
#[test]
fn a_reader_that_goes_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("position");
    let (gone, closed) = channel();
    let closed = Mutex::new(closed);
    let server = Server::start(move |connection: &mut Connection| {
        connection.request();
        closed.lock().unwrap().recv().unwrap();
        connection.answer(200, "", &events(&[event(1, "1"), event(2, "2")]));
    });
    let url = server.url("/e");
    let args = [&url, "-c", "a", "--position-file", file.to_str().unwrap()];
    let mut tail = Program::start("lp-tail", &args);
    tail.close_output();
    gone.send(()).unwrap();
    assert_eq!(tail.wait().code(), Some(0));
    assert_eq!(tail.errors(), "");
    assert!(!file.exists());
}

#[test]
fn what_will_not_mend_ends_it_with_its_reason() {
    let words = r#"{"error": "Invalid or missing 'timeout' arg.  Must be 1-110."}"#;
    let (server, _received) = server(vec![(200, words.into())]);
    let mut tail = Program::start("lp-tail", &[&server.url("/e"), "-c", "a", "--timeout", "200"]);
    assert_eq!(tail.line(), None);
    assert_eq!(tail.wait().code(), Some(1));
    let expected =
        "lp-tail: the server refused the poll: Invalid or missing 'timeout' arg.  Must be 1-110.\n";
    assert_eq!(tail.errors(), expected);
}

#[test]
fn wrong_use_is_told_with_code_2_and_its_causes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad");
    std::fs::write(&file, "hello").unwrap();
    let bad_file = file.to_str().unwrap();
    let no_file = folder.path().to_str().unwrap();
    let url = "http://127.0.0.1:1/";
    for (args, told) in [
        (&["nonsense", "-c", "a"][..], "not a valid URL: relative URL"),
        (&[url], "--category"),
        (&[url, "-c", ""], "1 to 1024 bytes"),
        (&[url, "-c", "a", "--since", "soon"], "or now"),
        (&[url, "-c", "a", "--last-id", "x"], "--last-id"),
        (&[url, "-c", "a", "--last-id", "6ba7b810-9dad-41d1-80b4-00c04fd430c1"], "needs --since"),
        (&[url, "-c", "a", "--timeout", "0"], "whole seconds"),
        (&[url, "-c", "a", "--user", "secret"], "NAME:PASSWORD"),
        (&[url, "-c", "a", "--position-file", bad_file], "bad: not a position"),
        (&[url, "-c", "a", "--position-file", no_file], "directory"),
    ] {
        let mut tail = Program::start("lp-tail", args);
        assert_eq!(tail.line(), None, "{args:?}");
        assert_eq!(tail.wait().code(), Some(2), "{args:?}");
        let errors = tail.errors();
        assert!(errors.contains(told) && !errors.contains("secret"), "{args:?}: {errors}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello", "nothing is overwritten");
}
