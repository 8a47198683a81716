//! Encoding: field order, lines, refusals, and back again.

mod support;

use bytes::BytesMut;
use proptest::prelude::*;
use sse_codec::{Decoder, Event, Fields, LINE_END, Message, comment_into};
use std::{io, time::Duration};
use support::{Seen, decode, event, feed, message};

fn encoded(fields: Fields<'_>) -> String {
    let bytes = fields.encode().expect("valid fields");
    assert_eq!(bytes.len(), fields.encoded_len());
    String::from_utf8(bytes).expect("text")
}

#[test]
fn the_id_is_the_last_field_and_a_comment_the_first() {
    let fields =
        Fields::new().comment("c").retry(Duration::from_millis(1500)).event("e").data("d").id("i");
    assert_eq!(encoded(fields), ":c\ndata: d\nevent: e\nretry: 1500\nid: i\n\n");
    assert!(encoded(fields).split_inclusive(LINE_END).all(|line| line.ends_with(LINE_END)));
}

#[test]
fn format_keeps_the_order_of_the_go_package() {
    let message = Message::new().with_data("d").with_retry(Duration::from_millis(1500));
    let message = message.with_comment("c").with_id("i").and_then(|it| it.with_event("e"));
    let text = message.expect("valid").format().expect("fields");
    assert_eq!(text, "id: i\ndata: d\nevent: e\nretry: 1500\n:c\n\n");
}

#[test]
fn an_empty_line_is_written_only_where_there_is_something_to_dispatch() {
    assert_eq!(encoded(Fields::new().comment("c\nd")), ":c\n:d\n");
    assert_eq!(encoded(Fields::new().retry(Duration::ZERO).comment("c")), ":c\nretry: 0\n");
    // Without its empty line an event type would be the next event's.
    assert_eq!(encoded(Fields::new().event("e")), "event: e\n\n");
    assert_eq!(encoded(Fields::new().id("1")), "id: 1\n\n");
}

#[test]
fn every_kind_of_line_end_in_data_makes_a_line() {
    assert_eq!(
        encoded(Fields::new().data("a\nb\rc\r\nd")),
        "data: a\ndata: b\ndata: c\ndata: d\n\n"
    );
    assert_eq!(encoded(Fields::new().data("a\n\r")), "data: a\ndata:\ndata:\n\n");
}

#[test]
fn empty_data_is_still_data() {
    assert_eq!(encoded(Fields::new().data("")), "data:\n\n");
    assert_eq!(decode([&b"data:\n\n"[..]]), [message("")]);
}

#[test]
fn an_empty_id_takes_the_last_one_back() {
    assert_eq!(encoded(Fields::new().id("").data("x")), "data: x\nid:\n\n");
}

#[test]
fn leading_spaces_survive() {
    let text = encoded(Fields::new().id(" i").event(" e").data("  d\n x"));
    assert_eq!(decode([text.as_bytes()]), [event(" e", "  d\n x", " i")]);
}

#[test]
fn a_comment_may_have_several_lines() {
    let mut buf = BytesMut::new();
    comment_into("a\n\rdata: forged\r\n", &mut buf);
    assert_eq!(buf, ":a\n:\n:data: forged\n:\n");
    assert!(decode([&buf[..]]).iter().all(|seen| matches!(seen, Seen::Comment(_))));
}

#[test]
fn what_would_inject_fields_is_refused() {
    for bad in ["\n", "\r", "a\nb", "a\rb", "a\r\ndata: forged", "a\n\n"] {
        let at = bad.find(['\n', '\r']).expect("there is one");
        for fields in [Fields::new().id(bad), Fields::new().event(bad)] {
            let mut buf = b"before".to_vec();
            let error = fields.encode_into(&mut buf).expect_err("refused");
            assert!(error.to_string().contains(&format!("line break at byte {at}")), "{error}");
            assert_eq!(buf, b"before", "nothing is written");
        }
        assert_eq!(Message::new().with_id(bad).expect_err("refused").field(), "id");
        assert_eq!(Message::new().with_event(bad).expect_err("refused").field(), "event");
    }
}

#[test]
fn an_id_with_nul_is_refused() {
    let error = Message::new().with_id("a\0b").expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the id has a NUL at byte 1: remove it, decoders ignore such an id"
    );
    assert!(Fields::new().id("\0").encode().is_err());
    assert!(Fields::new().event("\0").encode().is_ok());
}

#[test]
fn nothing_at_all_is_refused() {
    let error = Message::new().encode().expect_err("refused");
    assert!(error.is_empty());
    assert!(!Fields::new().id("\n").encode().expect_err("refused").is_empty());
    // One field is enough for the codec, whichever it is.
    assert_eq!(encoded(Fields::new().id("1")), "id: 1\n\n");
    assert_eq!(encoded(Fields::new().retry(Duration::ZERO)), "retry: 0\n");
}

#[test]
fn a_retry_is_in_whole_milliseconds() {
    let retry = |wait| encoded(Fields::new().retry(wait));
    assert_eq!(retry(Duration::from_micros(2999)), "retry: 2\n");
    assert_eq!(retry(Duration::from_secs(3)), "retry: 3000\n");
    assert_eq!(retry(Duration::MAX), format!("retry: {}\n", u64::MAX));
}

#[test]
fn a_message_is_written_at_once() {
    struct Once(Vec<Vec<u8>>);
    impl io::Write for Once {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = Once(Vec::new());
    let message = Message::new().with_data("a\nb").with_comment("c").with_retry(Duration::ZERO);
    message.write_to(&mut out).expect("written");
    assert_eq!(out.0, [b":c\ndata: a\ndata: b\nretry: 0\n\n"]);

    let refused = Fields::new().id("\n").write_to(io::sink()).expect_err("refused");
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    assert!(refused.get_ref().is_some_and(|inner| inner.is::<sse_codec::InvalidField>()));
}

#[test]
fn an_event_is_sent_on_as_it_came() {
    let given = Event::new("x\ny").with_event("tick").with_id("7");
    assert_eq!((given.event(), given.data(), given.id()), ("tick", "x\ny", "7"));
    let text = encoded(Fields::from(given.as_ref()));
    assert_eq!(text, "data: x\ndata: y\nevent: tick\nid: 7\n\n");
    assert_eq!(encoded(Fields::from(Event::new("x").as_ref())), "data: x\n\n");
}

#[test]
fn events_are_equal_if_they_say_the_same() {
    assert_eq!(Event::new("x").with_event("message"), Event::new("x"));
    assert_ne!(Event::new("x").with_event("y"), Event::new("xy"));
    assert_ne!(Event::new("x").with_id("y"), Event::new("x").with_event("y"));
    assert_eq!(Event::new("x").with_event("e").with_id("i").into_data(), "x");
}

/// Text with all that could be mistaken for part of the format.
fn text() -> impl Strategy<Value = String> {
    let pieces =
        vec!["\n", "\r", "\r\n", ":", " ", "data:", "id: ", "event:", "\0", "x", "é", "\u{FEFF}"];
    prop::collection::vec(prop::sample::select(pieces), 0..8).prop_map(|pieces| pieces.concat())
}

/// What a receiver makes of the line ends of a text.
fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_else(
        id in prop::option::of(text()),
        name in prop::option::of(text()),
        data in prop::option::of(text()),
        retry in prop::option::of(0_u64..100_000),
        comment in prop::option::of(text()),
    ) {
        let mut fields = Fields::new();
        if let Some(id) = &id { fields = fields.id(id); }
        if let Some(name) = &name { fields = fields.event(name); }
        if let Some(data) = &data { fields = fields.data(data); }
        if let Some(retry) = retry { fields = fields.retry(Duration::from_millis(retry)); }
        if let Some(comment) = &comment { fields = fields.comment(comment); }

        let breaks = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(['\n', '\r']));
        let bad = breaks(&id) || breaks(&name) || id.as_ref().is_some_and(|id| id.contains('\0'));
        let none = fields == Fields::new();
        let encoded = fields.encode();
        prop_assert_eq!(encoded.is_err(), bad || none);

        if let Ok(bytes) = encoded {
            prop_assert_eq!(bytes.len(), fields.encoded_len());
            let mut want = Vec::new();
            if let Some(comment) = comment {
                want.extend(with_lf(&comment).split('\n').map(|line| Seen::Comment(line.into())));
            }
            want.extend(retry.map(Seen::Retry));
            let id = id.unwrap_or_else(|| "before".into());
            if let Some(data) = data {
                let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "message".into());
                want.push(event(&name, &with_lf(&data), &id));
            }
            let mut decoder = Decoder::new().with_last_event_id("before");
            prop_assert_eq!(feed(&mut decoder, &bytes), want);
            prop_assert_eq!(decoder.last_event_id(), id);
        }
    }
}
