//! What the clients of real-time HTTP share, and nothing about any of their protocols.
//!
//! - [`HttpClient`]: a cheap clone that turns an `http::Request<Bytes>` into a response with a
//!   streaming [`Body`]; made from reqwest, or from any tower service. Deadlines belong to each
//!   request and redirects to the caller, so every transport behaves alike.
//! - [`HttpError`]: what goes wrong over HTTP, as one opaque type that answers questions.
//! - [`Backoff`]: exponential with full jitter, without a clock and without a global random source.
//! - [`retry_after`]: the `Retry-After` header, in seconds or as a date.
//! - [`redact`] and [`Redactor`]: URLs, secrets and quotations that can be logged.
//!
//! # Features
//! `reqwest` (default) brings the ready-made client, `plain` one for `http://` alone, `http` the
//! handle without either. With none, [`Backoff`], [`retry_after`] and [`redact`] remain, and two small dependencies.
//!
//! # Example
//! ```
//! # #[cfg(feature = "reqwest")]
//! # async fn run() -> Result<(), rt_common::HttpError> {
//! use std::time::Duration;
//! use bytes::Bytes;
//!
//! let client = rt_common::HttpClient::builder().user_agent("probe/1").build()?;
//! let request = http::Request::get("http://127.0.0.1:8080/healthz").body(Bytes::new()).expect("a valid URL");
//! let response = client.fetch(request, Duration::from_secs(5), 64 * 1024).await?;
//! println!("{} with {} bytes", response.status(), response.body().len());
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backoff;
#[cfg(feature = "http")]
mod body;
mod causes;
#[cfg(feature = "http")]
mod error;
mod excerpt;
#[cfg(feature = "http")]
mod failure;
#[cfg(feature = "http")]
mod http_client;
#[cfg(feature = "plain")]
mod plain;
#[cfg(feature = "reqwest")]
mod proxy;
pub mod redact;
mod redactor;
#[cfg(feature = "http")]
mod request_secrets;
#[cfg(feature = "reqwest")]
mod reqwest_client;
pub mod retry_after;
#[cfg(feature = "http")]
mod status;
#[cfg(feature = "http")]
mod userinfo;

pub use backoff::Backoff;
#[cfg(feature = "http")]
pub use body::Body;
pub use causes::write_with_causes;
#[cfg(feature = "http")]
pub use error::{BoxError, HttpError};
pub use excerpt::Excerpt;
#[cfg(feature = "http")]
pub use failure::{Failure, Reaction, Setup};
#[cfg(feature = "http")]
pub use http_client::HttpClient;
pub use redact::{Secret, redact_url};
pub use redactor::Redactor;
#[cfg(feature = "reqwest")]
pub use reqwest_client::HttpClientBuilder;
pub use retry_after::{parse_retry_after, parse_retry_after_ms};
#[cfg(feature = "http")]
pub use status::StatusText;

// The examples of the README compile.
#[cfg(all(doctest, feature = "reqwest"))]
#[doc = include_str!("../README.md")]
struct Readme;
