//! Sending messages.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Api;
use crate::Error;

/// A message to be sent; see [`Api::send_message`].
///
/// It has its `random_id` from the start: VK takes a message with the same one for the same message,
/// so that sending it again after a failure does no harm.
///
/// ```
/// use serde_json::json;
/// use vk_longpoll::SendMessage;
///
/// let message = SendMessage::text(2_000_000_001, "hello")
///     .reply_to(77)
///     .attachment("photo100007_100014")
///     .keyboard(&json!({"one_time": true, "buttons": []}));
/// assert_ne!(message.random_id(), 0);
/// ```
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct SendMessage {
    peer_id: i64,
    random_id: i32,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachment: Vec<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl SendMessage {
    /// Text to a user, a chat (2,000,000,000 and its number) or a community (minus its number).
    pub fn text(peer_id: i64, text: impl Into<String>) -> Self {
        Self {
            peer_id,
            random_id: fastrand::i32(1..),
            message: text.into(),
            attachment: Vec::new(),
            more: Map::new(),
        }
    }

    /// What tells this message from another (by default a random one, not 0).
    pub fn with_random_id(mut self, random_id: i32) -> Self {
        self.random_id = random_id;
        self
    }

    /// What tells this message from another.
    pub fn random_id(&self) -> i32 {
        self.random_id
    }

    /// The message that this one answers.
    pub fn reply_to(self, message_id: i64) -> Self {
        self.param("reply_to", message_id)
    }

    /// Something attached: `photo`, `video`, `doc`, … with `owner_item`. At most ten.
    pub fn attachment(mut self, attachment: impl Into<String>) -> Self {
        self.attachment.push(attachment.into());
        self
    }

    /// A keyboard, as VK's documentation describes it.
    pub fn keyboard(self, keyboard: &Value) -> Self {
        self.param("keyboard", keyboard.to_string())
    }

    /// Any other parameter of `messages.send`, by its name.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.more.insert(name.into(), value.into());
        self
    }
}

impl Api {
    /// Sends a message (`messages.send`), and gives its id: 0 for a bot in a chat.
    ///
    /// # Errors
    /// Those of [`Api`]. After one that is [retryable](Error::is_retryable), the same message can be
    /// sent again: it is not delivered twice.
    pub async fn send_message(&self, message: &SendMessage) -> Result<i64, Error> {
        self.call::<MessageId>("messages.send", message).await.map(|MessageId(id)| id)
    }
}

struct MessageId(i64);

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let text = value.as_str().and_then(|text| text.parse().ok());
        let id = value.as_i64().or(text);
        id.map(Self).ok_or_else(|| serde::de::Error::custom("a message's id is a number"))
    }
}
