//! A request's body, bounded in bytes and time.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// The body of a request as a service gets it: ends with an error once it is larger or slower than
/// the server's [`Limits`](crate::Limits).
pub struct RequestBody {
    incoming: Incoming,
    left: u64,
    limit: u64,
    timeout: Duration,
    /// Made on the first wait, since most bodies come with their head.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, limit: u64, timeout: Duration) -> Self {
        Self { incoming, left: limit, limit, timeout, deadline: None }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.incoming.size_hint().lower() > this.left {
            return Poll::Ready(Some(Err(BodyError::too_large(this.limit))));
        }
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            let timeout = this.timeout;
            let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
            ready!(deadline.as_mut().poll(cx));
            return Poll::Ready(Some(Err(BodyError::timed_out(timeout))));
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                match this.left.checked_sub(bytes) {
                    Some(left) => {
                        this.left = left;
                        Some(Ok(frame))
                    }
                    None => Some(Err(BodyError::too_large(this.limit))),
                }
            }
            Some(Err(error)) => Some(Err(BodyError::cut(error))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Why a request's body could not be read to its end.
#[derive(Debug)]
pub struct BodyError {
    kind: Kind,
    source: Option<hyper::Error>,
}

#[derive(Debug)]
enum Kind {
    TooLarge(u64),
    TimedOut(Duration),
    Cut,
}

impl BodyError {
    fn too_large(limit: u64) -> Self {
        Self { kind: Kind::TooLarge(limit), source: None }
    }

    fn timed_out(after: Duration) -> Self {
        Self { kind: Kind::TimedOut(after), source: None }
    }

    fn cut(source: hyper::Error) -> Self {
        Self { kind: Kind::Cut, source: Some(source) }
    }

    /// It has more bytes than are allowed: 413.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge(_))
    }

    /// It did not come in time: 408.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::TimedOut(_))
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::TooLarge(limit) => write!(f, "the body is larger than {limit} bytes"),
            Kind::TimedOut(after) => write!(f, "the body took longer than {after:?}"),
            Kind::Cut => f.write_str("the body was cut off or is not what its head says"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
