//! Server-sent events to bytes and back: a fast push decoder and an encoder, without I/O.
//!
//! - [`Decoder`] takes chunks of any size and lends what they complete: events, comments, retry.
//!   Text that lies whole in a chunk is lent from there, without a copy.
//! - [`Fields`] (borrowed) and [`Message`] (owned) are what is sent. Nothing that is encoded can
//!   inject fields: a type or id with a line break is an error.
//! - [`Reader`], [`AsyncReader`] and [`EventStream`] put the decoder on top of `std::io::Read`,
//!   `tokio::io::AsyncRead`, a `Stream` of chunks and an `http_body::Body`.
//!
//! ```
//! use sse_codec::{Decoder, Item, Message};
//!
//! let bytes = Message::new().with_id("1")?.with_data("two\nlines").encode()?;
//! assert_eq!(bytes, b"data: two\ndata: lines\nid: 1\n\n");
//!
//! let mut decoder = Decoder::new();
//! for chunk in bytes.chunks(10) {
//!     let mut feed = decoder.feed(chunk);
//!     while let Some(item) = feed.next() {
//!         if let Item::Event(event) = item {
//!             assert_eq!((event.event(), event.data()), ("message", "two\nlines"));
//!         }
//!     }
//! }
//! assert_eq!(decoder.last_event_id(), "1");
//! # Ok::<(), sse_codec::InvalidField>(())
//! ```
//!
//! # What it holds to
//! The format is that of the
//! [HTML standard](https://html.spec.whatwg.org/multipage/server-sent-events.html), to the letter
//! but for one thing: a stream starts with the last event id that was kept from the one before
//! ([`Decoder::reset`]), since an event without an id would erase it otherwise.
//! Bytes that are not UTF-8 become U+FFFD and the stream goes on. No byte is scanned twice,
//! however a line is cut. An event of more than 16 MiB
//! ([`Decoder::with_max_event_bytes`]) is skipped, and said to be.
//!
//! # Features
//! - `std` (default): [`Reader`], `write_to`; without it the crate is `no_std` with `alloc`.
//! - `stream` (default): [`EventStream`] over a `futures_core::Stream`.
//! - `tokio`: [`AsyncReader`].
//! - `http-body`: [`EventStream::from_body`].
//! - `serde`: [`Message`] from and to JSON.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod decode;
mod encode;
mod error;
mod event;
mod message;
mod scan;
mod utf8;

#[cfg(feature = "tokio")]
mod async_reader;
#[cfg(feature = "http-body")]
mod body;
#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "stream")]
mod stream;

pub use decode::{DEFAULT_MAX_EVENT_BYTES, Decoder, Feed};
pub use encode::{Fields, LINE_END, comment_into};
pub use error::{DecodeError, InvalidField};
pub use event::{Decoded, Event, EventRef, Item};
pub use message::Message;

#[cfg(feature = "tokio")]
pub use async_reader::AsyncReader;
#[cfg(feature = "http-body")]
pub use body::BodyChunks;
#[cfg(feature = "std")]
pub use reader::Reader;
#[cfg(feature = "stream")]
pub use stream::{DecodedStream, EventStream};

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "std", feature = "stream", feature = "serde"))]
#[doc = include_str!("../README.md")]
struct Readme;
