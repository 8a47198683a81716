//! VK's long poll, of users and of bots: every event typed, and a loop that keeps its place and
//! never dies.
//!
//! [`user::LongPoll`] and [`bots::LongPoll`] are `Stream`s of what happens, or run with handlers; [`Api`]
//! calls any method of VK's API.
//!
//! ```no_run
//! # async fn run(token: String) -> Result<(), vk_longpoll::Error> {
//! use futures_util::TryStreamExt;
//! use vk_longpoll::user::{EventKind, LongPoll};
//!
//! let mut events = LongPoll::builder(token).build()?.events();
//! while let Some(event) = events.try_next().await? {
//!     match &event.kind {
//!         EventKind::NewMessage(message) => println!("{:?}", message.text_decoded()),
//!         _ => println!("{}", event.raw()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//! | for | see |
//! |---|---|
//! | what ends a loop, and what does not | [`Poller`] |
//! | where to go on from after a restart | [`Item::Answered`], [`Position`] |
//! | handlers, and how they run at the same time | [`Handlers`], [`Poller::run`] |
//! | the events | [`user::EventKind`], [`bots::EventKind`] |
//! | polling without a token | [`user::Session`] |
//! | what is asked of VK, and what it may answer | [`Builder`], [`ApiError`], [`Failed`] |
//!
//! # Features
//! `reqwest` (default). Without it, pass an [`HttpClient`] made from any tower service.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod api;
pub mod bots;
mod builder;
mod decode_error;
mod error;
mod failed;
mod handlers;
mod item;
mod json;
mod kind;
mod malformed;
mod policy;
mod poller;
mod position;
mod retry_policy;
mod run;
mod scan;
mod server;
mod shutdown;
pub mod user;

pub use api::{
    Api, ApiBuilder, ApiError, Captcha, CaptchaAnswer, Execute, ExecuteReplies, SendError,
    SendMessage, Sent,
};
pub use builder::Builder;
pub use decode_error::DecodeError;
pub use error::Error;
pub use failed::Failed;
pub use handlers::{Handlers, Of, Response};
pub use item::{Answered, Disconnected, Gap, Item, Missing};
pub use json::Json;
pub use malformed::{MalformedPart, MalformedParts};
pub use poller::{Events, Poller};
pub use position::Position;
pub use retry_policy::RetryPolicy;
pub use shutdown::Shutdown;

#[doc(no_inline)]
pub use http::StatusCode;
#[doc(no_inline)]
pub use rt_common::{HttpClient, HttpError, Secret};
#[doc(no_inline)]
pub use serde_json::value::RawValue;

// The examples of the README compile.
#[cfg(all(doctest, feature = "reqwest"))]
#[doc = include_str!("../README.md")]
struct Readme;
