//! Reading map channels (from Centrifugo 6.8).
use serde::Serialize;

use super::sealed::Details;
use super::{Repeat, Request, is_default};
use crate::{MapReadStateResult, MapReadStreamResult, MapStatsResult, Position};

/// `map_read_state`: the keys of a map channel and their newest values; only the position unless a
/// [`limit`](Self::limit) or a [`key`](Self::key) is set.
///
/// ```
/// use centrifugo_api::MapReadState;
///
/// let first = MapReadState::new("cursors:doc-1").limit(100);
/// let only = MapReadState::new("cursors:doc-1").key("user-42");
/// ```
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct MapReadState {
    channel: String,
    #[serde(skip_serializing_if = "is_default")]
    cursor: String,
    #[serde(skip_serializing_if = "is_default")]
    limit: i32,
    #[serde(skip_serializing_if = "is_default")]
    key: String,
    #[serde(skip_serializing_if = "is_default")]
    asc: bool,
    #[serde(skip_serializing_if = "is_default")]
    revision_offset: u64,
    #[serde(skip_serializing_if = "is_default")]
    revision_epoch: String,
}

/// `map_read_stream`: the changes of a map channel in their order; only the position unless a
/// [`limit`](Self::limit) is set.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct MapReadStream {
    channel: String,
    #[serde(skip_serializing_if = "is_default")]
    since_offset: u64,
    #[serde(skip_serializing_if = "is_default")]
    since_epoch: String,
    #[serde(skip_serializing_if = "is_default")]
    limit: i32,
    #[serde(skip_serializing_if = "is_default")]
    reverse: bool,
}

/// `map_stats`: the number of keys of a map channel.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct MapStats {
    channel: String,
}

impl MapReadState {
    /// The position of the channel alone; ask for keys with [`limit`](Self::limit) or
    /// [`key`](Self::key).
    pub fn new(channel: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            cursor: String::new(),
            limit: 0,
            key: String::new(),
            asc: false,
            revision_offset: 0,
            revision_epoch: String::new(),
        }
    }

    /// At most this many keys; larger values are sent as `i32::MAX`.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = i32::try_from(limit).unwrap_or(i32::MAX);
        self
    }

    /// Continues after a page that had this [cursor](MapReadStateResult::cursor).
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = cursor.into();
        self
    }

    /// Only this key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// In ascending order of scores, where the namespace orders the state.
    pub fn ascending(mut self) -> Self {
        self.asc = true;
        self
    }

    /// Only if the channel is at this position still: pages of one state.
    pub fn at(mut self, position: Position) -> Self {
        (self.revision_offset, self.revision_epoch) = (position.offset, position.epoch);
        self
    }
}

impl MapReadStream {
    /// The position of the channel alone; ask for changes with [`limit`](Self::limit).
    pub fn new(channel: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            since_offset: 0,
            since_epoch: String::new(),
            limit: 0,
            reverse: false,
        }
    }

    /// Only changes after this position.
    pub fn since(mut self, position: Position) -> Self {
        (self.since_offset, self.since_epoch) = (position.offset, position.epoch);
        self
    }

    /// At most this many changes; larger values are sent as `i32::MAX`.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = i32::try_from(limit).unwrap_or(i32::MAX);
        self
    }

    /// Newest first.
    pub fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }
}

impl MapStats {
    /// The number of keys of this channel.
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into() }
    }
}

safe!(MapReadState, MapReadStream, MapStats);
of_channel!(MapReadState, MapReadStream, MapStats);

requests! {
    MapReadState: "map_read_state" => MapReadStateResult,
    MapReadStream: "map_read_stream" => MapReadStreamResult,
    MapStats: "map_stats" => MapStatsResult,
}
