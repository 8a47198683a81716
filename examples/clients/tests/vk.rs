//! `vk-listen` prints what happens and comes back to its place; `vk-echo` answers.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::time::Duration;

use rt_testkit::vk::{Builder, Step, Vk};
use serde_json::{Value, json};
use support::Program;

const TOKEN: &str = "S3cr3t";

fn vk() -> Builder {
    let short = Duration::from_millis(20);
    Vk::builder().token(TOKEN).group_token("group", 7).wait_scale(short)
}

fn listen(vk: &Vk, args: &[&str]) -> Program {
    let url = vk.api_url();
    let fixed = ["--api-url", &url];
    let token = if args.contains(&"--group") { "group" } else { TOKEN };
    Program::start_with("vk-listen", &[&fixed, args].concat(), &[("VK_TOKEN", token)])
}

/// Ends it, and gives what it wrote to the error output.
fn interrupt(mut program: Program) -> String {
    program.interrupt();
    assert_eq!(program.wait().code(), Some(0));
    program.errors()
}

#[test]
fn an_event_is_a_json_line_with_the_row_as_it_came() {
    let vk = vk().start();
    let mut program = listen(&vk, &["--mode", "2", "--wait", "90"]);
    let poll = &vk.wait_for_polls(1)[0];
    assert_eq!((poll.wait, poll.mode), (90, 34), "pts is always asked for");
    let row = r#"[4,5,1,42,1464950873,"a &lt; b",{},{"attach1_type":"photo","attach1":"1_2"}]"#;
    vk.script_polls([Step::body(format!(r#"{{"ts":1000,"updates":[{row},[],[999]]}}"#))]);
    let line = program.line().unwrap();
    assert!(line.starts_with(r#"{"kind":"new_message","message_id":5,"flags":1,"peer_id":42,"#));
    assert!(line.ends_with(&format!(r#","recovered":false,"raw":{row}}}"#)), "{line}");
    assert_eq!(program.json()["kind"], "malformed");
    let unknown = program.json();
    assert_eq!((&unknown["kind"], &unknown["raw"]), (&json!("unknown"), &json!([999])));
    assert_eq!(interrupt(program), "");
}

#[test]
fn a_bots_event_is_a_json_line_with_the_object_as_it_came() {
    let vk = vk().start();
    let mut program = listen(&vk, &["--group", "7"]);
    vk.wait_for_polls(1);
    vk.push_bot(7, "group_join", json!({"user_id": 42, "join_type": "join"}));
    let line = program.json();
    assert_eq!((&line["kind"], &line["user_id"]), (&json!("group_join"), &json!(42)));
    assert_eq!((&line["recovered"], &line["group_id"]), (&json!(false), &json!(7)));
    assert_eq!(line["raw"]["object"]["join_type"], "join");
    assert_eq!(interrupt(program), "");
}

#[test]
fn the_position_is_saved_after_each_answer_and_what_was_missed_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("position");
    let args = ["--position-file", file.to_str().unwrap()];
    let vk = vk().start();
    let mut program = listen(&vk, &args);
    vk.wait_for_polls(1);
    vk.message(42, 42, "one");
    assert_eq!(program.json()["text"], "one");
    // The next poll goes out after the position was saved.
    let before = vk.polls().len();
    vk.wait_for_polls(before + 1);
    assert_eq!(interrupt(program), "");
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(saved, json!({"ts": 1001, "pts": 50_001}));

    vk.message(42, 42, "two");
    let mut program = listen(&vk, &args);
    let missed = program.json();
    assert_eq!((&missed["text"], &missed["recovered"]), (&json!("two"), &json!(false)));
    let before = vk.polls().len();
    vk.wait_for_polls(before + 1);
    assert_eq!(interrupt(program), "");

    // What the server has forgotten comes from the history.
    vk.message(42, 42, "three");
    vk.forget();
    let mut program = listen(&vk, &args);
    let missed = program.json();
    assert_eq!((&missed["text"], &missed["recovered"]), (&json!("three"), &json!(true)));
    vk.message(42, 42, "four");
    let live = program.json();
    assert_eq!((&live["text"], &live["recovered"]), (&json!("four"), &json!(false)));
    let errors = interrupt(program);
    assert!(errors.contains("events that no history has after ts 1002 are lost"), "{errors}");

    std::fs::write(&file, "not a position").unwrap();
    let mut program = listen(&vk, &args);
    assert_eq!(program.wait().code(), Some(2));
    assert!(program.errors().contains("not a position"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_goes_wrong_is_told_and_what_can_be_tried_again_is() {
    let vk = vk().start();
    vk.script_polls([
        Step::Status(502, "<html>busy</html>".into()),
        Step::ExpireKeys,
        Step::failed(99),
    ]);
    let mut program = listen(&vk, &[]);
    assert_eq!(program.wait().code(), Some(1));
    let errors = program.errors();
    let lines: Vec<_> = errors.lines().collect();
    assert!(lines[0].contains("502 Bad Gateway") && lines[0].contains("; again in "), "{errors}");
    assert!(lines[1].contains("failed 2; going on"), "{errors}");
    assert!(lines[2].contains("failed 99"), "{errors}");

    let url = vk.api_url();
    for (args, code, what) in [
        (&["--token", "wrong", "--api-url", &url][..], 1, "error 5"),
        (&["--token", TOKEN, "--api-url", "http://api.vk.com"], 2, "use https"),
        (&["--token", TOKEN, "--wait", "91"], 2, "1 to 90"),
        (&["--token", ""], 2, "token is empty"),
    ] {
        let mut program = Program::start("vk-listen", args);
        assert_eq!(program.wait().code(), Some(code), "{args:?}");
        let errors = program.errors();
        assert!(errors.contains(what), "{errors}");
        assert!(!errors.contains(TOKEN) && !errors.contains("wrong:"), "{errors}");
    }
}

#[test]
fn the_bot_echoes_each_message_once() {
    let vk = vk().types_off().start();
    let url = vk.api_url();
    let args = ["--group", "7", "--api-url", &url];
    let bot = Program::start_with("vk-echo", &args, &[("VK_TOKEN", "group")]);
    vk.wait_for_polls(1);
    vk.script_calls("messages.send", [Step::LostAnswer]);
    vk.message_to(7, 42, 42, "hello");
    let sent = || vk.calls().into_iter().filter(|call| call.method == "messages.send");
    // An answer that was lost on the way is asked for again.
    let mut calls = 0;
    while sent().count() < 2 {
        calls += 1;
        vk.wait_for_calls(calls);
    }
    let sent: Vec<_> = sent().collect();
    for call in &sent {
        assert_eq!(
            (call.params.get("message"), call.params.number("peer_id")),
            (Some("hello"), Some(42))
        );
        assert_eq!(call.params.get("random_id"), sent[0].params.get("random_id"));
    }
    assert_eq!(interrupt(bot), "");
}

#[test]
fn messages_of_two_conversations_are_answered_under_their_own_ids() {
    let vk = vk().types_off().start();
    let url = vk.api_url();
    let args = ["--group", "7", "--api-url", &url];
    let say = |peer: i64, number: u32| {
        let message = json!({"id": 0, "date": 1, "from_id": 42, "peer_id": peer, "text": "hi",
            "conversation_message_id": number});
        vk.push_bot(7, "message_new", json!({"message": message}));
    };
    let mut ids = Vec::new();
    // Started again, it answers under the same ids.
    for start in 1..=2 {
        let bot = Program::start_with("vk-echo", &args, &[("VK_TOKEN", "group")]);
        vk.wait_for_polls(vk.poll_count() + 1);
        for (peer, number) in [(42, 1), (2_000_000_001, 1), (2_000_000_002, 1), (42, 2)] {
            say(peer, number);
        }
        let sent = || vk.calls().into_iter().filter(|call| call.method == "messages.send");
        let mut calls = 0;
        while sent().count() < 4 * start {
            calls += 1;
            vk.wait_for_calls(calls);
        }
        let ids_of = |call: rt_testkit::vk::Call| call.params.number("random_id").unwrap();
        let mut of_this: Vec<_> = sent().skip(4 * (start - 1)).map(ids_of).collect();
        of_this.sort_unstable();
        ids.push(of_this);
        assert_eq!(interrupt(bot), "");
    }
    assert!(ids[0].windows(2).all(|pair| 0 < pair[0] && pair[0] < pair[1]), "{ids:?}");
    assert!(ids[0].iter().all(|id| i32::try_from(*id).is_ok()), "{ids:?}");
    assert_eq!(ids[0], ids[1]);
}

/// What was printed after the position was saved comes again; nothing is missing.
#[test]
fn killed_again_and_again_it_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("position");
    let args = ["--position-file", file.to_str().unwrap()];
    let vk = vk().history_page(40, 40).start();
    let mut seen = Vec::new();
    let take = |seen: &mut Vec<usize>, line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = event["text"].as_str().unwrap().parse().unwrap();
        // Some come again, each new one follows the last.
        if number == seen.len() {
            seen.push(number);
        } else {
            assert!(number < seen.len(), "{number} after {seen:?}");
        }
    };
    let mut next = 0;
    for round in 0..8 {
        let mut program = listen(&vk, &args);
        if round == 0 {
            // From now on, and not from before.
            vk.wait_for_polls(1);
        }
        for _ in 0..20 {
            vk.message(42, 42, &next.to_string());
            next += 1;
        }
        let lines = if round == 7 { usize::MAX } else { 3 * round };
        while seen.len() < next && seen.len() < lines.saturating_add(20 * round) {
            take(&mut seen, &program.line().expect("another line"));
        }
        program.kill();
        // It saves its position once it has printed, whether that was read or not.
        while let Some(line) = program.line() {
            take(&mut seen, &line);
        }
    }
    assert_eq!(seen.len(), 160);
}
