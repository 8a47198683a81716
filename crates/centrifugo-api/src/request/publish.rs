//! Publishing: to one channel, to many.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::sealed::Details;
use super::{Repeat, Request};
use crate::payload::field as payload;
use crate::{BroadcastResult, Error, Payload, PublishResult};

/// `publish`: data into a channel.
///
/// ```
/// use centrifugo_api::Publish;
/// use serde_json::json;
///
/// let request = Publish::new("chat:1", json!({"text": "hello"}))
///     .tag("origin", "mail")
///     .idempotency_key("mail-4711");
/// assert_eq!(
///     serde_json::to_value(&request)?,
///     json!({
///         "channel": "chat:1",
///         "data": {"text": "hello"},
///         "tags": {"origin": "mail"},
///         "idempotency_key": "mail-4711",
///     }),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Publish {
    channel: String,
    publication: Publication,
}

/// `broadcast`: the same data into many channels, each with a result of its own.
///
/// ```
/// use centrifugo_api::Broadcast;
///
/// let request = Broadcast::new(["chat:1", "chat:2"], "maintenance at noon").skip_history();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Broadcast {
    channels: Vec<String>,
    publication: Publication,
}

/// What both have.
#[derive(Clone, Debug)]
struct Publication {
    data: Payload,
    skip_history: bool,
    tags: BTreeMap<String, String>,
    idempotency_key: Option<String>,
    delta: bool,
    version: u64,
    version_epoch: Option<String>,
}

impl Publish {
    /// Data into a channel; see [`Payload`] for what data may be.
    pub fn new(channel: impl Into<String>, data: impl Into<Payload>) -> Self {
        Self { channel: channel.into(), publication: Publication::new(data.into()) }
    }

    fn expected_responses(&self) -> Option<usize> {
        None
    }
}

impl Broadcast {
    /// Data into these channels; see [`Payload`] for what data may be.
    pub fn new<C: Into<String>>(
        channels: impl IntoIterator<Item = C>,
        data: impl Into<Payload>,
    ) -> Self {
        let channels = channels.into_iter().map(Into::into).collect();
        Self { channels, publication: Publication::new(data.into()) }
    }

    fn expected_responses(&self) -> Option<usize> {
        Some(self.channels.len())
    }
}

/// The options of both; a macro, because a trait would have to be imported to be seen.
macro_rules! options {
    ($request:ident) => {
        impl $request {
            /// Leaves the publication out of the channel's history.
            pub fn skip_history(mut self) -> Self {
                self.publication.skip_history = true;
                self
            }

            /// Adds a tag, in place of one of that name: text that goes with the publication.
            pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.publication.tags.insert(name.into(), value.into());
                self
            }

            /// Has the server drop a publication whose key it saw in the last five minutes, and
            /// answer with the first one's result (from Centrifugo 5.2, with its memory or Redis
            /// engine). It makes a retry harmless, so the client retries. An empty key is none.
            pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
                self.publication.idempotency_key = Some(key.into()).filter(|key| !key.is_empty());
                self
            }

            /// Sends subscribers that asked for it only the difference to the publication before
            /// (from Centrifugo 5.4).
            pub fn delta(mut self) -> Self {
                self.publication.delta = true;
                self
            }

            /// Has the server drop a publication whose version is not above the last one's in the
            /// channel (from Centrifugo 6.2). Zero is none.
            pub fn version(mut self, version: u64) -> Self {
                self.publication.version = version;
                self
            }

            /// A version counts only within its epoch (from Centrifugo 6.2).
            pub fn version_epoch(mut self, epoch: impl Into<String>) -> Self {
                self.publication.version_epoch = Some(epoch.into());
                self
            }
        }

        impl Details for $request {
            fn mistake(&self) -> Option<&Arc<Error>> {
                self.publication.data.mistake()
            }

            fn repeat(&self) -> Repeat {
                match self.publication.idempotency_key {
                    Some(_) => Repeat::ByKey,
                    None => Repeat::Never,
                }
            }

            fn responses(&self) -> Option<usize> {
                self.expected_responses()
            }

            fn offer_key(&mut self, key: impl FnOnce() -> String) {
                self.publication.idempotency_key.get_or_insert_with(key);
            }
        }
    };
}

options!(Publish);
options!(Broadcast);

impl Request for Publish {
    const METHOD: &'static str = "publish";
    type Result = PublishResult;
}

impl Request for Broadcast {
    const METHOD: &'static str = "broadcast";
    type Result = BroadcastResult;
}

impl Serialize for Publish {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Publish", 8)?;
        fields.serialize_field("channel", &self.channel)?;
        self.publication.fields(&mut fields)?;
        fields.end()
    }
}

impl Serialize for Broadcast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Broadcast", 8)?;
        fields.serialize_field("channels", &self.channels)?;
        self.publication.fields(&mut fields)?;
        fields.end()
    }
}

impl Publication {
    fn new(data: Payload) -> Self {
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

    /// Beside the channel; zero values need not be sent.
    fn fields<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
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
