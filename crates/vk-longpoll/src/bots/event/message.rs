//! Messages as the API has them, and the events that bring one.

use super::objects::{FromObject, objects};
use crate::Json;
use crate::json::{EntryFault, Object, Typed, split};
use crate::user::PeerKind;
use serde::Serialize;

objects! {
    /// A message, as the API has it. What else it has is in the event's raw form.
    Message {
        ;
        /// Its id; 0 in chats, where only `conversation_message_id` is of use.
        id: i64,
        /// When it was sent: seconds since 1970.
        date: i64,
        /// Who has sent it: a user, or minus a community.
        from_id: i64,
        /// The conversation.
        peer_id: i64,
        /// Its text, not escaped. Empty where it has none.
        text: String,
        /// Its number in the conversation.
        conversation_message_id: i64,
        /// 1 where the community has sent it.
        out: i64,
        /// The number that its sender gave it.
        random_id: i64,
        /// What a button has put into it: JSON as a string, as it comes.
        payload: String,
        /// What the link had that brought the user here.
        ref_param as "ref": String,
        /// What kind of a link that was.
        ref_source: String,
        /// The administrator who has written in the name of the community.
        admin_author_id: i64,
        /// Whether it is marked as important.
        important: bool,
        /// Whether it is hidden.
        is_hidden: bool,
        /// When it was edited: seconds since 1970.
        update_time: i64,
        /// Seconds after which it disappears.
        expire_ttl: i64,
        /// What is attached.
        attachments: Vec<Attachment>,
        /// The message that it answers: [`reply`](Message::reply) types it.
        reply_message: Json,
        /// The messages that are forwarded with it: [`forwarded`](Message::forwarded) types them.
        fwd_messages: Json,
        /// What was done to the chat, such as `{"type":"chat_invite_user","member_id":42}`.
        action: Action,
        /// A place.
        geo: Json,
        /// The keyboard.
        keyboard: Json
    }

    /// What was done to a chat.
    Action {
        ;
        /// `chat_create`, `chat_title_update`, `chat_invite_user`, `chat_kick_user`, …
        kind as "type": String,
        /// Whom it was done to; minus where they were invited by their address.
        member_id: i64,
        /// The chat's title.
        text: String,
        /// The pinned message, by its number in the conversation.
        conversation_message_id: i64,
        /// The beginning of its text.
        message: String
    }
}

impl Message {
    /// Who the conversation is with.
    #[must_use]
    pub fn peer(&self) -> Option<PeerKind> {
        self.peer_id.map(PeerKind::of)
    }

    /// Whether the community has sent it.
    #[must_use]
    pub fn is_outbox(&self) -> bool {
        self.out == Some(1)
    }

    /// The message that it answers.
    ///
    /// It is typed when it is asked for, and no deeper: nothing bounds how deep messages may be
    /// nested.
    #[must_use]
    pub fn reply(&self) -> Option<Self> {
        Self::typed(self.reply_message.as_ref()?.get())
    }

    /// The messages that are forwarded with it, each without what is nested in it.
    #[must_use]
    pub fn forwarded(&self) -> Vec<Self> {
        let all = self.fwd_messages.as_ref().and_then(|all| split(all.get()));
        all.into_iter().flatten().filter_map(Self::typed).collect()
    }

    /// The payload, if it is JSON.
    #[must_use]
    pub fn payload_json(&self) -> Option<Json> {
        Json::new(self.payload.clone()?).ok()
    }
}

impl Typed for Message {
    fn typed(json: &str) -> Option<Self> {
        Self::from_object(&Object::split(json)?).ok()
    }
}

impl Typed for Action {
    fn typed(json: &str) -> Option<Self> {
        Self::from_object(&Object::split(json)?).ok()
    }
}

/// Something attached to a message or a post.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attachment {
    /// Its type: `photo`, `video`, `audio`, `doc`, `wall`, `sticker`, `audio_message`, …
    pub kind: String,
    /// All of it: `{"type":"photo","photo":{…}}`.
    pub raw: Json,
}

impl Attachment {
    /// The object of its type: what `photo` has in `{"type":"photo","photo":{…}}`.
    #[must_use]
    pub fn object(&self) -> Option<Json> {
        Typed::typed(Object::split(self.raw.get())?.raw(&self.kind)?)
    }
}

impl Typed for Attachment {
    fn typed(json: &str) -> Option<Self> {
        let kind = Object::split(json)?.need("type").ok()?;
        Some(Self { kind, raw: Json::typed(json)? })
    }
}

/// `message_new`: somebody wrote to the community.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MessageNew {
    /// The message.
    pub message: Message,
    /// What the user's application can show; from version 5.103 of the API on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_info: Option<ClientInfo>,
}

impl FromObject for MessageNew {
    /// Before version 5.103 the object is the message itself.
    fn from_object(object: &Object<'_>) -> Result<Self, EntryFault> {
        match object.raw("message") {
            Some(message) if message.starts_with('{') => Ok(Self {
                message: object.need("message")?,
                client_info: object.find("client_info")?,
            }),
            Some(_) => Err(EntryFault::Wrong("message")),
            None => Ok(Self { message: message(object)?, client_info: None }),
        }
    }
}

/// `message_reply`: the community wrote.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MessageReply {
    /// The message.
    pub message: Message,
}

impl FromObject for MessageReply {
    fn from_object(object: &Object<'_>) -> Result<Self, EntryFault> {
        message(object).map(|message| Self { message })
    }
}

/// `message_edit`: a message was edited.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MessageEdit {
    /// The message.
    pub message: Message,
}

impl FromObject for MessageEdit {
    fn from_object(object: &Object<'_>) -> Result<Self, EntryFault> {
        message(object).map(|message| Self { message })
    }
}

/// An object that is a message: one that says nothing of who or where is none.
fn message(object: &Object<'_>) -> Result<Message, EntryFault> {
    let message = Message::from_object(object)?;
    match message.peer_id.or(message.from_id) {
        Some(_) => Ok(message),
        None => Err(EntryFault::Missing("peer_id")),
    }
}

objects! {
    /// What a user's application can show.
    ClientInfo {
        ;
        /// Kinds of buttons: `text`, `callback`, …
        button_actions: Vec<String>,
        /// Whether it shows keyboards.
        keyboard: bool,
        /// Whether it shows keyboards in a message.
        inline_keyboard: bool,
        /// Whether it shows carousels.
        carousel: bool,
        /// Its language, by VK's number.
        lang_id: i64
    }
}

impl Typed for ClientInfo {
    fn typed(json: &str) -> Option<Self> {
        Self::from_object(&Object::split(json)?).ok()
    }
}
