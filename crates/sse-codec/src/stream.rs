//! Events from a stream of chunks.

use crate::{DecodeError, Decoded, Decoder, Event, decode::Step};
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use futures_core::Stream;
use pin_project_lite::pin_project;

pin_project! {
    /// Decodes events from a [`Stream`] of chunks, as HTTP clients give them.
    ///
    /// Comments and retry are left out; [`all`](Self::all) shows them.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<S, B> {
        #[pin]
        source: Source<S, B>,
    }
}

pin_project! {
    /// Decodes everything from a [`Stream`] of chunks: events, comments and retry.
    ///
    /// What is too large is a [`Decoded::TooLarge`] here, errors are those of the source.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct DecodedStream<S, B> {
        #[pin]
        source: Source<S, B>,
    }
}

pin_project! {
    #[derive(Debug)]
    struct Source<S, B> {
        #[pin]
        inner: S,
        decoder: Decoder,
        chunk: Option<B>,
        at: usize,
    }
}

impl<S, B, E> EventStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    /// Decodes what `inner` gives with a fresh decoder.
    pub fn new(inner: S) -> Self {
        Self::with_decoder(inner, Decoder::new())
    }

    /// Decodes with a decoder that has its options, or goes on where another ended.
    pub fn with_decoder(inner: S, decoder: Decoder) -> Self {
        Self { source: Source { inner, decoder, chunk: None, at: 0 } }
    }
}

impl<S, B> EventStream<S, B> {
    /// Shows comments and retry too.
    pub fn all(self) -> DecodedStream<S, B> {
        DecodedStream { source: self.source }
    }

    /// The decoder, for its last event id.
    pub fn decoder(&self) -> &Decoder {
        &self.source.decoder
    }
}

impl<S, B> DecodedStream<S, B> {
    /// The decoder, for its last event id.
    pub fn decoder(&self) -> &Decoder {
        &self.source.decoder
    }
}

impl<S, B, E> Source<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    /// The next item of a face.
    ///
    /// A chunk is only put by while it has more to give: most chunks are used up at once, and
    /// moving them into the struct and out again would cost more than decoding a few bytes.
    #[inline(always)]
    fn poll_item<F: Face<E>>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Item>> {
        let mut this = self.project();
        if let Some(chunk) = this.chunk {
            let chunk = chunk.as_ref();
            let mut rest = chunk.get(*this.at..).unwrap_or_default();
            if let Some(step) = F::step(this.decoder, &mut rest) {
                *this.at = chunk.len() - rest.len();
                return Poll::Ready(Some(F::own(this.decoder, step)));
            }
            *this.chunk = None;
        }
        loop {
            let chunk = match ready!(this.inner.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Poll::Ready(Some(F::fail(error))),
                None => return Poll::Ready(None),
            };
            this.decoder.begin_chunk();
            let mut rest = chunk.as_ref();
            let len = rest.len();
            if let Some(step) = F::step(this.decoder, &mut rest) {
                let left = rest.len();
                let item = F::own(this.decoder, step);
                if left > 0 {
                    *this.at = len - left;
                    *this.chunk = Some(chunk);
                }
                return Poll::Ready(Some(item));
            }
        }
    }
}

/// What a stream gives.
trait Face<E> {
    type Item;

    fn step<'c>(decoder: &mut Decoder, rest: &mut &'c [u8]) -> Option<Step<'c>>;
    fn own(decoder: &mut Decoder, step: Step<'_>) -> Self::Item;
    fn fail(error: E) -> Self::Item;
}

/// Events, and what went wrong.
enum Plain {}

impl<E> Face<E> for Plain {
    type Item = Result<Event, DecodeError<E>>;

    #[inline]
    fn step<'c>(decoder: &mut Decoder, rest: &mut &'c [u8]) -> Option<Step<'c>> {
        decoder.step::<false>(rest)
    }

    #[inline(always)]
    fn own(decoder: &mut Decoder, step: Step<'_>) -> Self::Item {
        match step {
            Step::Event { data, kind } => Ok(decoder.give_event(data, kind)),
            Step::TooLarge => Err(DecodeError::too_large(decoder.max_event_bytes())),
            Step::Comment(_) | Step::Retry(_) => unreachable!("only given when asked for"),
        }
    }

    fn fail(error: E) -> Self::Item {
        Err(DecodeError::from_source(error))
    }
}

/// Everything.
enum All {}

impl<E> Face<E> for All {
    type Item = Result<Decoded, E>;

    #[inline]
    fn step<'c>(decoder: &mut Decoder, rest: &mut &'c [u8]) -> Option<Step<'c>> {
        decoder.step::<true>(rest)
    }

    #[inline]
    fn own(decoder: &mut Decoder, step: Step<'_>) -> Self::Item {
        Ok(decoder.give(step))
    }

    fn fail(error: E) -> Self::Item {
        Err(error)
    }
}

impl<S, B, E> Stream for EventStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Event, DecodeError<E>>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().source.poll_item::<Plain>(cx)
    }
}

impl<S, B, E> Stream for DecodedStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Decoded, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().source.poll_item::<All>(cx)
    }
}
