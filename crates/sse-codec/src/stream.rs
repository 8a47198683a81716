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
    /// The next step, made into an item by `own`, or a failure of the source, by `fail`.
    ///
    /// A chunk is only put by while it has more to give: most chunks are used up at once, and
    /// moving them into the struct and out again would cost more than decoding a few bytes.
    #[inline]
    fn poll_step<const ALL: bool, T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        own: impl Fn(&mut Decoder, Step<'_>) -> Option<T>,
        fail: impl Fn(E) -> T,
    ) -> Poll<Option<T>> {
        let mut this = self.project();
        if let Some(chunk) = this.chunk {
            let chunk = chunk.as_ref();
            let mut rest = chunk.get(*this.at..).unwrap_or_default();
            while let Some(step) = this.decoder.step::<ALL>(&mut rest) {
                if let Some(item) = own(this.decoder, step) {
                    *this.at = chunk.len() - rest.len();
                    return Poll::Ready(Some(item));
                }
            }
            *this.chunk = None;
        }
        loop {
            let chunk = match ready!(this.inner.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Poll::Ready(Some(fail(error))),
                None => return Poll::Ready(None),
            };
            let mut rest = chunk.as_ref();
            let len = rest.len();
            while let Some(step) = this.decoder.step::<ALL>(&mut rest) {
                if let Some(item) = own(this.decoder, step) {
                    if !rest.is_empty() {
                        *this.at = len - rest.len();
                        *this.chunk = Some(chunk);
                    }
                    return Poll::Ready(Some(item));
                }
            }
        }
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
        let own = |decoder: &mut Decoder, step: Step<'_>| match step {
            Step::Event { data, kind } => Some(Ok(decoder.give_event(data, kind))),
            Step::TooLarge => Some(Err(DecodeError::too_large(decoder.max_event_bytes()))),
            Step::Comment(_) | Step::Retry(_) => None,
        };
        let fail = |error| Err(DecodeError::from_source(error));
        self.project().source.poll_step::<false, _>(cx, own, fail)
    }
}

impl<S, B, E> Stream for DecodedStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Decoded, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().source.poll_step::<true, _>(
            cx,
            |decoder, step| Some(Ok(decoder.give(step))),
            Err,
        )
    }
}
