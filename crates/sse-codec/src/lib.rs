//! Server-sent events to bytes and back: a fast push decoder and an encoder, without I/O.
#![cfg_attr(not(feature = "std"), no_std)]
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
