//! Messages as the API has them, where an event has only a part.
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::Message;
use crate::json::{Object, Typed, split};
use crate::{Api, Error};

impl Message {
    /// Reads the whole of this message with one call: VK leaves parts out of long events
    /// ([`is_cropped`](Message::is_cropped)), attachments above all. `None` where the message does not
    /// exist any more.
    ///
    /// ```no_run
    /// # async fn run(api: vk_longpoll::Api, message: vk_longpoll::bots::Message) -> Result<(), vk_longpoll::Error> {
    /// let message = match message.is_cropped {
    ///     Some(true) => message.fetch_whole(&api).await?.unwrap_or(message),
    ///     _ => message,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Api`]; with [`Error::is_builder`], when the message has neither an id nor a number in
    /// a conversation.
    pub async fn fetch_whole(&self, api: &Api) -> Result<Option<Self>, Error> {
        match (self.peer_id, self.conversation_message_id, self.id) {
            (Some(peer), Some(number), _) if number > 0 => Self::fetch_in(api, peer, number).await,
            (_, _, Some(id)) if id > 0 => Self::fetch(api, id).await,
            _ => Err(Error::builder("the message has no id to be read by")),
        }
    }

    /// Reads a message by its id (`messages.getById`): that of a user's event, for example. `None`
    /// where it does not exist.
    ///
    /// # Errors
    /// Those of [`Api`].
    pub async fn fetch(api: &Api, message_id: i64) -> Result<Option<Self>, Error> {
        first(api, "messages.getById", &json!({"message_ids": [message_id]})).await
    }

    /// Reads a message by its number in a conversation (`messages.getByConversationMessageId`), which
    /// is all that there is in chats. `None` where it does not exist.
    ///
    /// # Errors
    /// Those of [`Api`].
    pub async fn fetch_in(
        api: &Api,
        peer_id: i64,
        conversation_message_id: i64,
    ) -> Result<Option<Self>, Error> {
        let params = json!({
            "peer_id": peer_id,
            "conversation_message_ids": [conversation_message_id],
        });
        first(api, "messages.getByConversationMessageId", &params).await
    }
}

/// The first of `{"items":[…]}`.
async fn first(api: &Api, method: &str, params: &Value) -> Result<Option<Message>, Error> {
    let found: Box<RawValue> = api.call(method, params).await?;
    let items = Object::split(found.get()).and_then(|found| split(found.raw("items")?));
    let items = items.ok_or_else(|| Error::unreadable("the response has no list of messages"))?;
    Ok(items.first().and_then(|message| Message::typed(message)))
}
