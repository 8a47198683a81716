//! One request and its answer over one connection.
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::{Connection, OutgoingBody};
use super::pool::Pool;
use crate::body::Body;
use crate::error::HttpError;

/// No answer came.
pub(super) struct Failed {
    pub(super) error: HttpError,
    /// The request, if nothing of it was written.
    pub(super) unsent: Option<Box<Request<OutgoingBody>>>,
}

/// Sends the request and waits for the head. The connection goes back to the pool when the body has
/// come; dropped earlier, it is closed.
pub(super) async fn send(
    mut connection: Connection,
    pool: &Arc<Pool>,
    request: Request<OutgoingBody>,
) -> Result<Response<Body>, Failed> {
    let mut answer = pin!(connection.sender.try_send_request(request));
    let mut ended = false;
    let answer = std::future::poll_fn(|cx| {
        ended = ended || connection.poll(cx).is_ready();
        match ended {
            true => answer.as_mut().poll(cx),
            false => answer.as_mut().poll(&mut quiet()),
        }
    });
    let answer = answer.await.map_err(|mut failed| Failed {
        unsent: failed.take_message().map(Box::new),
        error: HttpError::transport_failed(failed.into_error()),
    })?;
    // A small body came together with the head: the connection is free before the body is read.
    let connection = match ended {
        true => None,
        false => pool.give(connection),
    };
    let pool = Arc::clone(pool);
    Ok(answer.map(|incoming| match connection {
        None => Body::new(incoming),
        Some(connection) => {
            Body::new(StreamingBody { incoming, connection: Some(connection), pool })
        }
    }))
}

/// What the connection's own poll brings forward is asked for without a waker: it is asked again
/// after each of these polls, and a waker would only have the task woken by itself.
fn quiet() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A body that is still on its way.
struct StreamingBody {
    incoming: Incoming,
    /// `None` once nothing more is needed of it.
    connection: Option<Connection>,
    pool: Arc<Pool>,
}

impl http_body::Body for StreamingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let mut incoming = Pin::new(&mut this.incoming);
        let Some(connection) = &mut this.connection else { return incoming.poll_frame(cx) };
        let mut frame = incoming.as_mut().poll_frame(&mut quiet());
        if frame.is_pending() {
            if connection.poll(cx).is_ready() {
                this.connection = None;
                return incoming.poll_frame(cx);
            }
            frame = incoming.as_mut().poll_frame(&mut quiet());
        }
        match &frame {
            Poll::Ready(Some(Err(_))) => this.connection = None,
            // The body has ended, with this frame or without another.
            Poll::Ready(frame) if frame.is_none() || incoming.is_end_stream() => {
                if let Some(connection) = this.connection.take() {
                    // Not free although the answer is complete: it is of no more use.
                    drop(this.pool.give(connection));
                }
            }
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
