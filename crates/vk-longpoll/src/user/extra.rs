//! What a message's row has beside its text.

use super::fields::Fields;
use crate::json::Typed;
use serde::Serialize;
use std::borrow::Cow;

/// More about a message: the object after the text, of which every entry is kept.
///
/// Values mostly come as strings. An entry of another type than the question expects answers `None`.
///
/// ```
/// use vk_longpoll::RawValue;
/// use vk_longpoll::user::{Event, EventKind, SourceAct};
///
/// let row = r#"[4,41,8193,2000000001,1512524680,"",
///     {"from":"7 ","source_act":"chat_invite_user","source_mid":"8"},{}]"#;
/// let event = Event::decode(&RawValue::from_string(row.to_owned())?);
/// let EventKind::NewMessage(message) = &event.kind else { panic!() };
/// let extra = message.extra.as_ref().unwrap();
/// assert_eq!(extra.sender_id(), Some(7));
/// assert_eq!(extra.source_act(), Some(SourceAct::InviteUser { user_id: Some(8) }));
/// assert_eq!(extra.get("source_mid").as_deref(), Some("8"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Extra(pub(super) Fields);

impl Extra {
    /// The old subject of a message: `" ... "` in private conversations, or a chat's title.
    #[must_use]
    pub fn title(&self) -> Option<Cow<'_, str>> {
        self.0.text("title")
    }

    /// `from`: who has sent the message, in a chat; spaces around it are cut.
    #[must_use]
    pub fn sender(&self) -> Option<Cow<'_, str>> {
        match self.0.text("from")? {
            Cow::Borrowed(text) => Some(Cow::Borrowed(text.trim())),
            owned => Some(owned),
        }
    }

    /// The same as a number: a user's id, or minus a community's.
    #[must_use]
    pub fn sender_id(&self) -> Option<i64> {
        self.0.number("from")
    }

    /// `from_admin`: the administrator who has written in the name of a community; only administrators see it.
    #[must_use]
    pub fn admin_id(&self) -> Option<i64> {
        self.0.number("from_admin")
    }

    /// Whether the text has emoji in it.
    #[must_use]
    pub fn has_emoji(&self) -> bool {
        self.0.is_set("emoji")
    }

    /// Whether the message has a template, which only the API gives.
    #[must_use]
    pub fn has_template(&self) -> bool {
        self.0.is_set("has_template")
    }

    /// Seconds after which the message disappears.
    #[must_use]
    pub fn expire_ttl(&self) -> Option<i64> {
        self.0.number("expire_ttl")
    }

    /// The same in a phantom chat.
    #[must_use]
    pub fn ttl(&self) -> Option<i64> {
        self.0.number("ttl")
    }

    /// Whether the message has disappeared.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.0.is_set("is_expired")
    }

    /// Who is mentioned.
    #[must_use]
    pub fn mentions(&self) -> Option<Vec<i64>> {
        Typed::typed(&self.0.json("mentions")?)
    }

    /// Whom the message is for: JSON such as `[[1,[42]]]` or `[[1,"all"]]`.
    #[must_use]
    pub fn marked_users(&self) -> Option<Cow<'_, str>> {
        self.0.json("marked_users")
    }

    /// The bot's keyboard, JSON.
    #[must_use]
    pub fn keyboard(&self) -> Option<Cow<'_, str>> {
        self.0.json("keyboard")
    }

    /// What a bot or a button has put into the message: JSON.
    #[must_use]
    pub fn payload(&self) -> Option<Cow<'_, str>> {
        self.0.json("payload")
    }

    /// Where the user came from.
    #[must_use]
    pub fn ref_source(&self) -> Option<Cow<'_, str>> {
        self.0.text("ref_source")
    }

    /// What was done to the chat, where the message says that and nothing else.
    #[must_use]
    pub fn source_act(&self) -> Option<SourceAct<'_>> {
        let act = self.0.string("source_act")?;
        let text = |name| self.0.text(name);
        let user_id = self.0.number("source_mid");
        Some(match &*act {
            "chat_create" => SourceAct::Create { title: text("source_text") },
            "chat_title_update" => SourceAct::TitleUpdate {
                old_title: text("source_old_text"),
                title: text("source_text"),
            },
            "chat_photo_update" => SourceAct::PhotoUpdate,
            "chat_photo_remove" => SourceAct::PhotoRemove,
            "chat_invite_user" => SourceAct::InviteUser { user_id },
            "chat_invite_user_by_link" => SourceAct::InviteUserByLink,
            "chat_kick_user" => SourceAct::KickUser { user_id },
            "chat_screenshot" => SourceAct::Screenshot { user_id },
            "chat_pin_message" => SourceAct::PinMessage {
                user_id,
                message: text("source_message"),
                local_id: self.0.number("source_chat_local_id"),
            },
            "chat_unpin_message" => {
                SourceAct::UnpinMessage { user_id, local_id: self.0.number("source_chat_local_id") }
            }
            "conversation_style_update" => SourceAct::StyleUpdate { style: text("source_style") },
            _ => SourceAct::Other(act),
        })
    }

    /// Any entry, as text: a string or a number.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.text(name)
    }

    /// Any entry, as JSON: an object or an array as it came, or what a string or number says.
    #[must_use]
    pub fn json(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.json(name)
    }

    /// The names of all entries, in their order.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.names()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Typed for Extra {
    fn typed(json: &str) -> Option<Self> {
        Fields::typed(json).map(Self)
    }
}

/// What was done to a chat. Who did it is [`Extra::sender_id`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceAct<'a> {
    /// The chat was made.
    Create {
        /// Its title.
        title: Option<Cow<'a, str>>,
    },
    /// It has another title.
    TitleUpdate {
        /// The title before.
        old_title: Option<Cow<'a, str>>,
        /// The title now.
        title: Option<Cow<'a, str>>,
    },
    /// It has another photo, which is attached.
    PhotoUpdate,
    /// Its photo is gone.
    PhotoRemove,
    /// Somebody was invited, or came back by themselves.
    InviteUser {
        /// Who.
        user_id: Option<i64>,
    },
    /// The sender came by a link.
    InviteUserByLink,
    /// Somebody was thrown out, or left by themselves.
    KickUser {
        /// Who.
        user_id: Option<i64>,
    },
    /// A message was pinned.
    PinMessage {
        /// Who has pinned it.
        user_id: Option<i64>,
        /// The beginning of its text.
        message: Option<Cow<'a, str>>,
        /// Its number in the conversation.
        local_id: Option<i64>,
    },
    /// A message is pinned no more.
    UnpinMessage {
        /// Who has done it.
        user_id: Option<i64>,
        /// Its number in the conversation.
        local_id: Option<i64>,
    },
    /// A picture of a phantom chat was taken.
    Screenshot {
        /// Who has taken it.
        user_id: Option<i64>,
    },
    /// The conversation has another style.
    StyleUpdate {
        /// Its name; none where it is the usual again.
        style: Option<Cow<'a, str>>,
    },
    /// Something else, by its name.
    Other(Cow<'a, str>),
}
