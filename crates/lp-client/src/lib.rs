//! A long polling client that keeps its place: for golongpoll's servers, and for servers that offer
//! the stricter form of its protocol.
//!
//! [`Client::subscribe`] makes one poll, [`Client::publish`] publishes, and [`Client::follow`] is a
//! `Stream` that polls for ever, tries again with care, and can say at any time where it is.
//!
//! ```no_run
//! # async fn run() -> Result<(), lp_client::Error> {
//! use futures_util::TryStreamExt;
//! use lp_client::Client;
//!
//! let client = Client::new("http://127.0.0.1:8080/events")?;
//! let mut events = client.follow("news")?.events();
//! while let Some(event) = events.try_next().await? {
//!     let tick: serde_json::Value = event.json()?;
//!     println!("{} {tick}", event.timestamp);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What ends a follower, and what does not
//! | what happens | what the stream does |
//! |---|---|
//! | events; a poll without any; events that are gone | [`Item::Event`]; [`Item::Quiet`]; [`Item::Gap`] |
//! | the network fails, no answer in time, 408, 425, 429, 5xx, golongpoll's own troubles | [`Item::Disconnected`], then another poll |
//! | any other status, a redirect, golongpoll's words about a bad parameter, an answer that is not long polling or too large, a refused certificate, no retry left | `Err`, then `None` |
//!
//! # In code that blocks
//! A runtime of one's own, on one thread, is enough:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::TryStreamExt;
//! use lp_client::Client;
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let mut events = Client::new("http://127.0.0.1:8080/events")?.follow("news")?.events();
//! while let Some(event) = runtime.block_on(events.try_next())? {
//!     println!("{}", event.data); // Takes its time; the next poll starts when it is asked for.
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `reqwest` (default). Without it, pass an [`HttpClient`] made from any tower service.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod builder;
mod client;
mod error;
mod event;
mod exchange;
mod follow;
mod parse;
mod policy;
mod poll;
mod position;
mod retry_policy;

pub use answer::Answer;
pub use builder::ClientBuilder;
pub use client::{Client, Published};
pub use error::Error;
pub use event::{Event, Gap};
pub use follow::{Disconnected, Events, Follow, Item};
pub use poll::Poll;
pub use position::Position;
pub use retry_policy::RetryPolicy;

#[doc(no_inline)]
pub use http::{HeaderMap, StatusCode};
#[doc(no_inline)]
pub use rt_common::{HttpClient, HttpError, Secret};
#[doc(no_inline)]
pub use serde_json::value::RawValue;
#[doc(no_inline)]
pub use uuid::Uuid;

// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
