//! Map channels, whose subscribers see the newest value of each key, and shared polls (from Centrifugo
//! 6.8). Source: the definitions of version 6.9.1, and what that server answers.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::sealed::Details;
use super::{Repeat, Request, is_default};
use crate::payload::field as payload;
use crate::{
    EmptyResult, Error, MapChangeResult, MapReadStateResult, MapReadStreamResult, MapStatsResult,
    Payload, Position,
};

/// `map_publish`: the value of a key in a map channel.
///
/// ```
/// use centrifugo_api::{KeyMode, MapPublish};
/// use serde_json::json;
///
/// let request = MapPublish::new("cursors:doc-1", "user-42", json!({"line": 7}))
///     .mode(KeyMode::IfNew)
///     .score(7);
/// assert_eq!(
///     serde_json::to_value(&request)?,
///     json!({
///         "channel": "cursors:doc-1",
///         "key": "user-42",
///         "data": {"line": 7},
///         "score": 7,
///         "key_mode": "if_new",
///     }),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MapPublish {
    channel: String,
    key: String,
    data: Payload,
    stream_data: Option<Payload>,
    tags: BTreeMap<String, String>,
    idempotency_key: Option<String>,
    delta: bool,
    version: u64,
    version_epoch: Option<String>,
    score: i64,
    mode: KeyMode,
}

/// Which keys a [`MapPublish`] may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyMode {
    /// Any key.
    #[default]
    Replace,
    /// Only one that is not there. Otherwise the result is
    /// [suppressed](MapChangeResult::suppressed).
    IfNew,
    /// Only one that is there.
    IfExists,
}

/// `map_remove`: removes a key of a map channel.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct MapRemove {
    channel: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
}

/// `map_read_state`: the keys of a map channel and their newest values.
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

/// `map_read_stream`: the changes of a map channel in their order.
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

/// `map_clear`: removes all keys of a map channel, and begins a new epoch.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct MapClear {
    channel: String,
}

/// `shared_poll_publish`: a new value of a key that subscribers poll together.
#[derive(Clone, Debug)]
#[must_use]
pub struct SharedPollPublish {
    channel: String,
    key: String,
    data: Payload,
    version: u64,
    epoch: String,
}

impl MapPublish {
    /// Sets this key to this data; see [`Payload`] for what data may be.
    pub fn new(
        channel: impl Into<String>,
        key: impl Into<String>,
        data: impl Into<Payload>,
    ) -> Self {
        Self {
            channel: channel.into(),
            key: key.into(),
            data: data.into(),
            stream_data: None,
            tags: BTreeMap::new(),
            idempotency_key: None,
            delta: false,
            version: 0,
            version_epoch: None,
            score: 0,
            mode: KeyMode::Replace,
        }
    }

    /// Sends subscribers other data than the state keeps: what has changed, say.
    pub fn stream_data(mut self, data: impl Into<Payload>) -> Self {
        self.stream_data = Some(data.into());
        self
    }

    /// Adds a tag, in place of one of that name: text that goes with the value.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }

    /// Has the server drop a publication whose key it saw lately, and answer with the first one's
    /// result. It makes a retry harmless, so the client retries. An empty key is none.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into()).filter(|key| !key.is_empty());
        self
    }

    /// Sends subscribers that asked for it only the difference to the value before.
    pub fn delta(mut self) -> Self {
        self.delta = true;
        self
    }

    /// Has the server drop a value whose version is not above the last one's of the key. Zero is none.
    pub fn version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// A version counts only within its epoch.
    pub fn version_epoch(mut self, epoch: impl Into<String>) -> Self {
        self.version_epoch = Some(epoch.into());
        self
    }

    /// The place of the key in the order of the state (default: 0), where the namespace orders it.
    pub fn score(mut self, score: i64) -> Self {
        self.score = score;
        self
    }

    /// Which keys may be set (default: any).
    pub fn mode(mut self, mode: KeyMode) -> Self {
        self.mode = mode;
        self
    }
}

impl MapRemove {
    /// Removes this key. One that is not there is no error: the result is suppressed.
    pub fn new(channel: impl Into<String>, key: impl Into<String>) -> Self {
        Self { channel: channel.into(), key: key.into(), idempotency_key: None }
    }

    /// As [`MapPublish::idempotency_key`].
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into()).filter(|key| !key.is_empty());
        self
    }
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

    /// At most this many keys; `i32::MAX` counts for more.
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

    /// At most this many changes; `i32::MAX` counts for more.
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

impl MapClear {
    /// Removes all keys of this channel.
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into() }
    }
}

impl SharedPollPublish {
    /// A new value of this key; see [`Payload`] for what data may be.
    pub fn new(
        channel: impl Into<String>,
        key: impl Into<String>,
        data: impl Into<Payload>,
    ) -> Self {
        let (channel, key, data) = (channel.into(), key.into(), data.into());
        Self { channel, key, data, version: 0, epoch: String::new() }
    }

    /// The version of the value: a subscriber takes only what is newer than what it has.
    pub fn version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// A version counts only within its epoch.
    pub fn epoch(mut self, epoch: impl Into<String>) -> Self {
        self.epoch = epoch.into();
        self
    }
}

safe!(MapReadState, MapReadStream, MapStats);
of_channel!(MapReadState, MapReadStream, MapStats, MapClear);

requests! {
    MapPublish: "map_publish" => MapChangeResult,
    MapRemove: "map_remove" => MapChangeResult,
    MapReadState: "map_read_state" => MapReadStateResult,
    MapReadStream: "map_read_stream" => MapReadStreamResult,
    MapStats: "map_stats" => MapStatsResult,
    MapClear: "map_clear" => EmptyResult,
    SharedPollPublish: "shared_poll_publish" => EmptyResult,
}

// What is published meanwhile would be dropped by the second one.
impl Details for MapClear {}

impl Details for SharedPollPublish {
    fn mistake(&self) -> Option<&Arc<Error>> {
        self.data.mistake()
    }
}

impl Details for MapPublish {
    fn mistake(&self) -> Option<&Arc<Error>> {
        self.data.mistake().or_else(|| self.stream_data.as_ref().and_then(Payload::mistake))
    }

    fn repeat(&self) -> Repeat {
        by_key(self.idempotency_key.as_ref())
    }

    fn offer_key(&mut self, key: impl FnOnce() -> String) {
        self.idempotency_key.get_or_insert_with(key);
    }
}

impl Details for MapRemove {
    fn repeat(&self) -> Repeat {
        by_key(self.idempotency_key.as_ref())
    }

    fn offer_key(&mut self, key: impl FnOnce() -> String) {
        self.idempotency_key.get_or_insert_with(key);
    }
}

fn by_key(key: Option<&String>) -> Repeat {
    if key.is_some() { Repeat::ByKey } else { Repeat::Never }
}

impl Serialize for MapPublish {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("MapPublish", 11)?;
        fields.serialize_field("channel", &self.channel)?;
        fields.serialize_field("key", &self.key)?;
        payload(&mut fields, ("data", "b64data"), Some(&self.data))?;
        payload(&mut fields, ("stream_data", "b64stream_data"), self.stream_data.as_ref())?;
        if !self.tags.is_empty() {
            fields.serialize_field("tags", &self.tags)?;
        }
        if let Some(key) = &self.idempotency_key {
            fields.serialize_field("idempotency_key", key)?;
        }
        if self.delta {
            fields.serialize_field("delta", &true)?;
        }
        if self.version != 0 {
            fields.serialize_field("version", &self.version)?;
        }
        if let Some(epoch) = &self.version_epoch {
            fields.serialize_field("version_epoch", epoch)?;
        }
        if self.score != 0 {
            fields.serialize_field("score", &self.score)?;
        }
        match self.mode {
            KeyMode::Replace => {}
            KeyMode::IfNew => fields.serialize_field("key_mode", "if_new")?,
            KeyMode::IfExists => fields.serialize_field("key_mode", "if_exists")?,
        }
        fields.end()
    }
}

impl Serialize for SharedPollPublish {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("SharedPollPublish", 5)?;
        fields.serialize_field("channel", &self.channel)?;
        fields.serialize_field("key", &self.key)?;
        payload(&mut fields, ("data", "b64data"), Some(&self.data))?;
        if self.version != 0 {
            fields.serialize_field("version", &self.version)?;
        }
        if !self.epoch.is_empty() {
            fields.serialize_field("epoch", &self.epoch)?;
        }
        fields.end()
    }
}
