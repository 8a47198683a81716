//! Sending messages.
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Api;
use crate::Error;
use crate::json::{Object, split};

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

    /// The message that this one answers, by its id. In chats it has none that counts: use
    /// [`reply_to_conversation_message`](Self::reply_to_conversation_message).
    pub fn reply_to(self, message_id: i64) -> Self {
        self.param("reply_to", message_id)
    }

    /// The message of the same conversation that this one answers, by its number in the conversation:
    /// in chats a message has no other.
    pub fn reply_to_conversation_message(self, conversation_message_id: i64) -> Self {
        let forward = json!({
            "peer_id": self.peer_id,
            "conversation_message_ids": [conversation_message_id],
            "is_reply": true,
        });
        self.param("forward", forward.to_string())
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

/// The most conversations that one call sends to.
const MAX_PEERS: usize = 100;

impl Api {
    /// Sends a message to several conversations with one call (`messages.send` with `peer_ids`), in
    /// place of its own, and returns what became of it in each. VK takes 100 at most.
    ///
    /// # Errors
    /// Those of [`Api`], when nothing was sent; with [`Error::is_builder`], when there are no
    /// conversations, or too many. A refusal of one conversation is its [`Sent::error`].
    pub async fn send_message_to_each(
        &self,
        peer_ids: &[i64],
        message: &SendMessage,
    ) -> Result<Vec<Sent>, Error> {
        if !(1..=MAX_PEERS).contains(&peer_ids.len()) {
            let count = peer_ids.len();
            return Err(Error::builder(format!(
                "{count} conversations: VK takes 1 to {MAX_PEERS}"
            )));
        }
        let unwritable = |error| Error::builder_from("the message cannot be written", error);
        let mut params = serde_json::to_value(message).map_err(unwritable)?;
        params["peer_id"] = Value::Null;
        params["peer_ids"] = peer_ids.into();
        let sent: Box<RawValue> = self.call("messages.send", &params).await?;
        let list = split(sent.get()).ok_or_else(|| {
            Error::unreadable("the response does not say what became of each message")
        })?;
        // It is sent: an entry that cannot be read must not hide the others.
        Ok(list.into_iter().filter_map(Sent::read).collect())
    }
}

/// What became of a message in one of several conversations; see [`Api::send_message_to_each`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The conversation.
    pub peer_id: i64,
    /// The message's id; 0 or absent where it has none, or was not sent.
    pub message_id: Option<i64>,
    /// The message's number in the conversation.
    pub conversation_message_id: Option<i64>,
    /// The reason why it was not sent.
    pub error: Option<SendError>,
}

/// The reason why a message was not sent to one of several conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendError {
    /// The number, as in [`ApiError::code`](crate::ApiError::code).
    pub code: i64,
    /// VK's words for it.
    pub description: String,
}

impl Sent {
    fn read(json: &str) -> Option<Self> {
        let object = Object::split(json)?;
        let error = object.raw("error").map(|raw| {
            let error = Object::split(raw);
            let find = |name| error.as_ref()?.find::<String>(name);
            SendError {
                code: error.as_ref().and_then(|error| error.find("code")).unwrap_or_default(),
                description: find("description").unwrap_or_default(),
            }
        });
        Some(Self {
            peer_id: object.find("peer_id")?,
            message_id: object.find("message_id"),
            conversation_message_id: object.find("conversation_message_id"),
            error,
        })
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error {})", self.description, self.code)
    }
}

impl std::error::Error for SendError {}

struct MessageId(i64);

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let text = value.as_str().and_then(|text| text.parse().ok());
        let id = value.as_i64().or(text);
        id.map(Self).ok_or_else(|| serde::de::Error::custom("a message's id is a number"))
    }
}
