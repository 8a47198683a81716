//! One connection: hyper's two halves of it, held and polled together.
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::uri::Authority;
use http_body::{Frame, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::error::HttpError;

type Driver = http1::Connection<TokioIo<TcpStream>, OutgoingBody>;

/// Nothing of it happens unless it is polled. Dropping it closes it.
pub(super) struct Connection {
    pub(super) authority: Authority,
    pub(super) sender: SendRequest<OutgoingBody>,
    driver: Driver,
}

impl Connection {
    pub(super) async fn new(authority: Authority, stream: TcpStream) -> Result<Self, HttpError> {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        // Nothing is exchanged here: HTTP/1.1 has no handshake.
        let (sender, driver) = handshake.map_err(HttpError::connect_failed)?;
        Ok(Self { authority, sender, driver })
    }

    /// Goes on as far as the socket lets it. Ready when the connection has ended; what went wrong
    /// is told to the one who waits for the answer or its body.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.driver).poll(cx).map(drop)
    }

    /// Whether another request can be sent. Looks at the socket, and wakes nobody from now on.
    pub(super) fn is_idle(&mut self) -> bool {
        self.poll(&mut Context::from_waker(Waker::noop())).is_pending() && self.sender.is_ready()
    }
}

/// A request's body.
pub(super) struct OutgoingBody(Option<Bytes>);

impl OutgoingBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl http_body::Body for OutgoingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
