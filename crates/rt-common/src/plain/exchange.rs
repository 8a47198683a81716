//! One request and its response over one connection.
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::task::coop::poll_proceed;
use tokio::task::unconstrained;

use super::connection::{Connection, OutgoingBody};
use super::pool::Pool;
use crate::body::Body;
use crate::error::{HttpError, is_head_too_large};

/// Why there is no response.
pub(super) struct Failed {
    pub(super) error: HttpError,
    /// The request, if nothing of it was written.
    pub(super) unsent: Option<Box<Request<OutgoingBody>>>,
    /// Whether the connection ended before a response began.
    pub(super) connection_died: bool,
}

impl Failed {
    fn new(mut failed: hyper::client::conn::TrySendError<Request<OutgoingBody>>) -> Self {
        let unsent = failed.take_message().map(Box::new);
        let error = failed.into_error();
        let connection_died = !error.is_parse() && !error.is_user();
        let error = match is_head_too_large(&error) {
            true => HttpError::head_too_large(),
            false => HttpError::transport_failed(error),
        };
        Self { error, unsent, connection_died }
    }
}

/// Sends the request and waits for the head. The connection returns to the pool after the end of the
/// body; dropped earlier, it is closed.
pub(super) async fn send(
    mut connection: Box<Connection>,
    pool: &Arc<Pool>,
    request: Request<OutgoingBody>,
) -> Result<Response<Body>, Failed> {
    // Without the cooperative budget, as in `Connection::drive`: it is polled with a waker that does
    // nothing, which an exhausted budget would wake.
    let mut answer = pin!(unconstrained(connection.sender.try_send_request(request)));
    let mut ended = false;
    let answer = std::future::poll_fn(|cx| {
        let budget = ready!(poll_proceed(cx));
        ended = connection.poll(cx).is_ready();
        let answer = match ended {
            true => answer.as_mut().poll(cx),
            false => answer.as_mut().poll(&mut quiet()),
        };
        if answer.is_ready() {
            budget.made_progress();
        }
        answer
    });
    let answer = answer.await.map_err(Failed::new)?;
    let (head, mut incoming) = answer.into_parts();
    if ended {
        // All that will come of the body is here.
        return Ok(Response::from_parts(head, Body::new(incoming)));
    }
    connection.mute();
    let body = match whole(&mut incoming, &connection) {
        Some(whole) => {
            release(incoming, connection, pool);
            Body::new(Full::new(whole))
        }
        None => {
            let from = Some((incoming, connection));
            Body::new(StreamingBody { from, pool: Arc::clone(pool) })
        }
    };
    Ok(Response::from_parts(head, body))
}

/// A small body comes together with the head: then the connection is free before it is read.
fn whole(incoming: &mut Incoming, connection: &Connection) -> Option<Bytes> {
    if incoming.is_end_stream() {
        return connection.sender.is_ready().then(Bytes::new);
    }
    // A connection holds one piece for the body's reader: if it is done, this is all of it.
    if !connection.sender.is_ready() || incoming.size_hint().exact().is_none() {
        return None;
    }
    match Pin::new(incoming).poll_frame(&mut quiet()) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().ok(),
        _ => None,
    }
}

/// The answer is complete. What is dropped here wakes the connection, which is mute by now.
fn release(incoming: Incoming, mut connection: Box<Connection>, pool: &Pool) {
    drop(incoming);
    // Otherwise it closes: the server wants it, or the request is still being written.
    if connection.sender.is_ready() || connection.is_free() {
        pool.give(connection);
    }
}

/// What the connection's own poll brings forward is asked for without a waker: it is asked again
/// after each of these polls, and a waker would only have the task woken by itself.
fn quiet() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A body that is still on its way. Nothing is left of it once it has ended.
struct StreamingBody {
    from: Option<(Incoming, Box<Connection>)>,
    pool: Arc<Pool>,
}

impl http_body::Body for StreamingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some((incoming, connection)) = &mut self.from else { return Poll::Ready(None) };
        let budget = ready!(poll_proceed(cx));
        let mut incoming = Pin::new(incoming);
        // To take something wakes the connection, which is polled anyway once it is needed.
        connection.mute();
        let mut frame = incoming.as_mut().poll_frame(&mut quiet());
        if frame.is_pending() {
            // Once it has ended, all that will come of the body is here.
            frame = match connection.poll(cx) {
                Poll::Ready(()) => incoming.as_mut().poll_frame(cx),
                Poll::Pending => incoming.as_mut().poll_frame(&mut quiet()),
            };
        }
        if frame.is_ready() {
            budget.made_progress();
        }
        let failed = matches!(frame, Poll::Ready(Some(Err(_))));
        let ended = matches!(frame, Poll::Ready(None)) || incoming.is_end_stream();
        if ended {
            connection.mute();
        }
        if (failed || ended)
            && let Some((incoming, connection)) = self.from.take()
            && ended
        {
            release(incoming, connection, &self.pool);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.from.as_ref().is_none_or(|(incoming, _)| incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let hint = |(incoming, _): &(Incoming, _)| incoming.size_hint();
        self.from.as_ref().map_or_else(|| SizeHint::with_exact(0), hint)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    /// What was taken from the pool may still be closed before the request is written.
    #[tokio::test]
    async fn a_request_that_finds_its_connection_closed_is_given_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        drop(listener.accept().await.unwrap());
        stream.readable().await.unwrap();
        let connection = Connection::new("a:1".parse().unwrap(), stream).await.unwrap();
        let request = Request::post("/it").body(OutgoingBody::new("body".into())).unwrap();
        let failed = send(connection, &Arc::default(), request).await.err().unwrap();
        assert_eq!(failed.unsent.unwrap().uri(), "/it");
        assert!(failed.error.is_retryable());
    }
}
