//! Centrifugo's server API: today's (v3 to v6), the legacy one (v1), and tokens.
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
    Broadcast, Channels, Disconnect, History, HistoryRemove, Info, Override, Presence,
    PresenceStats, Publish, Refresh, Request, Rpc, Subscribe, Unsubscribe,
};
pub use result::{
    BroadcastResult, ChannelInfo, ChannelsResult, ClientInfo, EmptyResult, HistoryResult,
    InfoResult, Metrics, NodeInfo, Position, PresenceResult, PresenceStatsResult, Process,
    Publication, PublishResult, RpcResult,
};
pub use retry_policy::RetryPolicy;

#[doc(no_inline)]
pub use http::StatusCode;
#[doc(no_inline)]
pub use rt_common::{HttpClient, HttpError, Secret};
#[doc(no_inline)]
pub use serde_json::value::RawValue;
