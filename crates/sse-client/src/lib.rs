//! A server-sent events client that reconnects, resumes and reports what happens.
//!
//! [`EventStream`] is a `Stream` of everything that happens: the response's status and headers,
//! events, comments, why a connection was lost and when the next attempt starts, and how it all
//! ended. [`Client`] is the same with callbacks.
//!
//! ```no_run
//! # async fn run() -> Result<(), sse_client::Error> {
//! use futures_util::StreamExt;
//! use sse_client::{EventStream, StreamItem};
//!
//! let mut stream = EventStream::builder("http://127.0.0.1:8080/sse?zone=news").build()?;
//! while let Some(item) = stream.next().await {
//!     match item? {
//!         StreamItem::Opened(opened) => println!("open: {}", opened.status),
//!         StreamItem::Event(event) => println!("{}: {}", event.event(), event.data()),
//!         StreamItem::Disconnected(lost) => println!("{}, again in {:?}", lost.error, lost.retry_in),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What ends a stream, and what does not
//! | what happens | what the stream does |
//! |---|---|
//! | the server ends the body, the network fails, a time-out, 408, 425, 429, 5xx | [`StreamItem::Disconnected`], then another attempt |
//! | after a connection has been open: a wrong content type, a refused certificate, a redirect that cannot be followed (a captive portal, a proxy's page) | the same |
//! | these before any connection has been open; any other status; no retry left; an [error event](EventStreamBuilder::error_event) | `Err`, then `None` |
//! | 204, the [sentinel](EventStreamBuilder::sentinel) or another [last event](EventStreamBuilder::end_event) | [`StreamItem::Ended`], then `None` |
//!
//! The kinds of failure are [those of all clients](rt_common::Failure#the-table). An `Err` of an
//! [`EventStream`] is always its last item; a failure that is followed by another attempt is a
//! `Disconnected`. ([`Events`] has [one exception](Error::is_restarted).)
//!
//! A request with a body is retried differently, since a language model charges for each response: until
//! a response has opened, and never afterwards ([`Reconnect::UntilOpened`]). The end of the body is
//! [`StreamItem::Ended`], and a response that is cut short is an `Err` with [`Error::is_truncated`].
//! [`EventStreamBuilder::reconnect`] changes that for any request.
//!
//! # Features
//! `reqwest` and `json` (both default), `gzip`, `brotli`. Without `reqwest`, pass an
//! [`HttpClient`] made from any tower service.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempt;
mod body;
mod builder;
mod callbacks;
mod config;
mod content_type;
mod end_rules;
mod error;
mod event;
mod events;
mod item;
mod policy;
mod reconnect;
mod redirect;
mod retry_policy;
mod stream;

pub use builder::EventStreamBuilder;
pub use callbacks::{Client, StopHandle};
pub use config::Attempt;
pub use error::Error;
pub use event::Event;
pub use events::Events;
pub use item::{Disconnected, End, Opened, StreamItem};
pub use reconnect::Reconnect;
pub use retry_policy::RetryPolicy;
pub use stream::EventStream;

#[doc(no_inline)]
pub use http::{HeaderMap, Method, StatusCode};
#[doc(no_inline)]
pub use rt_common::{HttpClient, HttpError};

// The examples of the README compile.
#[cfg(all(doctest, feature = "json"))]
#[doc = include_str!("../README.md")]
struct Readme;
