//! The bytes of an answer's body, decompressed where that is needed.
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
pub(crate) enum Chunks {
    Plain(Body),
    #[cfg(any(feature = "gzip", feature = "brotli"))]
    Compressed(decompress::Decompressed),
}

impl Chunks {
    pub(crate) fn new(body: Body, headers: &HeaderMap) -> Result<Self, Error> {
        let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
        let Some(encoding) = encoding.map(|name| name.trim_ascii().to_ascii_lowercase()) else {
            return Ok(Self::Plain(body));
        };
        match encoding.as_slice() {
            b"" | b"identity" => Ok(Self::Plain(body)),
            #[cfg(feature = "gzip")]
            b"gzip" | b"x-gzip" => Ok(Self::Compressed(decompress::Decompressed::gzip(body))),
            #[cfg(feature = "brotli")]
            b"br" => Ok(Self::Compressed(decompress::Decompressed::brotli(body))),
            other => Err(Error::encoding(String::from_utf8_lossy(&other[..other.len().min(40)]))),
        }
    }

    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, HttpError>> {
        match self {
            Self::Plain(body) => body.poll_data(cx),
            #[cfg(any(feature = "gzip", feature = "brotli"))]
            Self::Compressed(body) => body.poll_chunk(cx),
        }
    }
}

#[cfg(any(feature = "gzip", feature = "brotli"))]
mod decompress {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use bytes::{Bytes, BytesMut};
    use futures_core::Stream;
    use rt_common::{Body, HttpError};
    use tokio::io::AsyncRead;
    use tokio_util::io::StreamReader;

    /// The most that is decompressed at a time: however well a body is packed, no more than this
    /// lies between it and the decoder, which has its own bound.
    const CHUNK: usize = 16 * 1024;

    pub(crate) struct Decompressed {
        reader: Pin<Box<dyn AsyncRead + Send>>,
        buffer: BytesMut,
    }

    impl Decompressed {
        #[cfg(feature = "gzip")]
        pub(super) fn gzip(body: Body) -> Self {
            let reader = StreamReader::new(Compressed(body));
            let mut decoder = async_compression::tokio::bufread::GzipDecoder::new(reader);
            // A gzip body is a series of members (RFC 1952, section 2.2).
            decoder.multiple_members(true);
            Self { reader: Box::pin(decoder), buffer: BytesMut::new() }
        }

        #[cfg(feature = "brotli")]
        pub(super) fn brotli(body: Body) -> Self {
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
    struct Compressed(Body);

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
