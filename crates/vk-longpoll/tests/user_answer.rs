//! Answers as a whole; and what the reference library does wrong with them, each by its name.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

mod common;

use common::{event, samples};
use vk_longpoll::DecodeError;
use vk_longpoll::Failed;
use vk_longpoll::user::{Answer, EventKind, MalformedReason, Updates};

fn decode(body: &str) -> Result<Answer, DecodeError> {
    Answer::decode(body.as_bytes())
}

fn failed(body: &str) -> Failed {
    match decode(body).unwrap() {
        Answer::Failed(failed) => failed,
        other => panic!("{other:?}"),
    }
}

fn updates(body: &str) -> Updates {
    match decode(body).unwrap() {
        Answer::Updates(updates) => updates,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_sample_of_a_body_is_what_it_says() {
    let found: Vec<_> = samples("body").iter().map(|body| decode(body)).collect();
    let codes: Vec<_> = found
        .iter()
        .map(|answer| match answer {
            Ok(Answer::Failed(failed)) => (failed.code, failed.ts, failed.max_version),
            Ok(Answer::Updates(updates)) => (0, Some(updates.ts), None),
            Err(error) => {
                // An error of the API is none of the poll's answers.
                assert!(error.is_incomplete());
                (-1, None, None)
            }
            Ok(_) => unreachable!(),
        })
        .collect();
    let api_error = (-1, None, None);
    // The first sample has a place-holder for its ts.
    let expected = [
        (1, None, None),
        (2, None, None),
        (4, None, Some(1)),
        (4, None, Some(19)),
        api_error,
        api_error,
        (0, Some(8), None),
    ];
    assert_eq!(codes, expected);
}

#[test]
fn the_reference_library_ends_at_failed_1_with_a_string() {
    assert_eq!(failed(r#"{"failed":1,"ts":"1820350874"}"#).ts, Some(1_820_350_874));
    assert_eq!(failed(r#"{"failed":1,"ts":1820350874}"#).ts, Some(1_820_350_874));
    assert_eq!(failed(r#"{"ts":3,"failed":"1","updates":null}"#).code, 1);
}

#[test]
fn the_reference_library_begins_at_0_after_an_empty_object() {
    for body in [
        "{}",
        r#"{"updates":[]}"#,
        r#"{"ts":5}"#,
        r#"{"ts":null,"updates":[]}"#,
        r#"{"ts":"soon","updates":[]}"#,
        r#"{"ts":5,"updates":null}"#,
        r#"{"failed":0}"#,
        r#"{"failed":null,"ts":1}"#,
        r#"{"error":{"error_code":10}}"#,
    ] {
        assert!(decode(body).unwrap_err().is_incomplete(), "{body}");
    }
}

#[test]
fn what_is_no_answer_is_an_error_that_quotes_nothing_of_it() {
    for body in [
        "",
        "null",
        "[]",
        "[[4,1,2]]",
        r#""secret""#,
        "<html>secret</html>",
        "7",
        r#"{"ts":5,"updates":{"secret":1}}"#,
        r#"{"ts":5,"updates":"secret"}"#,
        r#"{"ts":5,"updates":[]} secret"#,
        r#"{"ts":5,"updates":[[secret]]}"#,
        "\u{0}",
        "{\"ts\":5,\"updates\":[[4,1,2,3,4,\"a\nsecret\"]]}",
    ] {
        let error = decode(body).unwrap_err();
        assert!(!error.is_incomplete(), "{body}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn the_reference_library_never_reads_pts() {
    assert_eq!(updates(r#"{"ts":5,"pts":7,"updates":[]}"#).pts, Some(7));
    assert_eq!(updates(r#"{"ts":"5","pts":"7","updates":[]}"#).pts, Some(7));
    assert_eq!(updates(r#"{"ts":5,"updates":[]}"#).pts, None);
}

#[test]
fn the_reference_library_panics_at_event_8_with_four_values() {
    let event = event("[8,-123,7,1700000000]");
    let EventKind::FriendOnline(online) = &event.kind else { panic!("{event:?}") };
    assert_eq!((online.user_id, online.timestamp, online.app_id), (123, Some(1_700_000_000), None));
}

#[test]
fn the_reference_library_panics_at_rows_without_a_number() {
    let updates = updates(r#"{"ts":5,"updates":[[],["a"],[null,1],[[1]],[{}]]}"#);
    assert_eq!(updates.events.len(), 5);
    assert!(updates.events.iter().all(|event| event.kind.name() == "malformed"));
}

#[test]
fn the_reference_library_loses_the_rest_of_a_batch_with_one_odd_row() {
    let updates = updates(r#"{"ts":5,"updates":[[61,1,1],[4,1],[63,1,2,3],"x",null,[61,2,1]]}"#);
    assert_eq!(updates.ts, 5);
    let kinds: Vec<_> = updates.events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(
        kinds,
        ["user_typing", "malformed", "malformed", "malformed", "malformed", "user_typing"]
    );
    let EventKind::Malformed(row) = &updates.events[1].kind else { panic!() };
    assert_eq!((row.code, row.reason), (Some(4), MalformedReason::Missing(2)));
}

#[test]
fn a_wrong_version_tells_the_right_ones() {
    let failed = failed(r#"{"failed":4,"min_version":"0","max_version":19,"new":[{}]}"#);
    assert_eq!((failed.min_version, failed.max_version), (Some(0), Some(19)));
}

#[test]
fn any_other_code_of_failure_is_told_with_fields_that_are_not_known() {
    assert_eq!(failed(r#"{"failed":99,"why":{"deep":[1]},"ts":[]}"#).code, 99);
}

#[test]
fn entries_may_stand_in_any_order_and_more_than_once() {
    let body = r#" {"new":1,"updates":[[61,1,1]] , "ts" : 5, "updates":[[61,2,1]],"ts":6} "#;
    let updates = updates(body);
    assert_eq!((updates.ts, updates.events[0].peer_id()), (6, Some(2)));
}

#[test]
fn a_byte_order_mark_is_no_reason_to_fail() {
    assert_eq!(updates("\u{feff}{\"ts\":5,\"updates\":[]}").ts, 5);
}

#[test]
fn rows_keep_their_spelling() {
    let row = r#"[ 4 ,"5",3.0e0,{"A":1.50}, 1e2 ]"#;
    let updates = updates(&format!(r#"{{"ts":5,"updates":[ {row} ]}}"#));
    assert_eq!(updates.events[0].raw().get(), row);
}

#[test]
fn an_answer_has_a_bound_on_its_updates() {
    let body = |updates: usize| format!(r#"{{"ts":5,"updates":[{}0]}}"#, "0,".repeat(updates - 1));
    assert_eq!(updates(&body(262_144)).events.len(), 262_144);
    assert!(decode(&body(262_145)).is_err());
}

#[test]
fn a_name_with_escapes_is_the_name_that_it_says() {
    assert_eq!(updates(r#"{"t\u0073":5,"\u0075pdates":[[61,1,1]],"\ud83d":1}"#).events.len(), 1);
}
