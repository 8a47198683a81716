//! Events from a stream of chunks.

use crate::{DecodeError, Decoded, Decoder, Event};
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
    #[inline]
    fn poll_step<const ALL: bool>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Decoded, E>>> {
        let mut this = self.project();
        loop {
            if let Some(chunk) = this.chunk {
                let mut rest = chunk.as_ref().get(*this.at..).unwrap_or_default();
                let before = rest.len();
                let step = this.decoder.step::<ALL>(&mut rest);
                *this.at += before - rest.len();
                if let Some(step) = step {
                    return Poll::Ready(Some(Ok(this.decoder.give(step))));
                }
                *this.chunk = None;
            }
            match ready!(this.inner.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => (*this.chunk, *this.at) = (Some(chunk), 0),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
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
        let mut source = self.project().source;
        loop {
            return Poll::Ready(match ready!(source.as_mut().poll_step::<false>(cx)) {
                Some(Ok(Decoded::Event(event))) => Some(Ok(event)),
                Some(Ok(Decoded::TooLarge { limit })) => Some(Err(DecodeError::too_large(limit))),
                Some(Ok(_)) => continue,
                Some(Err(error)) => Some(Err(DecodeError::from_source(error))),
                None => None,
            });
        }
    }
}

impl<S, B, E> Stream for DecodedStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Decoded, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().source.poll_step::<true>(cx)
    }
}
