//! Events from a blocking reader.

use crate::{DecodeError, Decoded, Decoder, Event, decode::Step};
use alloc::{vec, vec::Vec};
use std::{
    fmt,
    io::{self, Read},
};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Decodes events from a [`std::io::Read`].
///
/// ```
/// use sse_codec::Reader;
///
/// let mut reader = Reader::new(&b"data: one\n\ndata: two\n\n"[..]);
/// assert_eq!(reader.decode()?.unwrap().data(), "one");
/// assert_eq!(reader.decode()?.unwrap().data(), "two");
/// assert!(reader.decode()?.is_none());
/// # Ok::<(), sse_codec::DecodeError<std::io::Error>>(())
/// ```
pub struct Reader<R> {
    inner: R,
    decoder: Decoder,
    chunk: Vec<u8>,
    at: usize,
    end: usize,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from `inner` with a fresh decoder. Reads 16 KiB at once: `inner` needs no buffer.
    pub fn new(inner: R) -> Self {
        Self::with_decoder(inner, Decoder::new())
    }

    /// Reads from `inner` with a decoder that has its options, or goes on where another ended.
    pub fn with_decoder(inner: R, decoder: Decoder) -> Self {
        Self { inner, decoder, chunk: vec![0; CHUNK], at: 0, end: 0, failed: false }
    }

    /// The next event; `None` at the end. Comments and retry are left out.
    ///
    /// # Errors
    /// If the reader fails, or an event is too large; decoding can go on after both.
    pub fn decode(&mut self) -> Result<Option<Event>, DecodeError<io::Error>> {
        Ok(match self.step::<false>()? {
            Some(Decoded::Event(event)) => Some(event),
            _ => None,
        })
    }

    /// The next event, comment or retry; `None` at the end.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_any(&mut self) -> Result<Option<Decoded>, DecodeError<io::Error>> {
        self.step::<true>()
    }

    /// The decoder, for its last event id.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The reader and the decoder. What was read and not decoded yet is lost.
    pub fn into_parts(self) -> (R, Decoder) {
        (self.inner, self.decoder)
    }

    fn step<const ALL: bool>(&mut self) -> Result<Option<Decoded>, DecodeError<io::Error>> {
        loop {
            let mut rest = &self.chunk[self.at..self.end];
            let step = self.decoder.step::<ALL>(&mut rest);
            self.at = self.end - rest.len();
            match step {
                Some(Step::TooLarge) => {
                    return Err(DecodeError::too_large(self.decoder.max_event_bytes()));
                }
                Some(step) => return Ok(Some(self.decoder.give(step))),
                None => {}
            }
            (self.at, self.end) = (0, 0);
            self.end = match self.inner.read(&mut self.chunk) {
                Ok(0) => return Ok(None),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(DecodeError::from_source(error)),
            };
        }
    }
}

/// The events, until the reader ends or fails; what is too large is an error in between.
impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Event, DecodeError<io::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.decode().transpose();
        self.failed = matches!(&next, Some(Err(error)) if !error.is_too_large());
        next
    }
}

impl<R: fmt::Debug> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("inner", &self.inner)
            .field("decoder", &self.decoder)
            .finish_non_exhaustive()
    }
}
