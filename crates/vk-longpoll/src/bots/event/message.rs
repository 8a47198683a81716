//! Messages as the API has them, and the events that bring one.

use super::objects::{FromObject, objects};
use crate::json::{EntryFault, Object, Typed, split};
use crate::user::PeerKind;
use crate::{Json, MalformedParts};
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
        /// Whether the community has sent it.
        out: bool,
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
        /// Whether VK has left out parts of it, such as attachments. [`fetch_whole`](Message::fetch_whole)
        /// reads all of it.
        is_cropped: bool,
        /// Whether it mentions the account that listens.
        is_mentioned_user: bool,
        /// Whether it was sent without a notification.
        is_silent: bool,
        /// Whether it was deleted.
        deleted: bool,
        /// Whether its voice message was listened to.
        was_listened: bool,
        /// Whether it is pinned.
        is_pinned: bool,
        /// When it was pinned: seconds since 1970.
        pinned_at: i64,
        /// The number of members of the chat.
        members_count: i64,
        /// The reaction of the account that listens.
        reaction_id: i64,
        /// The newest reaction to it.
        last_reaction_id: i64,
        /// The reactions to it, with their counts.
        reactions: Json,
        /// A tag for mail.ru's notifications.
        message_tag: String,
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
        keyboard: Json,
        /// A template, such as a carousel.
        template: Json
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
        message: String,
        /// The address of a member who was invited or removed by e-mail.
        email: String,
        /// The chat's new photo.
        photo: ActionPhoto,
        /// The name of the chat's new style; absent where it is the usual one again.
        style: String
    }

    /// A chat's photo, in three widths.
    ActionPhoto {
        ;
        /// The address of the picture of 50 pixels.
        photo_50: String,
        /// The address of the picture of 100 pixels.
        photo_100: String,
        /// The address of the picture of 200 pixels.
        photo_200: String
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
        self.out == Some(true)
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
    ///
    /// There is one for each element: an element that is no object is a message without any of its
    /// fields, and [`malformed_parts`](Message::malformed_parts) has the element.
    #[must_use]
    pub fn forwarded(&self) -> Vec<Self> {
        let all = self.fwd_messages.as_ref().and_then(|all| split(all.get()));
        let typed = |json| Self::typed(json).unwrap_or_else(|| Self::unreadable(json));
        all.into_iter().flatten().map(typed).collect()
    }

    fn unreadable(json: &str) -> Self {
        let mut message = Self::typed("{}").unwrap_or_else(|| unreachable!("all is optional"));
        message.malformed.add("", json);
        message
    }

    /// The payload, if it is JSON: the text of the string, or the value where it is not a string.
    #[must_use]
    pub fn payload_json(&self) -> Option<Json> {
        match &self.payload {
            Some(text) => Json::new(text.as_str()).ok(),
            None => self.malformed.iter().find(|it| it.path == "payload").map(|it| it.raw.clone()),
        }
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
    #[serde(skip)]
    malformed: MalformedParts,
}

impl FromObject for MessageNew {
    /// Before version 5.103 the object is the message itself.
    fn from_object(object: &Object<'_>) -> Result<Self, EntryFault> {
        let Some(nested) = object.raw("message") else {
            let message = message(object)?;
            let malformed = message.malformed_parts().clone();
            return Ok(Self { message, client_info: None, malformed });
        };
        let nested = Some(nested).filter(|nested| nested.starts_with('{'));
        let nested = nested.and_then(Object::split).ok_or(EntryFault::wrong("message"))?;
        let message = message(&nested).map_err(|fault| fault.within("message"))?;
        object.note_within("message", message.malformed_parts());
        let client_info = object.find("client_info");
        Ok(Self { message, client_info, malformed: object.take_malformed() })
    }

    fn malformed_parts(&self) -> &MalformedParts {
        &self.malformed
    }
}

/// Events whose object is a message.
macro_rules! messages {
    ($($(#[$about:meta])* $name:ident)*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct $name {
            /// The message.
            pub message: Message,
        }

        impl FromObject for $name {
            fn from_object(object: &Object<'_>) -> Result<Self, EntryFault> {
                message(object).map(|message| Self { message })
            }

            fn malformed_parts(&self) -> &MalformedParts {
                self.message.malformed_parts()
            }
        }
    )*};
}

messages! {
    /// `message_reply`: the community wrote.
    MessageReply
    /// `message_edit`: a message was edited.
    MessageEdit
}

/// Reads an object that must be a message: one that names neither a conversation nor a sender is
/// none.
fn message(object: &Object<'_>) -> Result<Message, EntryFault> {
    if object.identity::<i64>("peer_id")?.is_none() {
        object.identity::<i64>("from_id")?.ok_or(EntryFault::missing("peer_id"))?;
    }
    Message::from_object(object)
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
