//! The data and options that all publishing requests share.
use std::collections::BTreeMap;

use serde::ser::SerializeStruct;

use super::Repeat;
use crate::Payload;
use crate::payload::field as payload;

/// The data of a publication, and its options.
#[derive(Clone, Debug)]
pub(super) struct Publication {
    pub(super) data: Payload,
    pub(super) skip_history: bool,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) delta: bool,
    pub(super) version: u64,
    pub(super) version_epoch: Option<String>,
}

impl Publication {
    pub(super) fn new(data: Payload) -> Self {
        Self {
            data,
            skip_history: false,
            tags: BTreeMap::new(),
            idempotency_key: None,
            delta: false,
            version: 0,
            version_epoch: None,
        }
    }

    pub(super) fn repeat(&self) -> Repeat {
        Repeat::by_key(self.idempotency_key.as_ref())
    }

    /// Writes the fields beside the channel; zero values need not be sent.
    pub(super) fn fields<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        payload(fields, ("data", "b64data"), Some(&self.data))?;
        if self.skip_history {
            fields.serialize_field("skip_history", &true)?;
        }
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
        Ok(())
    }
}
