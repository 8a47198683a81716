//! Messages, new and changed: the codes 1 to 5, 18 and 19.

use super::row::{Fault, FromRow, Row};
use crate::json::split;
use crate::user::{Attachments, Extra, MessageFlags, text_decoded};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// All of these have what follows the flags in common, and any of it may be absent.
macro_rules! messages {
    ($($(#[$about:meta])* $name:ident)*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct $name {
            /// The message's id.
            pub message_id: i64,
            /// Its flags, or those that were set or reset.
            pub flags: MessageFlags,
            /// The conversation.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub peer_id: Option<i64>,
            /// When it was sent: seconds since 1970.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub timestamp: Option<i64>,
            /// The text as it came, escaped for HTML.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub text: Option<String>,
            /// More about it.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub extra: Option<Extra>,
            /// What is attached.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub attachments: Option<Attachments>,
            /// The number that its sender gave it, if the mode asks for it.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub random_id: Option<i64>,
        }

        impl $name {
            /// The text as a person has written it.
            #[must_use]
            pub fn text_decoded(&self) -> Option<Cow<'_, str>> {
                self.text.as_deref().map(text_decoded)
            }
        }

        impl FromRow for $name {
            fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
                let (message_id, flags) = (row.need(1)?, row.need(2)?);
                let Tail { peer_id, timestamp, text, extra, attachments, random_id } =
                    Tail::from_row(row)?;
                Ok(Self {
                    message_id, flags, peer_id, timestamp, text, extra, attachments, random_id,
                })
            }
        }
    )*};
}

messages! {
    /// Code 1: a message's flags are replaced by these.
    FlagsReplaced
    /// Code 2: these flags of a message are set.
    FlagsSet
    /// Code 3: these flags of a message are reset. Where a message is restored, with all of it.
    FlagsReset
    /// Code 4: a message came, or was sent.
    NewMessage
    /// Code 5: a message was edited.
    MessageEdited
    /// Code 18: VK itself has changed a message: a link's preview, a voice message's text, an end of
    /// its time. Undocumented; other libraries call it so.
    MessageUpdated
}

/// Those that the history cuts short.
macro_rules! completed {
    ($($name:ident)*) => {$(
        impl $name {
            /// Takes what is absent from elsewhere.
            pub(super) fn complete(&mut self, tail: Tail) {
                self.peer_id = self.peer_id.or(tail.peer_id);
                self.timestamp = self.timestamp.or(tail.timestamp);
                self.text = self.text.take().or(tail.text);
                self.extra = self.extra.take().or(tail.extra);
                self.attachments = self.attachments.take().or(tail.attachments);
                self.random_id = self.random_id.or(tail.random_id);
            }

            /// The row as a poll brings it, if this one ends before the text.
            pub(super) fn complete_row(&self, row: &str) -> Option<Box<RawValue>> {
                let Self { peer_id, timestamp, text, extra, attachments, random_id, .. } = self;
                let tail = (peer_id, timestamp, text, extra, attachments, random_id);
                complete_row(row, tail)
            }
        }
    )*};
}

completed! { NewMessage MessageEdited MessageUpdated }

/// What follows the flags, of a message that was completed.
type WholeTail<'a> = (
    &'a Option<i64>,
    &'a Option<i64>,
    &'a Option<String>,
    &'a Option<Extra>,
    &'a Option<Attachments>,
    &'a Option<i64>,
);

/// The place of the text in a row.
const TEXT: usize = 5;

/// The row with what follows the flags, unless it has its text. A value that is not known is `null`.
fn complete_row(row: &str, tail: WholeTail<'_>) -> Option<Box<RawValue>> {
    let values = split(row).filter(|values| values.len() <= TEXT)?;
    let head = values.get(..3)?.join(",");
    let (peer_id, timestamp, text, extra, attachments, random_id) = tail;
    text.as_ref()?;
    let tail = match random_id {
        Some(_) => serde_json::to_string(&tail),
        None => serde_json::to_string(&(peer_id, timestamp, text, extra, attachments)),
    };
    let row = format!("[{head},{}", tail.ok()?.strip_prefix('[')?);
    RawValue::from_string(row).ok()
}

super::rows::rows! {
    /// Code 19: what is known of a message is no longer true, and may be asked anew. Undocumented;
    /// other libraries call it so.
    CacheReset {
        /// The message's id.
        message_id: i64
    }
}

/// What follows the flags.
#[derive(Default)]
pub(super) struct Tail {
    pub(super) peer_id: Option<i64>,
    pub(super) timestamp: Option<i64>,
    pub(super) text: Option<String>,
    pub(super) extra: Option<Extra>,
    pub(super) attachments: Option<Attachments>,
    pub(super) random_id: Option<i64>,
}

impl FromRow for Tail {
    /// Which of the objects come depends on the mode: a number in the place of one is the random id,
    /// and then nothing of these follows.
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        let mut tail = Self {
            peer_id: row.identity(3)?,
            timestamp: row.find(4),
            text: row.find(5),
            ..Self::default()
        };
        let is_random_id = |at: usize| {
            let is_object = row.raw(at).is_none_or(|raw| raw.starts_with(['{', '[']));
            row.len() == at + 1 && !is_object
        };
        let mut at = 6;
        if !is_random_id(at) {
            tail.extra = row.find(at);
            at += 1;
        }
        if at > 6 && !is_random_id(at) {
            tail.attachments = row.find(at);
            at += 1;
        }
        tail.random_id = row.find(at);
        if tail.attachments.is_none() {
            tail.attachments = tail.extra.as_ref().and_then(Attachments::among);
        }
        Ok(tail)
    }
}
