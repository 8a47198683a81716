//! The adapters: sources that fail, wait and end, and what each face leaves out.

mod support;

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use sse_codec::{AsyncReader, Decoded, Decoder, EventStream, Reader};
use std::{error::Error as _, io};
use support::{Seen, event, message, seen_event, seen_owned};
use tokio::io::AsyncWriteExt;

const STREAM: &[u8] = b"retry: 5\n: hello\nid: 1\ndata: a\n\ndata: b\n\ndata: cut off";

fn everything() -> Vec<Seen> {
    let mut all = vec![Seen::Retry(5), Seen::Comment(" hello".into())];
    all.extend(events());
    all
}

fn events() -> Vec<Seen> {
    vec![event("message", "a", "1"), event("message", "b", "1")]
}

/// Gives the stream in pieces, with interruptions and one failure in between.
struct Flaky(Vec<io::Result<&'static [u8]>>);

impl Flaky {
    fn new() -> Self {
        let interrupted = || Err(io::ErrorKind::Interrupted.into());
        let reset = || Err(io::ErrorKind::ConnectionReset.into());
        let (head, tail) = STREAM.split_at(34);
        Self(vec![Ok(tail), reset(), interrupted(), Ok(head), interrupted()])
    }
}

impl io::Read for Flaky {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let piece = self.0.pop().unwrap_or(Ok(&[]))?;
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

#[test]
fn a_reader_goes_on_after_an_interruption_and_after_a_failure() {
    let mut reader = Reader::new(Flaky::new());
    assert_eq!(seen_event(&reader.decode().expect("read").expect("an event")), events()[0]);
    let error = reader.decode().expect_err("the reader failed");
    assert!(!error.is_too_large());
    assert_eq!(error.to_string(), "reading the event stream failed");
    assert_eq!(error.source().expect("a cause").to_string(), "connection reset");
    assert_eq!(error.into_source().expect("a cause").kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(seen_event(&reader.decode().expect("read").expect("an event")), events()[1]);
    assert!(reader.decode().expect("read").is_none());
    let (_, mut decoder) = reader.into_parts();
    assert_eq!(decoder.last_event_id(), "1");
    decoder.reset();
    let mut next = Reader::with_decoder(&b"data: c\n\n"[..], decoder);
    assert_eq!(next.decode().expect("read").expect("an event").id(), "1");
}

#[test]
fn a_reader_shows_comments_and_retry_to_who_wants_them() {
    let mut reader = Reader::new(STREAM);
    let mut all = Vec::new();
    while let Some(item) = reader.decode_any().expect("read") {
        all.push(seen_owned(&item));
    }
    assert_eq!(all, everything());
}

#[test]
fn what_is_too_large_is_an_error_and_decoding_goes_on() {
    let decoder = Decoder::new().with_max_event_bytes(20);
    let long = format!("data: {}\n\ndata: b\n\n", "x".repeat(40_000));
    let mut reader = Reader::with_decoder(long.as_bytes(), decoder);
    let error = reader.decode().expect_err("it is too large");
    assert!(error.is_too_large());
    assert_eq!(error.limit(), Some(20));
    assert!(error.to_string().starts_with("an event is larger than 20 bytes and was skipped"));
    assert!(error.into_source().is_none());
    assert_eq!(reader.decode().expect("read").expect("an event").data(), "b");
}

#[tokio::test]
async fn an_async_reader_gives_an_event_before_its_source_ends() {
    let (mut server, client) = tokio::io::duplex(64);
    let mut reader = AsyncReader::new(client);
    server.write_all(b": hi\ndata: a\n\ndata: b").await.expect("written");
    assert_eq!(seen_event(&reader.decode().await.expect("read").expect("an event")), message("a"));
    // A future that is dropped while it waits loses nothing.
    assert!(reader.decode().now_or_never().is_none());
    server.write_all(b"\r\n\r").await.expect("written");
    assert_eq!(seen_event(&reader.decode().await.expect("read").expect("an event")), message("b"));
    server.write_all(b"\nretry: 7\n:c\n").await.expect("written");
    let retry = reader.decode_any().await.expect("read").expect("retry");
    assert_eq!(seen_owned(&retry), Seen::Retry(7));
    assert_eq!(reader.decode_any().await.expect("read"), Some(Decoded::Comment("c".into())));
    drop(server);
    assert!(reader.decode().await.expect("read").is_none());
}

#[tokio::test]
async fn an_async_reader_passes_failures_on() {
    let source = tokio_io::Failing;
    let error = AsyncReader::new(source).decode().await.expect_err("it fails");
    assert_eq!(error.into_source().expect("a cause").kind(), io::ErrorKind::ConnectionReset);
}

mod tokio_io {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    pub(crate) struct Failing;

    impl tokio::io::AsyncRead for Failing {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }
}

#[tokio::test]
async fn a_stream_passes_failures_on_and_goes_on() {
    let (head, tail) = STREAM.split_at(34);
    let source = stream::iter([Ok(head), Err("cut"), Ok(tail)]);
    let mut events_only = EventStream::new(source);
    assert_eq!(
        seen_event(&events_only.next().await.expect("more").expect("an event")),
        events()[0]
    );
    let error = events_only.next().await.expect("more").expect_err("it failed");
    assert_eq!(error.into_source(), Some("cut"));
    assert_eq!(
        seen_event(&events_only.next().await.expect("more").expect("an event")),
        events()[1]
    );
    assert!(events_only.next().await.is_none());
    assert_eq!(events_only.decoder().last_event_id(), "1");
}

#[tokio::test]
async fn a_stream_shows_comments_and_retry_to_who_wants_them() {
    let source = stream::iter(STREAM.chunks(9).map(Ok::<_, ()>));
    let all = EventStream::new(source).all();
    let all: Vec<_> = all.map(|item| seen_owned(&item.expect("an item"))).collect().await;
    assert_eq!(all, everything());
}

#[tokio::test]
async fn a_body_gives_its_events_whatever_its_data_is_made_of() {
    // Data in two pieces that are not contiguous, and trailers at the end.
    let frames = STREAM.chunks(10).map(|chunk| {
        let (head, tail) = chunk.split_at(chunk.len() / 2);
        Ok::<_, io::Error>(http_body::Frame::data(Buf::chain(head, tail)))
    });
    let frames: Vec<_> = frames.collect();
    let body = StreamBody::new(stream::iter(frames))
        .with_trailers(async { Some(Ok::<_, io::Error>(http::HeaderMap::new())) });
    let got: Vec<_> = EventStream::from_body(Box::pin(body))
        .map(|item| seen_event(&item.expect("an event")))
        .collect()
        .await;
    assert_eq!(got, events());

    let whole = http_body_util::Full::new(Bytes::from_static(STREAM));
    let decoder = Decoder::new().with_max_event_bytes(8);
    let all: Vec<_> = EventStream::from_body_with(whole, decoder).all().collect().await;
    assert!(matches!(all.last(), Some(Ok(Decoded::TooLarge { limit: 8, .. }))), "{all:?}");
}
