//! What the tests of decoding share.
#![allow(dead_code, unreachable_pub)]

pub mod oracle;

pub use oracle::{Seen, oracle};
use sse_codec::{DEFAULT_MAX_EVENT_BYTES, Decoded, Decoder, Event, Item};

pub const MAX: usize = DEFAULT_MAX_EVENT_BYTES;

pub fn event(event: &str, data: &str, id: &str) -> Seen {
    Seen::Event { event: event.into(), data: data.into(), id: id.into() }
}

pub fn message(data: &str) -> Seen {
    event("message", data, "")
}

pub fn seen(item: Item<'_>) -> Seen {
    match item {
        Item::Event(e) => event(e.event(), e.data(), e.id()),
        Item::Comment(text) => Seen::Comment(text.into()),
        Item::Retry(wait) => Seen::Retry(wait.as_millis() as u64),
        Item::TooLarge { .. } => Seen::TooLarge,
        _ => unreachable!("all items are known here"),
    }
}

pub fn seen_event(e: &Event) -> Seen {
    event(e.event(), e.data(), e.id())
}

pub fn seen_owned(item: &Decoded) -> Seen {
    match item {
        Decoded::Event(e) => seen_event(e),
        Decoded::Comment(text) => Seen::Comment(text.clone()),
        Decoded::Retry(wait) => Seen::Retry(wait.as_millis() as u64),
        Decoded::TooLarge { .. } => Seen::TooLarge,
        _ => unreachable!("all items are known here"),
    }
}

/// Everything that one chunk completes.
pub fn feed(decoder: &mut Decoder, chunk: &[u8]) -> Vec<Seen> {
    let mut out = Vec::new();
    let mut feed = decoder.feed(chunk);
    while let Some(item) = feed.next() {
        out.push(seen(item));
    }
    out
}

/// Everything that a fresh decoder makes of the chunks.
pub fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::new();
    chunks.into_iter().flat_map(|chunk| feed(&mut decoder, chunk)).collect()
}

/// Decodes the stream whole, cut in two at each of its bytes, and in chunks of one byte, each with
/// empty chunks between, and says what all of them gave.
#[track_caller]
pub fn decode_every_way(stream: &[u8]) -> Vec<Seen> {
    let whole = decode([stream]);
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(decode([head, b"", tail]), whole, "cut at byte {at}");
    }
    for size in 1..4 {
        assert_eq!(decode(stream.chunks(size)), whole, "in chunks of {size}");
    }
    assert_eq!(oracle(stream, "", MAX).0, whole, "the oracle says otherwise");
    whole
}

/// The events alone.
pub fn events(seen: Vec<Seen>) -> Vec<Seen> {
    seen.into_iter().filter(|seen| matches!(seen, Seen::Event { .. })).collect()
}
