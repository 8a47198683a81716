//! The format cases of web-platform-tests' `eventsource/` folder, each cut at every byte.

mod support;

use support::{Seen, decode_every_way, event, events, message};

/// The data of the events, which are all of type `message` without an id.
#[track_caller]
fn messages(stream: &[u8], data: &[&str]) {
    let want: Vec<Seen> = data.iter().map(|data| message(data)).collect();
    assert_eq!(events(decode_every_way(stream)), want);
}

#[test]
fn event_data() {
    messages(
        b"data:msg\ndata:msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
        &["msg\nmsg", "", "end"],
    );
}

#[test]
fn format_bom() {
    messages(b"\xEF\xBB\xBFdata:1\n\n\xEF\xBB\xBFdata:2\n\ndata:3\n\n", &["1", "3"]);
}

#[test]
fn format_bom_2() {
    messages(b"\xEF\xBB\xBF\xEF\xBB\xBFdata:1\n\ndata:2\n\ndata:3\n\n", &["2", "3"]);
}

#[test]
fn format_comments() {
    let long = "x".repeat(2048);
    let stream =
        format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\n:data:fail\r:{long}\ndata:4\n\n");
    let seen = decode_every_way(stream.as_bytes());
    let comment = |text: &str| Seen::Comment(text.into());
    let want = [comment("\0"), comment(""), comment(&long), comment("data:fail"), comment(&long)];
    assert_eq!(seen[..5], want);
    assert_eq!(seen[5..], [message("1\n2\n3\n4")]);
}

#[test]
fn format_data_before_final_empty_line() {
    let seen = decode_every_way(b"retry:1000\ndata:test1\n\nid:test\ndata:test2");
    assert_eq!(seen, [Seen::Retry(1000), message("test1")]);
}

#[test]
fn format_field_data() {
    messages(b"data:\n\ndata\ndata\n\ndata:test\n\n", &["", "\n", "test"]);
}

#[test]
fn format_field_event() {
    let seen = decode_every_way(b"event:test\ndata:x\n\ndata:x\n\n");
    assert_eq!(seen, [event("test", "x", ""), message("x")]);
}

#[test]
fn format_field_event_empty() {
    messages(b"event: \ndata:data\n\n", &["data"]);
    messages(b"event:x\nevent\ndata:data\n\n", &["data"]);
}

#[test]
fn format_field_parsing() {
    messages(
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n \
          data:32\ndata:4\n\n",
        &["\0\n 2\n1\n3\n\n4"],
    );
}

#[test]
fn format_field_retry() {
    let seen = decode_every_way(b"retry:03000\ndata:x\n\n");
    assert_eq!(seen, [Seen::Retry(3000), message("x")]);
}

#[test]
fn format_field_retry_bogus() {
    let seen = decode_every_way(b"retry:3000\nretry:1000x\ndata:x\n\n");
    assert_eq!(seen, [Seen::Retry(3000), message("x")]);
}

#[test]
fn format_field_retry_bogus_2() {
    for bogus in ["-1", "+5", " 5", "5 ", "5.0", "1e3", "٣", "0x10", "5\0"] {
        let seen = decode_every_way(format!("retry:3000\nretry: {bogus}\ndata:x\n\n").as_bytes());
        assert_eq!(seen, [Seen::Retry(3000), message("x")], "{bogus:?}");
    }
}

#[test]
fn format_field_retry_empty() {
    messages(b"retry\ndata:test\n\n", &["test"]);
    assert_eq!(decode_every_way(b"retry:\nretry: \n\n"), []);
}

#[test]
fn format_field_unknown() {
    messages(
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        &["test\n\ntest"],
    );
}

#[test]
fn format_leading_space() {
    messages(b"data:\ttest\rdata: \ndata:test\n\n", &["\ttest\n\ntest"]);
}

#[test]
fn format_newlines() {
    messages(b"data:test\r\ndata\ndata:test\r\n\r", &["test\n\ntest"]);
}

#[test]
fn format_null_character() {
    messages(b"data:\0\n\n\n\n", &["\0"]);
}

#[test]
fn format_utf_8() {
    messages("data:ok…\n\ndata:𝄞é\n\n".as_bytes(), &["ok…", "𝄞é"]);
}

#[test]
fn format_field_id() {
    let id = format!("<{}…é", "x".repeat(240));
    let seen = decode_every_way(format!("id: {id}\ndata:hello\n\n").as_bytes());
    assert_eq!(seen, [event("message", "hello", &id)]);
}

#[test]
fn format_field_id_2() {
    let seen = decode_every_way(b"id: a\ndata:1\n\ndata:2\n\nid:b\n\ndata:3\n\n");
    let want = [("1", "a"), ("2", "a"), ("3", "b")].map(|(data, id)| event("message", data, id));
    assert_eq!(seen, want);
}

#[test]
fn format_field_id_3() {
    let seen = decode_every_way(b"id: a\ndata:1\n\nid\ndata:2\n\nid:b\ndata:3\n\nid: \ndata:4\n\n");
    let want = [("1", "a"), ("2", ""), ("3", "b"), ("4", "")];
    assert_eq!(seen, want.map(|(data, id)| event("message", data, id)));
}

#[test]
fn format_field_id_null() {
    let seen =
        decode_every_way(b"id: a\nid: \0b\ndata:1\n\nid: \0\ndata:2\n\nid: c\0c\ndata:3\n\n");
    assert_eq!(seen, ["1", "2", "3"].map(|data| event("message", data, "a")));
}
