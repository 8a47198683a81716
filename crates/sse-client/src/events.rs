//! The events of a stream alone.
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::{Error, Event, EventStream, StreamItem};

/// The events of an [`EventStream`] alone; see [`EventStream::events`].
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Events {
    stream: EventStream,
}

impl Events {
    pub(crate) fn new(stream: EventStream) -> Self {
        Self { stream }
    }

    /// Returns the stream behind it.
    pub fn into_inner(self) -> EventStream {
        self.stream
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(StreamItem::Event(event))) => return Poll::Ready(Some(Ok(event))),
                Some(Ok(StreamItem::Restarted)) => {
                    return Poll::Ready(Some(Err(Error::restarted())));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}
