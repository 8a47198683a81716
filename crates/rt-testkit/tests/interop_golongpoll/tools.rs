//! `lp-tail` and `lp-publish` with golongpoll's server.
use std::process::Command;

use rt_testkit::process::Process;
use serde_json::{Value, json};

use crate::peers::{self, Peer};

fn tail(server: &Peer, args: &[&str]) -> Process {
    let mut command = Command::new(peers::example("lp-tail"));
    command.args([&server.url("/events"), "--category", "a", "--timeout", "1"]).args(args);
    Process::start(command.env("NO_PROXY", "*"))
}

fn publish(server: &Peer, json: &str) {
    let mut command = Command::new(peers::example("lp-publish"));
    command.args([&server.url("/publish"), "--category", "a", json]).env("LP_USER", "ann:pw");
    assert!(Process::start(command.env("NO_PROXY", "*")).wait().success());
}

fn data(tail: &mut Process) -> Value {
    let line: Value = serde_json::from_str(&tail.line_with("{")).unwrap();
    assert_eq!(line["category"], "a");
    line["data"].clone()
}

#[test]
fn what_is_published_is_printed_once_over_restarts() {
    let server = peers::golongpoll(&["-user", "ann:pw"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("position");
    let args = ["--user", "ann:pw", "--since", "0", "--position-file", file.to_str().unwrap()];
    let mut follower = tail(&server, &args);
    for json in [r#"{"n": [1, null]}"#, "\"two\"", "false"] {
        publish(&server, json);
        assert_eq!(data(&mut follower), serde_json::from_str::<Value>(json).unwrap());
    }
    follower.interrupt();
    assert!(follower.wait().success());
    publish(&server, "4");
    publish(&server, "5");
    let mut follower = tail(&server, &args);
    assert_eq!(data(&mut follower), json!(4));
    assert_eq!(data(&mut follower), json!(5));
}
