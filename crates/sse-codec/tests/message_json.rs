//! The message as JSON, in all the spellings that it is read in.

use serde_json::json;
use sse_codec::Message;
use std::time::Duration;

fn read(json: serde_json::Value) -> Message {
    serde_json::from_value(json).expect("a message")
}

fn refused(json: serde_json::Value) -> String {
    serde_json::from_value::<Message>(json).expect_err("refused").to_string()
}

fn full() -> Message {
    Message::new()
        .with_id("1")
        .and_then(|message| message.with_event("tick"))
        .expect("valid")
        .with_data("x")
        .with_retry(Duration::from_millis(3000))
        .with_comment("c")
}

#[test]
fn names_are_read_in_any_case() {
    for json in [
        json!({"ID": "1", "Event": "tick", "Data": "x", "Retry": "3000", "Comment": "c"}),
        json!({"id": "1", "event": "tick", "data": "x", "retry": 3000, "comment": "c"}),
        json!({"Id": "1", "EVENT": "tick", "data": "x", "Retry": 3000, "Comment": "c", "Zone": "z"}),
    ] {
        assert_eq!(read(json.clone()), full(), "{json}");
    }
}

#[test]
fn nothing_and_the_empty_string_are_the_same() {
    let empty = json!({"ID": "", "Event": "", "Data": "x", "Retry": "", "Comment": ""});
    assert_eq!(read(empty), Message::new().with_data("x"));
    let null = json!({"ID": null, "Event": null, "Data": null, "Retry": null, "Comment": null});
    assert_eq!(read(null), Message::new());
}

#[test]
fn empty_data_is_data_unless_there_is_a_comment() {
    assert_eq!(read(json!({"data": ""})), Message::new().with_data(""));
    let comment = Message::new().with_comment("c");
    assert_eq!(read(json!({"Data": "", "Comment": "c"})), comment);
    assert_eq!(read(json!({"Comment": "c", "Data": ""})), comment);
}

#[test]
fn what_would_inject_fields_is_refused_when_read() {
    assert!(
        refused(json!({"id": "1\ndata: forged"})).contains("the id has a line break at byte 1")
    );
    assert!(refused(json!({"Event": "x\rdata: forged"})).contains("the event has a line break"));
    assert!(refused(json!({"ID": "a\u{0}"})).contains("the id has a NUL"));
}

#[test]
fn a_retry_that_is_no_number_of_milliseconds_is_refused() {
    for retry in [json!("3s"), json!("+5"), json!(-1), json!(1.5), json!([1])] {
        let message = refused(json!({"retry": retry}));
        assert!(message.contains("whole number of milliseconds"), "{message}");
    }
}

#[test]
fn other_types_are_refused() {
    assert!(refused(json!({"data": {"a": 1}})).contains("expected a string"));
    assert!(refused(json!("x")).contains("a message with id, event, data, retry or comment"));
}

#[test]
fn it_is_written_in_lower_case_without_what_is_not_set() {
    let json = serde_json::to_value(full()).expect("JSON");
    assert_eq!(
        json,
        json!({"id": "1", "event": "tick", "data": "x", "retry": 3000, "comment": "c"})
    );
    let json = serde_json::to_string(&Message::new().with_data("x")).expect("JSON");
    assert_eq!(json, r#"{"data":"x"}"#);
}
