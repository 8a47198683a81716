//! Publishing: to one channel, to many.
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::publication::Publication;
use super::sealed::Details;
use super::{Repeat, Request};
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

/// The options and traits of both requests.
macro_rules! options {
    ($request:ident) => {
        publication_options!($request);

        impl $request {
            /// Leaves the publication out of the channel's history.
            pub fn skip_history(mut self) -> Self {
                self.publication.skip_history = true;
                self
            }
        }

        impl Details for $request {
            fn mistake(&self) -> Option<&Arc<Error>> {
                self.publication.data.mistake()
            }

            fn repeat(&self) -> Repeat {
                self.publication.repeat()
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
