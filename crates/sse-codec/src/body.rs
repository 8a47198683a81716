//! Events from an HTTP body.

use crate::{Decoder, EventStream};
use bytes::{Buf, Bytes};
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use futures_core::Stream;
use http_body::Body;
use pin_project_lite::pin_project;

pin_project! {
    /// The data of a body as a stream of chunks; trailers are left out.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct BodyChunks<B> {
        #[pin]
        body: B,
    }
}

impl<B: Body> EventStream<BodyChunks<B>, Bytes> {
    /// Decodes the events of a body.
    pub fn from_body(body: B) -> Self {
        Self::from_body_with(body, Decoder::new())
    }

    /// Decodes the events of a body with a decoder that has its options, or goes on where another
    /// ended.
    pub fn from_body_with(body: B, decoder: Decoder) -> Self {
        Self::with_decoder(BodyChunks { body }, decoder)
    }
}

impl<B: Body> Stream for BodyChunks<B> {
    type Item = Result<Bytes, B::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.project().body;
        loop {
            match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Free of copies where the data is `Bytes` already.
                    if let Ok(mut data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining()))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}
