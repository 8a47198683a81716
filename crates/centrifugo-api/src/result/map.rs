//! The results of the methods on map channels.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{is_zero, nullable};

/// The result of `map_publish` and `map_remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MapChangeResult {
    /// The number of the channel's last change.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// The epoch of the channel.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// Whether nothing was changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suppressed: bool,
    /// Why nothing was changed: `key_exists`, say.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub suppress_reason: String,
}

/// A key of a map channel and its value, or a change of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MapEntry {
    /// The key.
    #[serde(default)]
    pub key: String,
    /// The value, as the text that came; `None` where the key was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// Its tags.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The number of the change.
    #[serde(default)]
    pub offset: u64,
    /// Its place in the order of the state.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub score: i64,
    /// Whether the key was removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// When it was changed, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub time: i64,
}

/// The result of `map_read_state`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MapReadStateResult {
    /// The keys and their values.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<MapEntry>,
    /// The number of the channel's last change.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// The epoch of the channel.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// Where the next page begins; empty on the last one.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub cursor: String,
}

/// The result of `map_read_stream`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MapReadStreamResult {
    /// The changes.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<MapEntry>,
    /// The number of the channel's last change.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// The epoch of the channel.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub epoch: String,
}

/// The result of `map_stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MapStatsResult {
    /// The number of keys.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub num_keys: u64,
}
