//! The results of the methods, one type per method. Servers leave out most of what is zero, empty or
//! null. Serialized, a result is the JSON of the server again.
mod map;

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{Error, ErrorCode, wire};

pub use map::{MapChangeResult, MapEntry, MapReadStateResult, MapReadStreamResult, MapStatsResult};

/// A place in a channel's history: everything up to and with it has been seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The number of the publication within its epoch.
    #[serde(default)]
    pub offset: u64,
    /// One life of the history: another one when it was lost or removed.
    #[serde(default, deserialize_with = "nullable")]
    pub epoch: String,
}

impl Position {
    /// A position, as a result gave it before.
    pub fn new(offset: u64, epoch: impl Into<String>) -> Self {
        Self { offset, epoch: epoch.into() }
    }
}

/// The answer to a request that has nothing to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EmptyResult {}

/// What `publish` answers: where the publication is in the channel's history, if it is in one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PublishResult {
    /// The publication's number; `None` without history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The epoch of the history; `None` without history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
}

impl PublishResult {
    /// Both of it, to ask for history since then.
    pub fn position(&self) -> Option<Position> {
        Some(Position::new(self.offset?, self.epoch.as_deref()?))
    }
}

/// What `broadcast` answers: a result a channel.
#[derive(Debug, Default, Serialize, Deserialize)]
#[must_use = "some of the channels may have failed"]
#[non_exhaustive]
pub struct BroadcastResult {
    /// In the order of the request's channels.
    #[serde(default, deserialize_with = "responses", serialize_with = "write_responses")]
    pub responses: Vec<Result<PublishResult, Error>>,
}

impl BroadcastResult {
    /// The channels that failed: which of the request, and why.
    pub fn failed(&self) -> impl Iterator<Item = (usize, &Error)> {
        let all = self.responses.iter().enumerate();
        all.filter_map(|(at, response)| Some((at, response.as_ref().err()?)))
    }
}

/// What `presence` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PresenceResult {
    /// The connections in the channel, by client id.
    #[serde(default, deserialize_with = "nullable")]
    pub presence: BTreeMap<String, ClientInfo>,
}

/// A connection in a channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientInfo {
    /// The user's id; empty for an anonymous one.
    #[serde(default)]
    pub user: String,
    /// The client id: the connection's.
    #[serde(default)]
    pub client: String,
    /// Information about the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conn_info: Option<Box<RawValue>>,
    /// Information about the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chan_info: Option<Box<RawValue>>,
}

/// What `presence_stats` answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PresenceStatsResult {
    /// Connections in the channel.
    #[serde(default)]
    pub num_clients: u64,
    /// Different users in the channel.
    #[serde(default)]
    pub num_users: u64,
}

/// What `history` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryResult {
    /// What was asked for, oldest first unless in reverse.
    #[serde(default, deserialize_with = "nullable")]
    pub publications: Vec<Publication>,
    /// The epoch of the history.
    #[serde(default, deserialize_with = "nullable")]
    pub epoch: String,
    /// The number of the channel's last publication; 0 before the first.
    #[serde(default)]
    pub offset: u64,
}

impl HistoryResult {
    /// Where the channel is.
    pub fn position(&self) -> Position {
        Position::new(self.offset, self.epoch.as_str())
    }
}

/// A publication of a channel's history.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Publication {
    /// What was published, as the text that came.
    #[serde(default)]
    pub data: Box<RawValue>,
    /// Who published it, if a client did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<ClientInfo>,
    /// Its number.
    #[serde(default)]
    pub offset: u64,
    /// Its tags.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Publication {
    /// The data as a type.
    ///
    /// # Errors
    /// When it is not of that type, with [`Error::is_data`].
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_str(self.data.get()).map_err(Error::data)
    }
}

/// What `channels` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChannelsResult {
    /// The channels that have subscribers, by name.
    #[serde(default, deserialize_with = "nullable")]
    pub channels: BTreeMap<String, ChannelInfo>,
}

/// A channel that has subscribers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChannelInfo {
    /// Connections in the channel.
    #[serde(default)]
    pub num_clients: u64,
}

/// What `info` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InfoResult {
    /// The nodes of the server.
    #[serde(default, deserialize_with = "nullable")]
    pub nodes: Vec<NodeInfo>,
}

/// A node of the server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its id, new with each start.
    #[serde(default)]
    pub uid: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The server's version.
    #[serde(default)]
    pub version: String,
    /// Connections.
    #[serde(default)]
    pub num_clients: u64,
    /// Different users.
    #[serde(default)]
    pub num_users: u64,
    /// Subscriptions.
    #[serde(default)]
    pub num_subs: u64,
    /// Channels that have subscribers.
    #[serde(default)]
    pub num_channels: u64,
    /// Seconds since it was started.
    #[serde(default)]
    pub uptime: u64,
    /// Its metrics, if it aggregates them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// Its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// Metrics of a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Over how many seconds they are aggregated.
    #[serde(default)]
    pub interval: f64,
    /// The values, by name.
    #[serde(default, deserialize_with = "nullable")]
    pub items: BTreeMap<String, f64>,
}

/// The process of a node.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Process {
    /// Processor time, in percent of one core.
    #[serde(default)]
    pub cpu: f64,
    /// Resident memory, in bytes.
    #[serde(default)]
    pub rss: i64,
}

/// What `rpc` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RpcResult {
    /// What the application answered, as the text that came.
    #[serde(default)]
    pub data: Box<RawValue>,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Null counts as empty: some encoders write it for an empty list.
fn nullable<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn responses<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Result<PublishResult, Error>>, D::Error> {
    let responses: Vec<wire::Envelope<PublishResult>> = nullable(deserializer)?;
    let response = |response: wire::Envelope<PublishResult>| {
        response.into_result("broadcast").ok_or_else(|| D::Error::custom(wire::NEITHER))
    };
    responses.into_iter().map(response).collect()
}

fn write_responses<S: Serializer>(
    responses: &[Result<PublishResult, Error>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Response<'a> {
        Result(&'a PublishResult),
        Error { code: u32, message: &'a str },
    }
    serializer.collect_seq(responses.iter().map(|response| match response {
        Ok(result) => Response::Result(result),
        Err(error) => {
            let code = error.code().unwrap_or(ErrorCode::Internal).number();
            Response::Error { code, message: error.message().unwrap_or_default() }
        }
    }))
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;

    fn assert_same<T: Serialize + DeserializeOwned>(json: &str) {
        let result: T = serde_json::from_str(json).unwrap();
        let written = serde_json::to_value(&result).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(json).unwrap());
    }

    /// Results that Centrifugo 5.4.9 gave.
    #[test]
    fn a_result_is_written_as_the_server_writes_it() {
        assert_same::<EmptyResult>("{}");
        assert_same::<PublishResult>(r#"{"offset":1,"epoch":"pBKc"}"#);
        assert_same::<PublishResult>("{}");
        assert_same::<BroadcastResult>(
            r#"{"responses":[{"result":{"offset":7,"epoch":"pBKc"}},{"result":{}},{"error":{"code":102,"message":"unknown channel"}}]}"#,
        );
        assert_same::<PresenceResult>(
            r#"{"presence":{"177b":{"user":"42","client":"177b","conn_info":{"name":"Alex"}}}}"#,
        );
        assert_same::<PresenceResult>(r#"{"presence":{}}"#);
        assert_same::<PresenceStatsResult>(r#"{"num_clients":2,"num_users":1}"#);
        assert_same::<HistoryResult>(r#"{"publications":[],"epoch":"pBKc","offset":7}"#);
        assert_same::<HistoryResult>(
            r#"{"publications":[{"data":{"input":"test"},"offset":1},{"data":null,"offset":2,"tags":{"k":"v"}}],"epoch":"pBKc","offset":7}"#,
        );
        assert_same::<ChannelsResult>(r#"{"channels":{"public:chat":{"num_clients":2}}}"#);
        assert_same::<InfoResult>(
            r#"{"nodes":[{"uid":"8f8f","name":"vm","version":"0.0.0","num_clients":2,"num_users":1,"num_channels":1,"uptime":75,"metrics":{"interval":60.0,"items":{"a":0.5}},"num_subs":2}]}"#,
        );
        assert_same::<MapChangeResult>(
            r#"{"offset":2,"epoch":"vVpC","suppressed":true,"suppress_reason":"key_exists"}"#,
        );
        assert_same::<MapReadStateResult>(
            r#"{"entries":[{"key":"k1","data":{"x":1},"tags":{"t":"v"},"offset":1,"time":1795890832928}],"offset":2,"epoch":"vVpC","cursor":"k1"}"#,
        );
        assert_same::<MapReadStreamResult>(
            r#"{"entries":[{"key":"k2","data":2,"offset":2,"time":17958908},{"key":"k1","tags":{"t":"v"},"offset":3,"removed":true,"time":17958909}],"offset":3,"epoch":"vVpC"}"#,
        );
        assert_same::<MapStatsResult>(r#"{"num_keys":2}"#);
        assert_same::<MapStatsResult>("{}");
        assert_same::<RpcResult>(r#"{"data":{"year":2026}}"#);
        assert_same::<Position>(r#"{"offset":1,"epoch":"pBKc"}"#);
    }
}
