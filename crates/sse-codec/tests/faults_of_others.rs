//! What existing decoders get wrong.

mod support;

use sse_codec::Decoder;
use std::time::{Duration, Instant};
use support::{Seen, decode, decode_every_way, event, feed, message};

#[test]
fn a_byte_order_mark_may_be_split() {
    assert_eq!(decode([&b"\xEF"[..], b"\xBB", b"\xBFdata:1\n\n"]), [message("1")]);
    assert_eq!(decode_every_way(b"\xEF\xBB\xBFdata:1\n\n"), [message("1")]);
}

#[test]
fn half_a_byte_order_mark_belongs_to_its_line() {
    for start in [&b"\xEF"[..], b"\xEF\xBB", b"\xEF\xBB\xEF"] {
        let stream = [start, b"data:1\n\ndata:2\n\n"].concat();
        assert_eq!(decode_every_way(&stream), [message("2")]);
    }
    assert_eq!(
        decode_every_way(b"\xEF\xBB\n:x\ndata:1\n\n"),
        [Seen::Comment("x".into()), message("1")]
    );
}

#[test]
fn a_bare_cr_ends_the_last_event_at_once() {
    assert_eq!(decode_every_way(b"data:1\r\r"), [message("1")]);
    let mut decoder = Decoder::new();
    assert_eq!(feed(&mut decoder, b"data:1\n\r"), [message("1")]);
    assert_eq!(feed(&mut decoder, b"\ndata:2\n\r"), [message("2")]);
}

#[test]
fn a_crlf_split_between_chunks_is_one_line_end() {
    let mut decoder = Decoder::new();
    assert_eq!(feed(&mut decoder, b"data:1\r"), []);
    assert_eq!(feed(&mut decoder, b"\n"), []);
    assert_eq!(feed(&mut decoder, b""), []);
    assert_eq!(feed(&mut decoder, b"data:2\r"), []);
    assert_eq!(feed(&mut decoder, b""), []);
    assert_eq!(feed(&mut decoder, b"\n\r"), [message("1\n2")]);
    assert_eq!(feed(&mut decoder, b"\n"), []);
    assert_eq!(feed(&mut decoder, b"data:3\n\n"), [message("3")]);
}

#[test]
fn retry_counts_only_with_digits() {
    let seen =
        decode_every_way(b"retry:  5\nretry:+5\nretry: 5x\nretry:1000x\nretry:\nretry: 02000\n");
    assert_eq!(seen, [Seen::Retry(2000)]);
}

#[test]
fn retry_counts_on_a_block_without_data() {
    assert_eq!(decode_every_way(b"retry:10\n\n"), [Seen::Retry(10)]);
}

#[test]
fn a_retry_beyond_all_bounds_does_not_overflow() {
    let seen = decode_every_way(b"retry:99999999999999999999999999\n");
    assert_eq!(seen, [Seen::Retry(u64::MAX)]);
}

#[test]
fn fields_without_a_colon_count() {
    let seen = decode_every_way(b"id:1\ndata:a\n\nevent:x\nevent\nid\ndata\n\n");
    assert_eq!(seen, [event("message", "a", "1"), message("")]);
}

#[test]
fn an_id_counts_on_a_block_without_data() {
    assert_eq!(decode_every_way(b"id:1\n\ndata:a\n\n"), [event("message", "a", "1")]);
}

#[test]
fn invalid_utf_8_is_replaced_and_the_stream_goes_on() {
    let stream =
        b"data:a\xFFb\xE2\x82\n\nid:\xC0\nevent:\xED\xA0\x80\ndata:\xF0\x9D\ndata:ok\n\n:\x80\n";
    let seen = decode_every_way(stream);
    assert_eq!(
        seen,
        [
            message("a\u{FFFD}b\u{FFFD}"),
            event("\u{FFFD}\u{FFFD}\u{FFFD}", "\u{FFFD}\nok", "\u{FFFD}"),
            Seen::Comment("\u{FFFD}".into()),
        ]
    );
}

#[test]
fn what_stands_at_the_end_without_its_empty_line_is_thrown_away() {
    for stream in [&b"id:1\ndata:x"[..], b"id:1\ndata:x\n", b"id:1\ndata:x\r"] {
        let mut decoder = Decoder::new();
        assert_eq!(feed(&mut decoder, stream), []);
        assert_eq!(decoder.last_event_id(), "");
        decoder.reset();
        assert_eq!(feed(&mut decoder, b"\n\ndata:y\n\n"), [message("y")]);
    }
}

#[test]
fn the_last_event_id_outlives_a_reconnect() {
    let mut decoder = Decoder::new().with_last_event_id("stored");
    assert_eq!(feed(&mut decoder, b"data:1\n\n"), [event("message", "1", "stored")]);
    assert_eq!(
        feed(&mut decoder, b"id:2\ndata:2\n\nid:3\ndata:cut off"),
        [event("message", "2", "2")]
    );
    decoder.reset();
    assert_eq!(decoder.last_event_id(), "2");
    assert_eq!(feed(&mut decoder, b"\xEF\xBB\xBFdata:3\n\n"), [event("message", "3", "2")]);
    assert_eq!(feed(&mut decoder, b"id\n\n"), []);
    assert_eq!(decoder.last_event_id(), "");
}

#[test]
fn a_reset_forgets_everything_but_the_id() {
    let unfinished: [&[u8]; 8] = [
        b"data:x\r",
        b"\xEF\xBB",
        b"ev",
        b"event:x\n",
        b"data:x\xE2",
        b":x",
        b"id:x\n",
        b"retry:5",
    ];
    for stream in unfinished {
        let mut decoder = Decoder::new();
        feed(&mut decoder, stream);
        decoder.reset();
        assert_eq!(feed(&mut decoder, b"\ndata:y\n\n"), [message("y")], "after {stream:?}");
    }
}

/// The time it takes to decode one line of 8 MiB.
fn one_long_line(chunks: usize) -> Duration {
    let mut line = b"data:".to_vec();
    line.resize(8 << 20, b'x');
    let mut decoder = Decoder::new();
    let start = Instant::now();
    for chunk in line.chunks(line.len().div_ceil(chunks)) {
        assert!(decoder.feed(chunk).next().is_none());
    }
    assert!(decoder.feed(b"\n\n").next().is_some());
    start.elapsed()
}

#[test]
fn one_long_line_in_many_chunks_takes_linear_time() {
    // Scanning from the start at each chunk would look at 512 times as many bytes.
    let few = one_long_line(2);
    let many = one_long_line(1024);
    assert!(many < few * 20 + Duration::from_millis(100), "2 chunks {few:?}, 1,024 {many:?}");
}
