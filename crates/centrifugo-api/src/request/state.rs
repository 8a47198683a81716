//! What is asked about channels and nodes, and `rpc`.
use std::sync::Arc;

use serde::Serialize;

use super::sealed::Details;
use super::{Repeat, Request, is_default};
use crate::payload::Content;
use crate::{
    ChannelsResult, EmptyResult, Error, HistoryResult, InfoResult, Payload, Position,
    PresenceResult, PresenceStatsResult, RpcResult,
};

/// `presence`: who is in a channel.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Presence {
    channel: String,
}

/// `presence_stats`: how many are in a channel.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct PresenceStats {
    channel: String,
}

/// `history_remove`: drops what was published to a channel.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct HistoryRemove {
    channel: String,
}

/// `history`: what was published to a channel.
///
/// ```
/// use centrifugo_api::{History, Position};
///
/// let newest = History::new("news").limit(10).reverse();
/// let since = History::new("news").all().since(Position::new(41, "pBKc"));
/// let position_only = History::new("news");
/// ```
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct History {
    channel: String,
    #[serde(skip_serializing_if = "is_default")]
    limit: i32,
    #[serde(skip_serializing_if = "is_default")]
    since: Option<Position>,
    #[serde(skip_serializing_if = "is_default")]
    reverse: bool,
}

/// `channels`: the channels that have subscribers.
#[derive(Clone, Debug, Default, Serialize)]
#[must_use]
pub struct Channels {
    #[serde(skip_serializing_if = "is_default")]
    pattern: String,
}

/// `info`: the nodes of the server.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[must_use]
pub struct Info {}

/// `rpc`: a method of the application's own, behind the server.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Rpc {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Content>,
}

impl Presence {
    /// Who is in this channel.
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into() }
    }
}

impl PresenceStats {
    /// How many are in this channel.
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into() }
    }
}

impl HistoryRemove {
    /// Drops the history of this channel.
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into() }
    }
}

impl History {
    /// The position of the channel's last publication, and no publications: ask for some with
    /// [`limit`](History::limit) or [`all`](History::all).
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into(), limit: 0, since: None, reverse: false }
    }

    /// At most this many publications; `i32::MAX` counts for more.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = i32::try_from(limit).unwrap_or(i32::MAX);
        self
    }

    /// All publications (within the server's own limit).
    pub fn all(mut self) -> Self {
        self.limit = -1;
        self
    }

    /// Those after this position; with [`reverse`](History::reverse) those before it.
    pub fn since(mut self, position: Position) -> Self {
        self.since = Some(position);
        self
    }

    /// The newest first.
    pub fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }
}

impl Channels {
    /// All channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those whose name matches: `chat:*`, say.
    pub fn pattern(mut self, pattern: impl Into<String>) -> Self {
        self.pattern = pattern.into();
        self
    }
}

impl Info {
    /// All nodes.
    pub fn new() -> Self {
        Self {}
    }
}

impl Rpc {
    /// Calls this method.
    pub fn new(method: impl Into<String>) -> Self {
        Self { method: method.into(), params: None }
    }

    /// Its parameters: JSON.
    pub fn params(mut self, params: impl Into<Payload>) -> Self {
        self.params = Some(params.into().json_only());
        self
    }
}

safe!(Presence, PresenceStats, History, Channels, Info);

// What is published meanwhile would be dropped by the second one.
impl Details for HistoryRemove {}

impl Details for Rpc {
    fn mistake(&self) -> Option<&Arc<Error>> {
        self.params.as_ref().and_then(Content::mistake)
    }
}

of_channel!(Presence, PresenceStats, HistoryRemove, History);

requests! {
    Presence: "presence" => PresenceResult,
    PresenceStats: "presence_stats" => PresenceStatsResult,
    History: "history" => HistoryResult,
    HistoryRemove: "history_remove" => EmptyResult,
    Channels: "channels" => ChannelsResult,
    Info: "info" => InfoResult,
    Rpc: "rpc" => RpcResult,
}
