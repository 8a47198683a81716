//! HTTP long polling: golongpoll's protocol as its clients speak it, without its holes, and a
//! stricter form beside it.
//!
//! A [`LongPoll`] answers polls and publications inside any handler, or as a
//! [`tower_service::Service`]. It stands on an [`rt_broker::Broker`], which may serve event streams
//! as well: one publication reaches both.
//!
//! ```
//! use http::Request;
//! use lp_server::LongPoll;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let polls = LongPoll::in_memory();
//!
//! let body = r#"{"category": "news", "data": {"title": "hello"}}"#.to_owned();
//! let answer = polls.publish(Request::post("/publish").body(body)?).await;
//! assert_eq!(answer.status(), 200);
//!
//! let query = "/events?timeout=45&category=news&since_time=0";
//! let (poll, ()) = Request::get(query).body(())?.into_parts();
//! let answer = polls.subscribe(&poll).await;
//! let text = String::from_utf8(answer.into_body().into_bytes().into())?;
//! assert!(text.starts_with(r#"{"events":[{"timestamp":"#));
//! # Ok(()) }
//! ```
//!
//! # The two forms
//! golongpoll's form is what a poll gets that says nothing else. Its answers are 200, its errors too.
//! The strict form is asked for by `Accept: application/vnd.longpoll+json` or `form=strict`: real
//! status codes, an opaque cursor that needs no clock, several categories in one poll, bounded
//! answers. Both are described in the README.
//!
//! # Features
//! None is on by default. `server`: `Server`, a listener of its own over `rt-serve`. `file`: its
//! events survive the process (`FilePersistor`), and those of a golongpoll server can be imported
//! (`import_golongpoll`).
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod body;
mod cors;
mod cursor;
mod encode;
mod event_id;
mod golongpoll;
mod hook;
#[cfg(feature = "file")]
mod import;
mod json;
mod long_poll;
mod options;
mod query;
mod queue;
mod resume;
#[cfg(feature = "server")]
mod server;
mod service;
mod single;
mod strict;
mod strict_poll;
mod wait;

pub use answer::error_answer;
pub use body::Body;
pub use hook::{Admission, PublishRequest, basic_auth};
#[cfg(feature = "file")]
pub use import::{ImportReport, SkippedLine, import_golongpoll};
pub use long_poll::LongPoll;
pub use options::{Gone, LongPollBuilder};
pub use rt_broker;
#[cfg(feature = "file")]
pub use server::FilePersistor;
#[cfg(feature = "server")]
pub use server::{Error, Server, ServerOptions};
pub use service::{Answering, LongPollService};

// The examples of the README compile.
#[cfg(all(doctest, feature = "file"))]
#[doc = include_str!("../README.md")]
struct Readme;
