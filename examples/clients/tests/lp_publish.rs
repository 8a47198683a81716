//! `lp-publish` publishes, or says why not.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use rt_testkit::server::{Connection, Received, Server};
use support::Program;

fn server(status: u16, body: &'static str) -> (Server, Receiver<Received>) {
    let (sender, received) = channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |connection: &mut Connection| {
        let Some(request) = connection.request() else { return };
        sender.lock().unwrap().send(request).unwrap();
        connection.answer(status, "", body);
    });
    (server, received)
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let mut program = Program::start("lp-publish", args);
    assert_eq!(program.line(), None, "it says nothing where all is well");
    (program.wait().code(), program.errors())
}

#[test]
fn json_of_any_kind_is_published_as_it_is() {
    let (server, received) = server(200, r#"{"success": true}"#);
    let url = server.url("/publish");
    for json in
        [r#"{"b": 1, "a": 2.50}"#, "\"text\"", "-1", "[]", "false", " 12345678901234567890\n"]
    {
        assert_eq!(run(&[&url, "--category", "ä b", json]), (Some(0), String::new()), "{json}");
        let request = received.recv().unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/publish"));
        let body = format!(r#"{{"category":"ä b","data":{}}}"#, json.trim());
        assert_eq!(String::from_utf8(request.body).unwrap(), body);
    }
}

#[test]
fn a_dash_reads_the_input() {
    let (server, received) = server(200, r#"{"success": true}"#);
    let url = server.url("/publish");
    let args = [&url, "-c", "a", "--user", "ann:pw", "-"];
    let mut program = Program::start_with_input("lp-publish", &args, "{\"n\":\n 1}\n");
    assert_eq!(program.wait().code(), Some(0));
    let request = received.recv().unwrap();
    assert_eq!(request.body, b"{\"category\":\"a\",\"data\":{\"n\":\n 1}}");
    assert_eq!(request.header("authorization"), Some("Basic YW5uOnB3"));
}

#[test]
fn what_is_no_json_is_told_with_how_to_write_it() {
    for (text, hint) in [
        ("hello", r#"single ones: '"hello"'"#),
        ("two words", r#"'"two words"'"#),
        ("{n:1}", r#"'{"n":1}'"#),
        ("", r#"'{"n":1}'"#),
        ("{\"n\":1", "EOF"),
        ("1 2", "trailing characters"),
    ] {
        let (code, errors) = run(&["http://127.0.0.1:1/", "-c", "a", "--", text]);
        assert_eq!(code, Some(2), "{text:?}");
        assert!(errors.starts_with("lp-publish: ") && errors.contains(hint), "{text:?}: {errors}");
    }
}

#[test]
fn what_goes_wrong_is_told_with_its_causes() {
    let (server, _received) = server(400, r#"{"error": "Invalid POST body json."}"#);
    let (code, errors) = run(&[&server.url("/publish"), "-c", "a", "1"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("400 Bad Request") && errors.contains("Invalid POST body json."),
        "{errors}"
    );
    let (code, errors) = run(&["http://127.0.0.1:1/", "-c", "a", "1"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("could not connect: ") && errors.contains("refused"), "{errors}");
    for (args, told) in [
        (["http://127.0.0.1:1/", "-c", "a", "null"], "the data is null"),
        (["http://127.0.0.1:1/", "-c", "", "1"], "1 to 1024 bytes"),
        (["nonsense", "-c", "a", "1"], "not a valid URL: "),
    ] {
        let (code, errors) = run(&args);
        assert!(code != Some(0) && errors.contains(told), "{args:?}: {errors}");
    }
}
