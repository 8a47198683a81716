//! One connection, from its first byte to its end.

use crate::fast::{self, FastPath};
use crate::rewind::Rewind;
use crate::stall::WriteStall;
use crate::{Limits, RequestBody, Serves};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Ends all connections of a server: `drain` after what they are doing, `kill` at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    pub(crate) drain: CancellationToken,
    /// The same, to be looked at for each answer: asking the token takes a lock.
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) kill: CancellationToken,
    /// Nothing is left to be done.
    pub(crate) done: CancellationToken,
}

/// What every connection of a server shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) end: End,
    #[cfg(feature = "http2")]
    pub(crate) http2: bool,
}

/// Serves a connection the general way.
pub(crate) async fn run<S: Serves>(
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
    shared: Arc<Shared>,
) {
    #[cfg(feature = "http2")]
    if is_http2(&stream, &shared).await {
        return Box::pin(http2(stream, peer, service, shared)).await;
    }
    http1(stream, peer, service, shared).await;
}

/// Serves a connection on the fast path; gives it back, with what was read of it, once something
/// comes that has to go the general way.
pub(crate) async fn run_fast<F: FastPath>(
    mut stream: TcpStream,
    peer: SocketAddr,
    path: &F,
    shared: &Shared,
) -> Option<(Vec<u8>, TcpStream)> {
    #[cfg(feature = "http2")]
    if is_http2(&stream, shared).await {
        return Some((Vec::new(), stream));
    }
    let unread = fast::run(&mut stream, peer, path, shared).await?;
    Some((unread, stream))
}

/// Serves what the fast path gave back.
pub(crate) async fn go_on<S: Serves>(
    unread: Vec<u8>,
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
    shared: Arc<Shared>,
) {
    match unread.is_empty() {
        // Its version is still to be told.
        true => run(stream, peer, service, shared).await,
        false => http1(Rewind::new(unread, stream), peer, service, shared).await,
    }
}

#[cfg(feature = "http2")]
async fn is_http2(stream: &TcpStream, shared: &Shared) -> bool {
    if !shared.http2 {
        return false;
    }
    // Boxed, so that HTTP/1's state is no larger for the possibility.
    let looked = Box::pin(version::is_http2(stream, shared.limits.head_timeout));
    tokio::select! {
        http2 = looked => http2,
        // The general way ends it then, as it ends every idle connection.
        () = shared.end.drain.cancelled() => false,
    }
}

async fn http1<S, T>(io: T, peer: SocketAddr, service: S, shared: Arc<Shared>)
where
    S: Serves,
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    let limits = &shared.limits;
    let io = TokioIo::new(WriteStall::new(io, limits.write_timeout));
    let connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(limits.head_bytes)
            .max_headers(limits.headers)
            .serve_connection(io, Inner { service, peer, shared: shared.clone() })
    );
    watch(connection, |c| c.graceful_shutdown(), peer, &shared.end).await;
}

#[cfg(feature = "http2")]
async fn http2<S: Serves>(stream: TcpStream, peer: SocketAddr, service: S, shared: Arc<Shared>) {
    let limits = &shared.limits;
    let io = TokioIo::new(WriteStall::new(stream, limits.write_timeout));
    let executor = hyper_util::rt::TokioExecutor::new();
    let connection = pin!(
        hyper::server::conn::http2::Builder::new(executor)
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(limits.write_timeout)
            .serve_connection(io, Inner { service, peer, shared: shared.clone() })
    );
    watch(connection, |c| c.graceful_shutdown(), peer, &shared.end).await;
}

/// Drives a connection until it is done or killed; told to drain, it finishes what it is doing.
async fn watch<C>(
    mut connection: std::pin::Pin<&mut C>,
    drain: impl Fn(std::pin::Pin<&mut C>),
    peer: SocketAddr,
    end: &End,
) where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut draining = pin!(end.drain.cancelled());
    // Made only then, since every waiting stream would carry it along.
    let mut killed = None;
    let ended = std::future::poll_fn(|cx| {
        if killed.is_none() && draining.as_mut().poll(cx).is_ready() {
            killed = Some(Box::pin(end.kill.cancelled()));
            drain(connection.as_mut());
        }
        if killed.as_mut().is_some_and(|killed| killed.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(None);
        }
        connection.as_mut().poll(cx).map(Some)
    });
    match ended.await {
        // As a rule a client that went away, which is no fault.
        Some(Err(error)) => tracing::debug!(%peer, error = %chain(&error), "connection ended"),
        None => tracing::debug!(%peer, "connection closed at the deadline"),
        Some(Ok(())) => {}
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The user's service with the request's body bounded and the peer's address in its extensions.
struct Inner<S> {
    service: S,
    peer: SocketAddr,
    shared: Arc<Shared>,
}

impl<S: Serves> hyper::service::Service<Request<Incoming>> for Inner<S> {
    type Response = Response<S::ResponseBody>;
    type Error = S::Error;
    /// Boxed a request, since hyper keeps the place of this future for as long as the connection
    /// lives: a stream that runs for hours would hold on to all that its handler ever needed.
    type Future = Pin<Box<dyn Future<Output = Result<Response<S::ResponseBody>, S::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let limits = &self.shared.limits;
        let bound = |body| RequestBody::new(body, limits.body_bytes, limits.body_timeout);
        let mut request = request.map(bound);
        request.extensions_mut().insert(self.peer);
        let mut service = self.service.clone();
        Box::pin(async move {
            std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(request).await
        })
    }
}

#[cfg(feature = "http2")]
mod version {
    use std::time::Duration;
    use tokio::net::TcpStream;
    use tokio::time::{sleep, timeout};

    /// Looks at a connection's first bytes: no method begins as HTTP/2's preface does.
    pub(super) async fn is_http2(stream: &TcpStream, limit: Duration) -> bool {
        const PREFACE: &[u8] = b"PRI";
        let mut seen = [0; PREFACE.len()];
        let look = async {
            loop {
                let read = stream.peek(&mut seen).await.unwrap_or(0);
                if read == 0 || !PREFACE.starts_with(&seen[..read]) {
                    return false;
                }
                if read == PREFACE.len() {
                    return true;
                }
                // What was peeked stays readable, so there is nothing else to wait for.
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(limit, look).await.unwrap_or(false)
    }
}
