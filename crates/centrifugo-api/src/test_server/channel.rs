//! A channel: its history, and what it keeps of what was published.
use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::state::Failure;
use crate::{ErrorCode, Position};

/// What a channel has.
#[derive(Clone, Copy, Debug)]
pub struct ChannelOptions {
    pub(super) history: usize,
    pub(super) presence: bool,
}

impl ChannelOptions {
    /// A history of 100 publications, and presence.
    pub fn new() -> Self {
        Self { history: 100, presence: true }
    }

    /// Neither.
    pub fn none() -> Self {
        Self { history: 0, presence: false }
    }

    /// How many publications its history holds; with 0 it has none.
    #[must_use]
    pub fn history(mut self, size: usize) -> Self {
        self.history = size;
        self
    }

    /// Whether it has presence.
    #[must_use]
    pub fn presence(mut self, presence: bool) -> Self {
        self.presence = presence;
        self
    }
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What is published, but for the channel.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Content {
    #[serde(default, deserialize_with = "present")]
    pub(super) data: Option<Value>,
    #[serde(default)]
    b64data: String,
    #[serde(default)]
    skip_history: bool,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    idempotency_key: String,
}

/// Null is data; only what is not there is none.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The data of a publication.
pub(super) struct Data {
    value: Value,
    /// Whether it can be a part of a JSON response.
    is_json: bool,
}

impl Content {
    /// The data, from whichever field has it.
    pub(super) fn data(&self) -> Result<Data, ErrorCode> {
        if self.b64data.is_empty() {
            let value = self.data.clone().ok_or(ErrorCode::BadRequest)?;
            return Ok(Data { value, is_json: true });
        }
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            self.b64data.as_bytes(),
        );
        let bytes = bytes.map_err(|_| ErrorCode::BadRequest)?;
        Ok(match serde_json::from_slice(&bytes) {
            Ok(value) => Data { value, is_json: true },
            Err(_) => {
                let value = String::from_utf8_lossy(&bytes).into_owned().into();
                Data { value, is_json: false }
            }
        })
    }
}

#[derive(Debug)]
pub(super) struct Channel {
    epoch: String,
    offset: u64,
    held: VecDeque<Held>,
    pub(super) published: Vec<Value>,
    /// Results of publications that brought a key.
    once: HashMap<String, Value>,
}

/// A publication in a history.
#[derive(Debug)]
struct Held {
    publication: Value,
    is_json: bool,
}

impl Channel {
    pub(super) fn new() -> Self {
        let epoch = uuid::Uuid::new_v4().simple().to_string();
        Self {
            epoch: epoch[..4].to_owned(),
            offset: 0,
            held: VecDeque::new(),
            published: Vec::new(),
            once: HashMap::new(),
        }
    }

    pub(super) fn publish(
        &mut self,
        content: &Content,
        options: ChannelOptions,
    ) -> Result<Value, ErrorCode> {
        let data = content.data()?;
        if let Some(result) = self.once.get(&content.idempotency_key) {
            return Ok(result.clone());
        }
        self.published.push(data.value.clone());
        let mut result = json!({});
        if options.history > 0 && !content.skip_history {
            self.offset += 1;
            let mut publication = json!({"data": data.value, "offset": self.offset});
            if !content.tags.is_empty() {
                publication["tags"] = json!(content.tags);
            }
            self.held.push_back(Held { publication, is_json: data.is_json });
            while self.held.len() > options.history {
                self.held.pop_front();
            }
            result = json!({"offset": self.offset, "epoch": self.epoch});
        }
        if !content.idempotency_key.is_empty() {
            self.once.insert(content.idempotency_key.clone(), result.clone());
        }
        Ok(result)
    }

    pub(super) fn history(
        &self,
        limit: i64,
        since: Option<Position>,
        reverse: bool,
    ) -> Result<Value, Failure> {
        if let Some(since) = &since
            && !since.epoch.is_empty()
            && since.epoch != self.epoch
        {
            return Err(ErrorCode::UnrecoverablePosition.into());
        }
        if reverse && since.as_ref().is_some_and(|since| since.offset == 0) {
            return Err(ErrorCode::Internal.into());
        }
        let asked = |held: &&Held| {
            let offset = held.publication["offset"].as_u64().unwrap_or_default();
            since.as_ref().is_none_or(|since| match reverse {
                true => offset < since.offset,
                false => offset > since.offset,
            })
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page: Vec<&Held> = match reverse {
            true => self.held.iter().rev().filter(asked).take(limit).collect(),
            false => self.held.iter().filter(asked).take(limit).collect(),
        };
        if page.iter().any(|held| !held.is_json) {
            return Err(Failure::NoResponse);
        }
        let publications: Vec<_> = page.iter().map(|held| &held.publication).collect();
        let mut result = Map::new();
        result.insert("publications".into(), json!(publications));
        result.insert("epoch".into(), self.epoch.as_str().into());
        result.insert("offset".into(), self.offset.into());
        Ok(result.into())
    }

    /// What is held is dropped; the position stays.
    pub(super) fn remove_history(&mut self) {
        self.held.clear();
    }
}
