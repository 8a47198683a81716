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
    /// The next step, made into something that owns its text by `own`.
    #[inline]
    fn poll_step<const ALL: bool, T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        own: impl Fn(&mut Decoder, Step<'_>) -> Option<T>,
    ) -> Poll<Option<Result<T, E>>> {
        let mut this = self.project();
        loop {
            if let Some(chunk) = this.chunk {
                let chunk = chunk.as_ref();
                let mut rest = chunk.get(*this.at..).unwrap_or_default();
                while let Some(step) = this.decoder.step::<ALL>(&mut rest) {
                    if let Some(item) = own(this.decoder, step) {
                        *this.at = chunk.len() - rest.len();
                        return Poll::Ready(Some(Ok(item)));
                    }
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
        let own = Decoder::give_result;
        Poll::Ready(match ready!(self.project().source.poll_step::<false, _>(cx, own)) {
            Some(Ok(Ok(event))) => Some(Ok(event)),
            Some(Ok(Err(limit))) => Some(Err(DecodeError::too_large(limit))),
            Some(Err(error)) => Some(Err(DecodeError::from_source(error))),
            None => None,
        })
    }
}

impl<S, B, E> Stream for DecodedStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Decoded, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().source.poll_step::<true, _>(cx, |decoder, step| Some(decoder.give(step)))
    }
}
