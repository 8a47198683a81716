//! A connection that gives up on a peer who takes nothing of what is sent.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What is written in pieces that have up to this many bytes together is joined first: an event in its
/// chunk is three pieces, and the system takes longer to gather them than it takes to copy them.
const SMALL: usize = 512;

/// Passes reads and writes through; a write that makes no progress for `timeout` is an error.
///
/// While a write waits, hyper asks nothing of the body, so that a stream could not notice the peer
/// that has stopped reading; the wait itself has to.
#[derive(Debug)]
pub(crate) struct WriteStall<T> {
    io: T,
    timeout: Duration,
    /// Runs only while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<T> WriteStall<T> {
    pub(crate) fn new(io: T, timeout: Duration) -> Self {
        Self { io, timeout, stalled: None }
    }

    fn watch<R>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timeout = self.timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WriteStall<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WriteStall<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut joined = [0; SMALL];
        let written = match join(bufs, &mut joined) {
            Some(bytes) => Pin::new(&mut self.io).poll_write(cx, bytes),
            None => Pin::new(&mut self.io).poll_write_vectored(cx, bufs),
        };
        self.watch(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Several buffers as one, where they are small together.
fn join<'a>(bufs: &[IoSlice<'_>], joined: &'a mut [u8; SMALL]) -> Option<&'a [u8]> {
    let mut end = 0;
    for buf in bufs {
        joined.get_mut(end..end + buf.len())?.copy_from_slice(buf);
        end += buf.len();
    }
    Some(&joined[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test(start_paused = true)]
    async fn a_peer_who_reads_nothing_is_given_up_one_who_reads_slowly_is_not() {
        let (near, mut far) = tokio::io::duplex(16);
        let mut io = WriteStall::new(near, Duration::from_secs(30));
        let reader = tokio::spawn(async move {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(29)).await;
                far.read_exact(&mut [0; 16]).await.unwrap();
            }
            far
        });
        io.write_all(&[0; 80]).await.expect("slow, but it goes on");
        let _far = reader.await.unwrap();
        let error = io.write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn pieces_arrive_in_order_whether_they_are_joined_or_not() {
        for size in [0, 1, 100, SMALL - 4, SMALL - 3, SMALL, 5_000] {
            let (near, mut far) = tokio::io::duplex(64 << 10);
            let mut io = WriteStall::new(near, Duration::from_secs(30));
            let middle = vec![b'x'; size];
            let pieces = [b"a\r", middle.as_slice(), b"\n"].map(IoSlice::new);
            assert_eq!(io.write_vectored(&pieces).await.unwrap(), size + 3);
            drop(io);
            let mut read = Vec::new();
            far.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, [b"a\r", middle.as_slice(), b"\n"].concat());
        }
    }
}
