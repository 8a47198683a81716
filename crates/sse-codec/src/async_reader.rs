//! Events from an asynchronous reader.

use crate::{DecodeError, Decoded, Decoder, Event, decode::Step};
use alloc::{vec, vec::Vec};
use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io;
use tokio::io::{AsyncRead, ReadBuf};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Decodes events from a [`tokio::io::AsyncRead`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sse_codec::DecodeError<std::io::Error>> {
/// use sse_codec::AsyncReader;
///
/// let mut reader = AsyncReader::new(&b"data: one\n\ndata: two\n\n"[..]);
/// assert_eq!(reader.decode().await?.unwrap().data(), "one");
/// assert_eq!(reader.decode().await?.unwrap().data(), "two");
/// assert!(reader.decode().await?.is_none());
/// # Ok(())
/// # }
/// ```
pub struct AsyncReader<R> {
    inner: R,
    decoder: Decoder,
    chunk: Vec<u8>,
    at: usize,
    end: usize,
}

type Result<T> = core::result::Result<T, DecodeError<io::Error>>;

impl<R: AsyncRead + Unpin> AsyncReader<R> {
    /// Reads from `inner` with a fresh decoder. Reads 16 KiB at once: `inner` needs no buffer.
    pub fn new(inner: R) -> Self {
        Self::with_decoder(inner, Decoder::new())
    }

    /// Reads from `inner` with a decoder that has its options, or goes on where another ended.
    pub fn with_decoder(inner: R, decoder: Decoder) -> Self {
        Self { inner, decoder, chunk: vec![0; CHUNK], at: 0, end: 0 }
    }

    /// The next event; `None` at the end. Comments and retry are left out.
    ///
    /// Cancel safe: nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// If the reader fails, or an event is too large; decoding can go on after both.
    pub async fn decode(&mut self) -> Result<Option<Event>> {
        Ok(match poll_fn(|cx| self.poll_step::<false>(cx)).await? {
            Some(Decoded::Event(event)) => Some(event),
            _ => None,
        })
    }

    /// The next event, comment or retry; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub async fn decode_any(&mut self) -> Result<Option<Decoded>> {
        poll_fn(|cx| self.poll_step::<true>(cx)).await
    }

    /// The decoder, for its last event id.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The reader and the decoder. What was read and not decoded yet is lost.
    pub fn into_parts(self) -> (R, Decoder) {
        (self.inner, self.decoder)
    }

    fn poll_step<const ALL: bool>(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Decoded>>> {
        loop {
            let mut rest = &self.chunk[self.at..self.end];
            let step = self.decoder.step::<ALL>(&mut rest);
            self.at = self.end - rest.len();
            match step {
                Some(Step::TooLarge) => {
                    let limit = self.decoder.max_event_bytes();
                    return Poll::Ready(Err(DecodeError::too_large(limit)));
                }
                Some(step) => return Poll::Ready(Ok(Some(self.decoder.give(step)))),
                None => {}
            }
            (self.at, self.end) = (0, 0);
            let mut buf = ReadBuf::new(&mut self.chunk);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf))
                .map_err(DecodeError::from_source)?;
            self.end = buf.filled().len();
            if self.end == 0 {
                return Poll::Ready(Ok(None));
            }
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for AsyncReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReader")
            .field("inner", &self.inner)
            .field("decoder", &self.decoder)
            .finish_non_exhaustive()
    }
}
