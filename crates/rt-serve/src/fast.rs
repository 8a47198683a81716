//! The fast path: connections that carry small requests, each answered whole, as a rule after a
//! wait. Long polls and publications are such.
//!
//! hyper keeps two buffers and a request's state for as long as a connection lives, and a timer for
//! each head. Ten thousand polls that wait have no use for any of it: here a waiting connection is
//! its socket, the poll itself and one timer. What is no such request goes to hyper, byte for byte
//! as it came, and its connection stays there.

mod head;
mod write;

use crate::connection::Shared;
use bytes::Bytes;
use head::{Head, Parsed};
use http::{Request, Response};
use std::future::{Future, poll_fn};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Answers requests on the fast path; given to
/// [`Server::serve_with_fast_path`](crate::Server::serve_with_fast_path). Closures of this form are
/// such a thing.
///
/// A request comes here if it is a GET without a body, or a POST whose body fits into
/// [`Limits::head_bytes`](crate::Limits::head_bytes) beside its head, over HTTP/1.1 and without
/// anything out of the ordinary, on a connection that has carried nothing else. `None` sends it,
/// and all that follows on its connection, to the server's service. The peer's address comes beside
/// the request, not in its extensions.
///
/// The answer's body comes whole; its length, the date and what keeps or closes the connection are
/// added.
pub trait FastPath: Clone + Send + Sync + 'static {
    /// An answer that is waited for. Dropped where the client goes away first.
    type Answer: Future<Output = Response<Bytes>> + Send;

    /// Begins to answer, or leaves the request to the service.
    fn answer(&self, request: Request<Bytes>, peer: SocketAddr) -> Option<Self::Answer>;
}

impl<F, A> FastPath for F
where
    F: Fn(Request<Bytes>, SocketAddr) -> Option<A> + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Bytes>> + Send,
{
    type Answer = A;

    fn answer(&self, request: Request<Bytes>, peer: SocketAddr) -> Option<A> {
        self(request, peer)
    }
}

/// How much is read at once; most requests are far smaller.
const READ: usize = 4 << 10;

/// Serves a connection until it is over, or until something else comes: then what was read of it.
pub(crate) async fn run<F: FastPath>(
    stream: &mut TcpStream,
    peer: SocketAddr,
    path: &F,
    shared: &Shared,
) -> Option<Vec<u8>> {
    let mut connection = Connection {
        stream,
        read: Vec::new(),
        limit: shared.limits.head_bytes,
        timer: None,
        draining: &shared.end.draining,
        told: Box::pin(shared.end.drain.clone().cancelled_owned()),
        listens: false,
    };
    loop {
        let since = Instant::now();
        let request = loop {
            match head::parse(&mut connection.read, connection.limit) {
                Parsed::Whole(request) => break request,
                Parsed::Other => return Some(connection.read),
                Parsed::Partial if connection.read.len() >= connection.limit => {
                    return Some(connection.read);
                }
                Parsed::Partial => {}
            }
            let by = since + shared.limits.head_timeout;
            if !poll_fn(|cx| connection.poll_head(cx, by)).await {
                return None;
            }
        };
        let Head { request, bytes } = request;
        let Some(answer) = path.answer(request, peer) else {
            // In front of what came after it.
            let mut unread = Vec::from(bytes);
            unread.append(&mut connection.read);
            return Some(unread);
        };
        drop(bytes);
        let response = connection.wait(answer, &shared.end.kill).await?;
        let last = connection.draining.load(Ordering::Acquire) || write::is_last(&response);
        let timeout = shared.limits.write_timeout;
        let written = write::response(connection.stream, response, last, timeout).await;
        if let Err(error) = &written {
            tracing::debug!(%peer, %error, "connection ended");
        }
        if last || written.is_err() {
            return None;
        }
    }
}

struct Connection<'a> {
    stream: &'a mut TcpStream,
    /// Read and not understood yet.
    read: Vec<u8>,
    limit: usize,
    /// Set once for many heads: it looks at the deadline when it fires, and goes on to that.
    timer: Option<Pin<Box<Sleep>>>,
    draining: &'a AtomicBool,
    /// Wakes this connection when the drain begins.
    told: Pin<Box<WaitForCancellationFutureOwned>>,
    listens: bool,
}

impl Connection<'_> {
    /// Waits for more of a head; `false` where none comes.
    fn poll_head(&mut self, cx: &mut Context<'_>, by: Instant) -> Poll<bool> {
        if let Poll::Ready(read) = self.poll_read(cx) {
            return Poll::Ready(read);
        }
        if self.is_draining(cx) {
            return Poll::Ready(false);
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(by)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= by {
                return Poll::Ready(false);
            }
            timer.as_mut().reset(by);
        }
    }

    /// Whether the server ends; the task is woken when it begins to. Asked once: a connection stays
    /// with its task, and each question to the token would take a lock that all connections share.
    fn is_draining(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.listens {
            self.listens = true;
            if self.told.as_mut().poll(cx).is_ready() {
                return true;
            }
        }
        self.draining.load(Ordering::Acquire)
    }

    /// Reads once, into a buffer that no waiting connection keeps; `false` at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut buffer = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut buffer);
        let read = ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut buffer));
        self.read.extend_from_slice(buffer.filled());
        Poll::Ready(read.is_ok() && !buffer.filled().is_empty())
    }

    /// Waits for an answer; `None` where the client goes away, or the server is killed.
    async fn wait<A>(&mut self, answer: A, kill: &CancellationToken) -> Option<Response<Bytes>>
    where
        A: Future<Output = Response<Bytes>>,
    {
        let mut answer = pin!(answer);
        let mut killed = None;
        poll_fn(|cx| {
            if let Poll::Ready(response) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(response));
            }
            // The end of the stream, or the next request before this one's answer: so much of it
            // is kept as of one that is waited for.
            while self.read.len() < self.limit {
                match self.poll_read(cx) {
                    Poll::Ready(true) => {}
                    Poll::Ready(false) => return Poll::Ready(None),
                    Poll::Pending => break,
                }
            }
            if killed.is_none() && self.is_draining(cx) {
                killed = Some(Box::pin(kill.cancelled()));
            }
            match &mut killed {
                Some(killed) => killed.as_mut().poll(cx).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await
    }
}
