//! Centrifugo's server API: today's (v3 to v6), the legacy one (v1), and tokens.
//!
//! [`Client`] has a method for each of the server's; [`Client::call`] has all others by name. A
//! [`Batch`] sends several commands in one request and gives typed results, [`Client::auto_batch`]
//! joins the calls of many tasks into batches. [`legacy::Client`] talks to Centrifugo 1.
//!
//! ```no_run
//! # async fn run(key: String) -> Result<(), centrifugo_api::Error> {
//! use centrifugo_api::{Batch, Client, ErrorCode, History, Presence, Publish};
//! use serde_json::json;
//!
//! let client = Client::new("http://localhost:8000/api", key)?;
//! client.publish(Publish::new("news", json!({"text": "hello"}))).await?;
//!
//! match client.history(History::new("news").limit(10).reverse()).await {
//!     Ok(history) => {
//!         for publication in history.publications {
//!             println!("{}: {}", publication.offset, publication.data);
//!         }
//!     }
//!     Err(error) if error.code() == Some(ErrorCode::NotAvailable) => println!("no history"),
//!     Err(error) => return Err(error),
//! }
//!
//! let mut batch = Batch::new();
//! let hello = batch.add(Publish::new("news", "hello"));
//! let who = batch.add(Presence::new("news"));
//! let mut replies = client.batch(batch).await?;
//! replies.take(hello)?;
//! println!("{} are there", replies.take(who)?.presence.len());
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//! | for | see |
//! |---|---|
//! | what data may be: any `Serialize`, raw JSON, bytes | [`Payload`] |
//! | keys, deadlines, the line form of Centrifugo 3, errors with an HTTP status | [`ClientBuilder`], [`Form`] |
//! | what is tried again, and what is not | [`RetryPolicy`], [`Publish::idempotency_key`] |
//! | what to match on | [`Error`], [`ErrorCode`] |
//! | what lets browsers connect and subscribe | [`token`] |
//! | the API of Centrifugo 1 | [`legacy`] |
//! | a fake server for tests | `test_server`, a feature |
//!
//! # Features
//! - `reqwest` (default): the ready-made HTTP client. Without it, pass an [`HttpClient`] made from any
//!   tower service.
//! - `jwt`: tokens signed otherwise than with HS256: the other HS, RS, ES, EdDSA.
//! - `test-server`: the module `test_server`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempts;
mod auto_batch;
mod batch;
mod builder;
mod client;
mod code;
mod endpoint;
mod error;
mod exchange;
mod idempotency;
pub mod legacy;
mod payload;
mod replies;
mod request;
mod result;
mod retry_policy;
#[cfg(feature = "test-server")]
pub mod test_server;
pub mod token;
mod uris;
mod wire;

pub use auto_batch::{AutoBatch, AutoBatchOptions};
pub use batch::{Batch, Ticket};
pub use builder::{ClientBuilder, Form, KeyHeader};
pub use client::Client;
pub use code::ErrorCode;
pub use error::Error;
pub use payload::Payload;
pub use replies::Replies;
pub use request::{
    Broadcast, Channels, Disconnect, History, HistoryRemove, Info, KeyMode, MapClear, MapPublish,
    MapReadState, MapReadStream, MapRemove, MapStats, Override, Presence, PresenceStats, Publish,
    Refresh, Request, Rpc, SharedPollPublish, Subscribe, Unsubscribe,
};
pub use result::{
    BroadcastResult, ChannelInfo, ChannelsResult, ClientInfo, EmptyResult, HistoryResult,
    InfoResult, MapChangeResult, MapEntry, MapReadStateResult, MapReadStreamResult, MapStatsResult,
    Metrics, NodeInfo, Position, PresenceResult, PresenceStatsResult, Process, Publication,
    PublishResult, RpcResult,
};
pub use retry_policy::RetryPolicy;

#[doc(no_inline)]
pub use http::StatusCode;
#[doc(no_inline)]
pub use rt_common::{HttpClient, HttpError, Secret};
#[doc(no_inline)]
pub use serde_json::value::RawValue;

// The examples of the README compile.
#[cfg(all(doctest, feature = "reqwest", feature = "jwt", feature = "test-server"))]
#[doc = include_str!("../README.md")]
struct Readme;
