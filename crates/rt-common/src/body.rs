//! The streaming body of a response.
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use crate::error::{BoxError, HttpError};
use crate::redactor::{QUOTED, Redactor};

/// The streaming body of a response: an [`http_body::Body`] of [`Bytes`] and [`HttpError`].
/// Dropping it closes the connection (with HTTP/2: resets the stream), unless it has ended.
pub struct Body {
    inner: Pin<Box<dyn http_body::Body<Data = Bytes, Error = HttpError> + Send>>,
}

impl Body {
    /// Wraps another body; its errors become [`HttpError::body_failed`], unless they are
    /// [`HttpError`]s already.
    pub fn new<R>(body: R) -> Self
    where
        R: http_body::Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let body = body
            .map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            .map_err(|error| match error.into().downcast::<HttpError>() {
                Ok(error) => *error,
                Err(error) => HttpError::body_failed(error),
            });
        Self { inner: Box::pin(body) }
    }

    /// The whole body, if it is at most `limit` bytes.
    ///
    /// # Errors
    /// When the body breaks off, or is larger than `limit`.
    pub async fn collect_within(mut self, limit: usize) -> Result<Bytes, HttpError> {
        if self.inner.size_hint().lower() > limit as u64 {
            return Err(HttpError::too_large(limit));
        }
        let mut whole = BytesMut::new();
        while let Some(data) = self.next_data().await? {
            if data.len() > limit - whole.len() {
                return Err(HttpError::too_large(limit));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }

    /// How long clients wait for the body of an unexpected response: the status is reported soon even if
    /// the body does not come.
    pub const QUOTATION_PATIENCE: Duration = Duration::from_secs(2);

    /// Reads the beginning of the body of an unexpected response, for an error to
    /// [quote](Redactor::quote): at most 4 KiB, only what arrives within `patience`, and without these
    /// secrets. A body that breaks off is quoted as far as it came.
    pub async fn quotation(mut self, secrets: &Redactor, patience: Duration) -> Bytes {
        let mut start = BytesMut::new();
        let read = async {
            // One byte more tells that the text is cut.
            while start.len() <= QUOTED
                && let Ok(Some(data)) = self.next_data().await
            {
                start.extend_from_slice(&data[..data.len().min(QUOTED + 1 - start.len())]);
            }
        };
        // What came before the time was up is kept.
        let _ = tokio::time::timeout(patience, read).await;
        secrets.quote(&start).into()
    }

    /// The next piece of data; trailers are passed over. `None` at the end.
    ///
    /// # Errors
    /// When the body breaks off.
    pub async fn next_data(&mut self) -> Result<Option<Bytes>, HttpError> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// [`Body::next_data`] for hand-written futures.
    ///
    /// # Errors
    /// When the body breaks off.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, HttpError>> {
        loop {
            match ready!(self.inner.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.inner.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
