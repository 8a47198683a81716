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
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let max = input.bound.map_or(1 << 20, |bound| usize::from(bound).max(8));
    let mut decoder = Decoder::new().with_max_event_bytes(max).with_last_event_id("before");
    let mut seen = Vec::new();
    let mut rest = &input.bytes[..];
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
    let (want, last_id) = oracle(&input.bytes, "before", max);
    assert_eq!(seen, want);
    assert_eq!(decoder.last_event_id(), last_id);
});

fn of_lent(item: Item<'_>) -> Seen {
    match item {
        Item::Event(e) => Seen::Event {
            event: e.event().into(),
            data: e.data().into(),
            id: e.id().into(),
        },
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
