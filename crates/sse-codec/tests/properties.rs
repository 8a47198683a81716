//! Every face of the decoder gives what the naive oracle gives, however the bytes are cut.

mod support;

use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use sse_codec::{AsyncReader, Decoder, EventStream, Reader};
use std::convert::Infallible;
use support::{Seen, events, feed, oracle, seen_event, seen_owned};

/// Bytes as a hostile or broken server may send them: mostly pieces of the format.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            &b"\n"[..], b"\r", b"\r\n", b"\n\n", b":", b" ", b": ", b"\0", b"\t",
            b"data", b"data:", b"data: ", b"event", b"event:", b"id", b"id:", b"retry:", b"retry: 12",
            b"\xEF\xBB\xBF", b"\xEF\xBB", b"\xEF", b"\xFF", b"\xE2\x82", b"\xAC", b"\xF0\x9D", b"\x84\x9E",
            b"dat", b"Data:", b"data:x\n\n", b"data: hello, world, how are you?\n\n", b": keep-alive\n\n",
            "é€𝄞".as_bytes(), b"5", b"message",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => (b'a'..=b'z', 0_usize..80).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The same bytes, cut at the given places.
fn cut(bytes: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk.to_vec());
        rest = after;
    }
    chunks
}

fn bound() -> impl Strategy<Value = usize> {
    prop_oneof![Just(support::MAX), 8_usize..60]
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![Just(1_usize), 1_usize..8, 1_usize..200], 1..6)
}

/// Whether a line other than a comment stands after the last empty line.
fn has_unfinished_event(stream: &[u8]) -> bool {
    const BOM: &[u8] = b"\xEF\xBB\xBF";
    if BOM.starts_with(stream) {
        return false;
    }
    let text = stream.strip_prefix(BOM).unwrap_or(stream);
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut unfinished = false;
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        // What follows the last line end is empty where no line has begun.
        match line {
            "" if lines.peek().is_some() => unfinished = false,
            "" => {}
            line => unfinished |= !line.starts_with(':'),
        }
    }
    unfinished
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_unfinished_event_is_known(bytes in bytes(), sizes in sizes()) {
        let mut decoder = Decoder::new();
        for chunk in cut(&bytes, &sizes) {
            feed(&mut decoder, &chunk);
        }
        prop_assert_eq!(decoder.has_unfinished_event(), has_unfinished_event(&bytes));
    }

    #[test]
    fn the_push_face(bytes in bytes(), sizes in sizes(), max in bound(), id in "[a-c]{0,2}") {
        let (want, last_id) = oracle(&bytes, &id, max);
        let mut decoder = Decoder::new().with_max_event_bytes(max).with_last_event_id(&id);
        let mut got = Vec::new();
        for chunk in cut(&bytes, &sizes) {
            got.extend(feed(&mut decoder, &chunk));
        }
        prop_assert_eq!(got, want);
        prop_assert_eq!(decoder.last_event_id(), last_id);
    }

    #[test]
    fn the_owned_push_face(bytes in bytes(), sizes in sizes(), max in bound()) {
        let mut decoder = Decoder::new().with_max_event_bytes(max);
        let mut got = Vec::new();
        for chunk in cut(&bytes, &sizes) {
            let mut feed = decoder.feed(&chunk);
            while let Some(item) = feed.next_owned() {
                got.push(seen_owned(&item));
            }
        }
        prop_assert_eq!(got, oracle(&bytes, "", max).0);
    }

    #[test]
    fn the_streams(bytes in bytes(), sizes in sizes(), max in bound()) {
        let decoder = || Decoder::new().with_max_event_bytes(max);
        let source = || stream::iter(cut(&bytes, &sizes).into_iter().map(Ok::<_, Infallible>));
        let (want, _) = oracle(&bytes, "", max);

        let all = EventStream::with_decoder(source(), decoder()).all();
        let got: Vec<_> = all.map(|item| seen_owned(&item.expect("infallible"))).collect().now();
        prop_assert_eq!(&got, &want);

        let plain = EventStream::with_decoder(source(), decoder());
        let got: Vec<_> = plain.map(|item| plainly(item.map(|event| seen_event(&event)))).collect().now();
        prop_assert_eq!(got, without_comments(want));
    }

    #[test]
    fn the_readers(bytes in bytes(), max in bound()) {
        let decoder = || Decoder::new().with_max_event_bytes(max);
        let (want, _) = oracle(&bytes, "", max);
        let want = without_comments(want);

        let reader = Reader::with_decoder(&bytes[..], decoder());
        let got: Vec<_> = reader.map(|item| plainly(item.map(|event| seen_event(&event)))).collect();
        prop_assert_eq!(&got, &want);

        let mut reader = AsyncReader::with_decoder(&bytes[..], decoder());
        let mut got = Vec::new();
        while let Some(item) = reader.decode().now().transpose() {
            got.push(plainly(item.map(|event| seen_event(&event))));
        }
        prop_assert_eq!(got, want);
    }

    #[test]
    fn what_comes_before_does_not_matter_after_a_reset(junk in bytes(), bytes in bytes()) {
        let mut decoder = Decoder::new();
        feed(&mut decoder, &junk);
        decoder.reset();
        let id = decoder.last_event_id().to_owned();
        prop_assert_eq!(feed(&mut decoder, &bytes), oracle(&bytes, &id, support::MAX).0);
    }
}

fn plainly<E: std::fmt::Debug>(item: Result<Seen, sse_codec::DecodeError<E>>) -> Seen {
    item.unwrap_or_else(|error| {
        assert!(error.is_too_large(), "{error:?}");
        Seen::TooLarge
    })
}

fn without_comments(seen: Vec<Seen>) -> Vec<Seen> {
    let too_large = |seen: &Seen| *seen == Seen::TooLarge;
    seen.into_iter()
        .filter(|seen| too_large(seen) || !events(vec![seen.clone()]).is_empty())
        .collect()
}

/// The result of a future that never waits.
trait Now: Future + Sized {
    fn now(self) -> Self::Output {
        futures_util::FutureExt::now_or_never(self).expect("nothing to wait for")
    }
}

impl<F: Future> Now for F {}
