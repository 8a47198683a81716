//! The decoder against the naive oracle: any bytes, any chunks, any bound, lent and owned.
#![no_main]

#[path = "../../crates/sse-codec/tests/support/oracle.rs"]
mod oracle;

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use oracle::{Seen, oracle};
use sse_codec::{Decoded, Decoder, Item};

#[derive(Debug, Arbitrary)]
struct Input {
    sizes: Vec<u8>,
    bound: Option<u8>,
    owned: bool,
    /// Each byte stands for a piece of the format: what random bytes seldom are.
    pieces: bool,
    bytes: Vec<u8>,
}

#[rustfmt::skip]
const PIECES: [&[u8]; 32] = [
    b"\n", b"\r", b"\r\n", b"\n\n", b":", b" ", b": ", b"\0", b"data", b"data:", b"data: ", b"event:",
    b"event", b"id:", b"id", b"retry:", b"7", b"\xEF\xBB\xBF", b"\xEF\xBB", b"\xEF", b"\xFF",
    b"\xE2\x82", b"\xAC", b"\xF0\x9D", b"\x84\x9E", b"x", b"data: a line of some length\n\n",
    b": keep-alive\n\n", b"more than sixteen bytes", b"Data:", b"\xED\xA0", b"message",
];

impl Input {
    fn stream(&self) -> Vec<u8> {
        if self.pieces {
            let piece = |byte: &u8| PIECES[usize::from(*byte) % PIECES.len()];
            self.bytes.iter().flat_map(piece).copied().collect()
        } else {
            self.bytes.clone()
        }
    }
}

fuzz_target!(|input: Input| {
    let max = input.bound.map_or(1 << 20, |bound| usize::from(bound).max(8));
    let mut decoder = Decoder::new().with_max_event_bytes(max).with_last_event_id("before");
    let mut seen = Vec::new();
    let stream = input.stream();
    let mut rest = &stream[..];
    let mut sizes = input.sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| usize::from(*size).max(1));
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        let mut feed = decoder.feed(chunk);
        if input.owned {
            while let Some(item) = feed.next_owned() {
                seen.push(of_owned(item));
            }
        } else {
            while let Some(item) = feed.next() {
                seen.push(of_lent(item));
            }
        }
    }
    let (want, last_id) = oracle(&stream, "before", max);
    assert_eq!(seen, want);
    assert_eq!(decoder.last_event_id(), last_id);
});

fn of_lent(item: Item<'_>) -> Seen {
    match item {
        Item::Event(e) => {
            Seen::Event { event: e.event().into(), data: e.data().into(), id: e.id().into() }
        }
        Item::Comment(text) => Seen::Comment(text.into()),
        Item::Retry(wait) => Seen::Retry(wait.as_millis() as u64),
        _ => Seen::TooLarge,
    }
}

fn of_owned(item: Decoded) -> Seen {
    match item {
        Decoded::Event(e) => of_lent(Item::Event(e.as_ref())),
        Decoded::Comment(text) => Seen::Comment(text),
        Decoded::Retry(wait) => Seen::Retry(wait.as_millis() as u64),
        _ => Seen::TooLarge,
    }
}
