//! What answers tell.
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::wire::Object;

/// One connection of a client: in presence, and with messages that a client published.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientInfo {
    /// The user's id; empty for an anonymous one.
    #[serde(default, deserialize_with = "or_default")]
    pub user: String,
    /// The connection's id.
    #[serde(default, deserialize_with = "or_default")]
    pub client: String,
    /// What the client's token says about the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_info: Option<Box<RawValue>>,
    /// What the sign of a private channel says about the subscriber.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_info: Option<Box<RawValue>>,
}

/// A message that was published to a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// The message's id.
    #[serde(default, deserialize_with = "or_default")]
    pub uid: String,
    /// When it was published; 1.8 does not say.
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Who published it, if a client did.
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub info: Option<ClientInfo>,
    /// The channel.
    #[serde(default, deserialize_with = "or_default")]
    pub channel: String,
    /// What was published.
    #[serde(default = "null")]
    pub data: Box<RawValue>,
    /// The id of the connection that started it, where the publisher said one.
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// The server's nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// What each node says about itself.
    #[serde(default, deserialize_with = "objects")]
    pub nodes: Vec<NodeInfo>,
    /// How often the metrics are taken anew, in seconds.
    #[serde(default, deserialize_with = "or_default")]
    pub metrics_interval: i64,
}

/// A node of the server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeInfo {
    /// The node's id, new with each start.
    #[serde(default, deserialize_with = "or_default")]
    pub uid: String,
    /// The node's name, from its configuration or made up.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// The version of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When the node started, in Unix seconds.
    #[serde(default, rename = "started_at", deserialize_with = "or_default")]
    pub started: i64,
    /// Its metrics by name. A fraction is cut off; what is no number is left out.
    #[serde(default, deserialize_with = "metrics")]
    pub metrics: BTreeMap<String, i64>,
}

/// The metrics that are numbers.
fn metrics<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, i64>, D::Error> {
    let all: BTreeMap<String, Value> = or_default(from)?;
    // `as` keeps a float within the bounds of the integer.
    let number = |value: Value| value.as_i64().or_else(|| value.as_f64().map(|f| f as i64));
    Ok(all.into_iter().filter_map(|(name, value)| Some((name, number(value)?))).collect())
}

fn object<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(from)?.map(|Object(it)| it))
}

fn objects<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let all: Vec<Object<T>> = or_default(from)?;
    Ok(all.into_iter().map(|Object(it)| it).collect())
}

/// Go's readers take null for "nothing was said".
pub(super) fn or_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Go's servers mean the same by null and by "".
pub(super) fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let words: String = or_default(from)?;
    Ok(Some(words).filter(|words| !words.is_empty()))
}

pub(super) fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}
