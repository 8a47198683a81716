//! The legacy server API, of Centrifugo v1.
//!
//! A [`Client`] sends commands to `{endpoint}/api/`, each request signed with the project's secret.
//! Its methods send one command each; the buffer ([`Client::add_publish`] and so on, then
//! [`Client::send`]) sends many in one request. There are no retries: no command of this API can be
//! told from its repetition, so that a repeated publication would be a second one.
//!
//! The names are those of the Go client `gocent` v1 in Rust's spelling; its `Result`, the answers to
//! a request, is [`Responses`] here. Where `gocent` takes JSON as bytes, this client takes any
//! [`Payload`](crate::Payload): a value, or JSON that is written already
//! ([`Payload::raw_bytes`](crate::Payload::raw_bytes)).
//!
//! ```no_run
//! # async fn run() -> Result<(), centrifugo_api::Error> {
//! use std::time::Duration;
//! use centrifugo_api::{Payload, legacy};
//! use serde_json::json;
//!
//! let secret = std::env::var("CENTRIFUGO_SECRET").unwrap_or_default();
//! let mut client = legacy::Client::new("http://localhost:8000", secret, Duration::from_secs(5))?;
//!
//! client.publish("$public:chat", json!({"input": "test"})).await?;
//! for (id, info) in client.presence("$public:chat").await? {
//!     println!("{id} is user {}", info.user);
//! }
//! for message in client.history("$public:chat").await? {
//!     println!("{}", message.data);
//! }
//!
//! client.add_publish("$public:chat", Payload::raw(r#"{"input":"test1"}"#))?;
//! client.add_history("$public:chat")?;
//! let responses = client.send().await?;
//! responses[0].ok()?;
//! let messages = legacy::decode_history(responses[1].ok()?)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What an error says about a batch
//! An error of one command is in its [`Response`], and the other commands ran. An error of the whole
//! request ([`Client::send`] fails) is no promise that nothing ran: the server carries commands out
//! one by one, and one that it does not know, or cannot read, fails the whole request with status
//! 400 **after the earlier ones ran**. To a server of 1.4.0 or later this client sends no such
//! command: where the server would be so strict, `add_…` refuses. An older one does not know `node`,
//! and before 1.2.0 `broadcast` neither: send none of them in a batch there.

mod batch;
mod buffer;
mod builder;
mod call;
mod client;
mod command;
mod decode;
mod encode;
mod response;
mod sign;
mod types;

use serde::Serialize;

pub use builder::ClientBuilder;
pub use client::Client;
pub use command::Command;
pub use decode::{
    decode_broadcast, decode_channels, decode_disconnect, decode_history, decode_node,
    decode_presence, decode_publish, decode_stats, decode_unsubscribe,
};
pub use response::{Response, Responses};
pub use sign::{generate_api_sign, generate_channel_sign, generate_client_token};
pub use types::{ClientInfo, Message, NodeInfo, Stats};

/// What a legacy server advises to do about an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
#[non_exhaustive]
pub enum Advice {
    /// `fix`: the command is wrong, sending it again is of no use.
    Fix,
    /// `retry`: sending it again later may succeed.
    Retry,
    /// Anything else the server says.
    Other(String),
}

impl From<Advice> for String {
    fn from(advice: Advice) -> Self {
        match advice {
            Advice::Fix => "fix".into(),
            Advice::Retry => "retry".into(),
            Advice::Other(word) => word,
        }
    }
}

impl From<String> for Advice {
    fn from(word: String) -> Self {
        match word.as_str() {
            "fix" => Self::Fix,
            "retry" => Self::Retry,
            _ => Self::Other(word),
        }
    }
}
