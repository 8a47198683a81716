//! Changing map channels, whose subscribers see the newest value of each key, and shared polls (from
//! Centrifugo 6.8). Source: the definitions of version 6.9.1, and what that server answers.
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::publication::Publication;
use super::sealed::Details;
use super::{Repeat, Request};
use crate::payload::field as payload;
use crate::{EmptyResult, Error, MapChangeResult, Payload};

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
    publication: Publication,
    stream_data: Option<Payload>,
    score: i64,
    mode: KeyMode,
}

publication_options!(MapPublish);

/// Which keys a [`MapPublish`] may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyMode {
    /// Any key.
    #[default]
    Replace,
    /// Only a key that does not exist yet. Otherwise the result is
    /// [suppressed](MapChangeResult::suppressed).
    IfNew,
    /// Only a key that exists.
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
            publication: Publication::new(data.into()),
            stream_data: None,
            score: 0,
            mode: KeyMode::Replace,
        }
    }

    /// Sends subscribers other data than the state keeps: what has changed, say.
    pub fn stream_data(mut self, data: impl Into<Payload>) -> Self {
        self.stream_data = Some(data.into());
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

of_channel!(MapClear);

requests! {
    MapPublish: "map_publish" => MapChangeResult,
    MapRemove: "map_remove" => MapChangeResult,
    MapClear: "map_clear" => EmptyResult,
    SharedPollPublish: "shared_poll_publish" => EmptyResult,
}

// Not repeatable: a second call would remove what was published in between.
impl Details for MapClear {}

impl Details for SharedPollPublish {
    fn mistake(&self) -> Option<&Arc<Error>> {
        self.data.mistake()
    }
}

impl Details for MapPublish {
    fn mistake(&self) -> Option<&Arc<Error>> {
        let stream_data = || self.stream_data.as_ref().and_then(Payload::mistake);
        self.publication.data.mistake().or_else(stream_data)
    }

    fn repeat(&self) -> Repeat {
        self.publication.repeat()
    }

    fn offer_key(&mut self, key: impl FnOnce() -> String) {
        self.publication.idempotency_key.get_or_insert_with(key);
    }
}

impl Details for MapRemove {
    fn repeat(&self) -> Repeat {
        Repeat::by_key(self.idempotency_key.as_ref())
    }

    fn offer_key(&mut self, key: impl FnOnce() -> String) {
        self.idempotency_key.get_or_insert_with(key);
    }
}

impl Serialize for MapPublish {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("MapPublish", 11)?;
        fields.serialize_field("channel", &self.channel)?;
        fields.serialize_field("key", &self.key)?;
        self.publication.fields(&mut fields)?;
        payload(&mut fields, ("stream_data", "b64stream_data"), self.stream_data.as_ref())?;
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
