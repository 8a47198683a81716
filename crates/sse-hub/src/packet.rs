//! Packets: messages and their targets.

use rt_broker::{FromObject, deserialize_object};
use serde::{Deserialize, Deserializer, Serialize};
use sse_codec::Message;

/// A message and its target: every client of every zone, every client of one zone, or one client.
///
/// | zone | client_id | broadcast | goes to |
/// |---|---|---|---|
/// | – | – | yes | every client of every zone |
/// | set | – | yes | every client of that zone |
/// | set | set | either | that one client |
///
/// Anything else is an error of [`Hub::send`](crate::Hub::send). As JSON it is read in lower case
/// (`zone`, `client_id`, `broadcast`, `message`) and in the spellings `Zone`, `ClientID`, `ID` and
/// `Broadcast`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Packet {
    /// The message; without an event type it arrives as `message`.
    #[serde(alias = "Message")]
    pub message: Message,
    /// The zone; empty is none.
    #[serde(default, alias = "Zone", deserialize_with = "null_is_empty")]
    pub zone: String,
    /// The one client of the zone it is for; empty is none.
    #[serde(default, alias = "ClientID", alias = "ID", alias = "id")]
    #[serde(deserialize_with = "null_is_empty")]
    pub client_id: String,
    /// Whether it is for all.
    #[serde(default, alias = "Broadcast")]
    pub broadcast: bool,
    /// A client that does not receive it, usually the sender; empty is none.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub except: String,
}

impl Packet {
    /// For every client of every zone.
    pub fn to_all(message: impl IntoMessage) -> Self {
        Self { message: message.into_message(), broadcast: true, ..Self::default() }
    }

    /// For every client of one zone.
    pub fn to_zone(zone: impl Into<String>, message: impl IntoMessage) -> Self {
        Self { zone: zone.into(), ..Self::to_all(message) }
    }

    /// For one client of a zone.
    pub fn to_client(
        zone: impl Into<String>,
        client_id: impl Into<String>,
        message: impl IntoMessage,
    ) -> Self {
        Self { client_id: client_id.into(), broadcast: false, ..Self::to_zone(zone, message) }
    }

    /// Leaves one client out.
    #[must_use]
    pub fn except(mut self, client_id: impl Into<String>) -> Self {
        self.except = client_id.into();
        self
    }
}

impl<'de> FromObject<'de> for Packet {
    const EXPECTED: &'static str = "a packet";

    fn from_object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Self::deserialize(object)
    }
}

impl<'de> Deserialize<'de> for Packet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_object(deserializer)
    }
}

impl Serialize for Packet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// A conversion to a packet's message: from a [`Message`], or from text that becomes its data.
pub trait IntoMessage {
    /// The message.
    fn into_message(self) -> Message;
}

impl IntoMessage for Message {
    fn into_message(self) -> Message {
        self
    }
}

impl IntoMessage for &str {
    fn into_message(self) -> Message {
        Message::new().with_data(self)
    }
}

impl IntoMessage for String {
    fn into_message(self) -> Message {
        Message::new().with_data(self)
    }
}

/// The result of sending a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Sent {
    /// How many connections to this node it was for when it was sent. 0 is a success too: with
    /// history on it is kept for who comes back.
    pub reached: usize,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_spelling() {
        let expected = Packet::to_client("z", "c", Message::new().with_data("x"));
        for json in [
            r#"{"message":{"data":"x"},"zone":"z","client_id":"c"}"#,
            r#"{"message":{"Data":"x"},"Zone":"z","ClientID":"c","Broadcast":false}"#,
            r#"{"Message":{"Data":"x"},"Zone":"z","ID":"c"}"#,
            r#"{"message":{"data":"x","id":null},"zone":"z","id":"c","except":null}"#,
        ] {
            assert_eq!(serde_json::from_str::<Packet>(json).unwrap(), expected, "{json}");
        }
        for json in [r#"[{"data":"x"},"z","c"]"#, "null", r#""x""#, "7"] {
            let error = serde_json::from_str::<Packet>(json).unwrap_err().to_string();
            assert!(error.contains("expected a packet as a JSON object"), "{json}: {error}");
        }
        let json = serde_json::to_string(&expected).unwrap();
        assert_eq!(serde_json::from_str::<Packet>(&json).unwrap(), expected);
        let all: Packet =
            serde_json::from_str(r#"{"message":{"data":""},"broadcast":true}"#).unwrap();
        assert!(all.broadcast && all.zone.is_empty() && all.client_id.is_empty());
    }
}
