//! The bytes of an answer's body, decompressed where that is needed.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap};
use rt_common::{Body, HttpError};

use crate::Error;

/// What is offered to servers.
pub(crate) const ACCEPT_ENCODING: Option<&str> =
    match (cfg!(feature = "gzip"), cfg!(feature = "brotli")) {
        (true, true) => Some("gzip, br"),
        (true, false) => Some("gzip"),
        (false, true) => Some("br"),
        (false, false) => None,
    };

/// The chunks of an event stream.
pub(crate) struct Chunks {
    source: Source,
    arrived: Arrived,
}

/// Set whenever bytes arrive, also compressed ones that unpack to nothing yet.
type Arrived = Arc<AtomicBool>;

enum Source {
    Plain(Noted),
    #[cfg(any(feature = "gzip", feature = "brotli"))]
    Compressed(decompress::Decompressed),
}

impl Chunks {
    pub(crate) fn new(body: Body, headers: &HeaderMap) -> Result<Self, Error> {
        let arrived = Arrived::default();
        let body = Noted { body, arrived: Arc::clone(&arrived) };
        let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
        let Some(encoding) = encoding.map(|name| name.trim_ascii().to_ascii_lowercase()) else {
            return Ok(Self { source: Source::Plain(body), arrived });
        };
        let source = match encoding.as_slice() {
            b"" | b"identity" => Source::Plain(body),
            #[cfg(feature = "gzip")]
            b"gzip" | b"x-gzip" => Source::Compressed(decompress::Decompressed::gzip(body)),
            #[cfg(feature = "brotli")]
            b"br" => Source::Compressed(decompress::Decompressed::brotli(body)),
            other => {
                let name = String::from_utf8_lossy(&other[..other.len().min(40)]);
                return Err(Error::encoding(name));
            }
        };
        Ok(Self { source, arrived })
    }

    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, HttpError>> {
        match &mut self.source {
            Source::Plain(body) => body.poll_data(cx),
            #[cfg(any(feature = "gzip", feature = "brotli"))]
            Source::Compressed(body) => body.poll_chunk(cx),
        }
    }

    /// Whether bytes arrived since it was last asked.
    pub(crate) fn take_arrived(&self) -> bool {
        self.arrived.swap(false, Ordering::Relaxed)
    }
}

/// A body that notes when something arrives.
struct Noted {
    body: Body,
    arrived: Arrived,
}

impl Noted {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, HttpError>> {
        let data = self.body.poll_data(cx);
        if let Poll::Ready(Ok(Some(data))) = &data
            && !data.is_empty()
        {
            self.arrived.store(true, Ordering::Relaxed);
        }
        data
    }
}

#[cfg(any(feature = "gzip", feature = "brotli"))]
mod decompress {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use bytes::{Bytes, BytesMut};
    use futures_core::Stream;
    use rt_common::HttpError;
    use tokio::io::AsyncRead;
    use tokio_util::io::StreamReader;

    use super::Noted;

    /// The most that is decompressed at a time: however well a body is packed, no more than this
    /// lies between it and the decoder, which has its own bound.
    const CHUNK: usize = 16 * 1024;

    pub(crate) struct Decompressed {
        reader: Pin<Box<dyn AsyncRead + Send>>,
        buffer: BytesMut,
    }

    impl Decompressed {
        #[cfg(feature = "gzip")]
        pub(super) fn gzip(body: Noted) -> Self {
            let reader = StreamReader::new(Compressed(body));
            let mut decoder = async_compression::tokio::bufread::GzipDecoder::new(reader);
            // A gzip body is a series of members (RFC 1952, section 2.2).
            decoder.multiple_members(true);
            Self { reader: Box::pin(decoder), buffer: BytesMut::new() }
        }

        #[cfg(feature = "brotli")]
        pub(super) fn brotli(body: Noted) -> Self {
            let reader = StreamReader::new(Compressed(body));
            let decoder = async_compression::tokio::bufread::BrotliDecoder::new(reader);
            Self { reader: Box::pin(decoder), buffer: BytesMut::new() }
        }

        pub(super) fn poll_chunk(
            &mut self,
            cx: &mut Context<'_>,
        ) -> Poll<Result<Option<Bytes>, HttpError>> {
            self.buffer.resize(CHUNK, 0);
            let mut space = tokio::io::ReadBuf::new(&mut self.buffer);
            Poll::Ready(match ready!(self.reader.as_mut().poll_read(cx, &mut space)) {
                Err(error) => Err(transport_error(error)),
                Ok(()) => {
                    let filled = space.filled().len();
                    Ok((filled > 0).then(|| self.buffer.split_to(filled).freeze()))
                }
            })
        }
    }

    /// The body as a stream whose errors are `io::Error`s.
    struct Compressed(Noted);

    impl Stream for Compressed {
        type Item = io::Result<Bytes>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.0.poll_data(cx).map(|data| data.map_err(io::Error::other).transpose())
        }
    }

    /// An error of the transport under the decompressor, or one of the decompressor's own.
    fn transport_error(error: io::Error) -> HttpError {
        match error.downcast::<HttpError>() {
            Ok(error) => error,
            Err(error) => HttpError::body_failed(error),
        }
    }
}
