//! One connection: hyper's two halves of it, held and polled together.
use std::convert::Infallible;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::uri::Authority;
use http_body::{Frame, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::unconstrained;

use crate::error::{HttpError, MAX_HEADER_LINES};

type Driver = http1::Connection<TokioIo<Socket>, OutgoingBody>;

/// A connection that makes progress only while it is polled. Dropping it closes it.
pub(super) struct Connection {
    pub(super) authority: Authority,
    pub(super) sender: SendRequest<OutgoingBody>,
    driver: Driver,
    socket: Socket,
    ended: bool,
    task: Arc<Task>,
    waker: Waker,
}

impl Connection {
    /// Boxed, because it moves with each request.
    pub(super) async fn new(
        authority: Authority,
        stream: TcpStream,
    ) -> Result<Box<Self>, HttpError> {
        let socket = Socket(Arc::new(Mutex::new(stream)));
        let io = TokioIo::new(socket.clone());
        // Nothing is exchanged here: HTTP/1.1 has no handshake.
        let handshake = http1::Builder::new().max_headers(MAX_HEADER_LINES).handshake(io).await;
        let (sender, driver) = handshake.map_err(HttpError::connect_failed)?;
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        Ok(Box::new(Self { authority, sender, driver, socket, ended: false, task, waker }))
    }

    /// Makes as much progress as the socket allows. Ready when the connection has ended; its error
    /// is reported to the caller that waits for the response or its body.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.task.set(cx.waker());
        self.drive()
    }

    /// Wakes no task until the connection is polled again.
    pub(super) fn mute(&self) {
        self.task.clear();
    }

    /// Whether the connection has finished its exchange and can take another request. Makes
    /// progress, and wakes no task afterwards.
    pub(super) fn is_free(&mut self) -> bool {
        self.mute();
        self.drive().is_pending() && self.sender.is_ready()
    }

    /// Whether an idle connection is still open, as the kernel knows it.
    ///
    /// Polling the driver would not tell: it is pending both on a connection that is alive and on
    /// one whose end the runtime has not noticed yet, because the reactor has not had its turn.
    pub(super) fn is_open(&self) -> bool {
        !self.ended && self.socket.is_quiet()
    }

    /// Polls without regard to the task's cooperative budget. With an exhausted budget tokio's
    /// sockets and channels are pending although they are ready, and an idle connection, or a waker
    /// that does nothing, would make "not now" into "never". The exchange takes its share of the
    /// budget once, above.
    fn drive(&mut self) -> Poll<()> {
        let mut cx = Context::from_waker(&self.waker);
        if !self.ended {
            let mut driver = unconstrained(&mut self.driver);
            self.ended = Pin::new(&mut driver).poll(&mut cx).is_ready();
        }
        if self.ended { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A TCP stream that its connection can look at while hyper owns it.
///
/// The lock is never contended. It gives tokio the exclusive access with which it remembers, after a
/// read that took all there was, that the socket is empty: a shared reference would cost another
/// system call for each response.
#[derive(Clone)]
struct Socket(Arc<Mutex<TcpStream>>);

impl Socket {
    fn stream(&self) -> MutexGuard<'_, TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the peer has neither closed the connection nor sent anything. On an idle connection
    /// both mean that it cannot be used.
    fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = SockRef::from(&*self.stream()).peek(&mut byte);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(cx)
    }
}

/// The task that the connection wakes. A connection has many, one after the other; hyper keeps the
/// waker of a connection in several places, and some of them wake after the exchange has ended.
#[derive(Default)]
struct Task(Mutex<Option<Waker>>);

impl Task {
    fn set(&self, waker: &Waker) {
        let mut task = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *task {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    fn clear(&self) -> Option<Waker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(task) = self.clear() {
            task.wake();
        }
    }
}

/// A request's body.
#[derive(Clone)]
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
