//! One connection: hyper's two halves of it, held and polled together.
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

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
    ended: bool,
    task: Arc<Task>,
    waker: Waker,
}

impl Connection {
    /// Boxed, for it goes from hand to hand with each request.
    pub(super) async fn new(
        authority: Authority,
        stream: TcpStream,
    ) -> Result<Box<Self>, HttpError> {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        // Nothing is exchanged here: HTTP/1.1 has no handshake.
        let (sender, driver) = handshake.map_err(HttpError::connect_failed)?;
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        Ok(Box::new(Self { authority, sender, driver, ended: false, task, waker }))
    }

    /// Goes on as far as the socket lets it. Ready when the connection has ended; what went wrong
    /// is told to the one who waits for the answer or its body.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.task.set(cx.waker());
        self.drive()
    }

    /// From now on it wakes nobody, until it is polled again.
    pub(super) fn mute(&self) {
        self.task.clear();
    }

    /// Whether it can take another request. Looks at the socket, and wakes nobody afterwards.
    pub(super) fn is_idle(&mut self) -> bool {
        self.mute();
        self.drive().is_pending() && self.sender.is_ready()
    }

    fn drive(&mut self) -> Poll<()> {
        let mut cx = Context::from_waker(&self.waker);
        if !self.ended {
            self.ended = Pin::new(&mut self.driver).poll(&mut cx).is_ready();
        }
        if self.ended { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The task that is to be woken. One connection has many, one after the other; hyper keeps the
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
