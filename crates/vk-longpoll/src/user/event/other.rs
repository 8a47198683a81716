//! Counters, settings, calls, translations, buttons: the codes 50, 80, 114, 115, 119; and what is no
//! event of the table.

use super::row::{Fault, FromRow, Row};
use super::rows::rows;
use crate::Json;
use crate::json::{EntryFault, Object};
use serde::{Serialize, Serializer};
use std::fmt;

rows! {
    /// Code 80: the counter of unread conversations has changed. What follows the count is
    /// undocumented; the names are from danyadev/longpoll-doc.
    CounterChanged {
        /// Unread conversations.
        count: i64;
        /// Of them, those that are not muted.
        unmuted_count: i64,
        /// 1 where only those that are not muted are to be shown.
        shows_unmuted_only: i64
    }

    /// Code 115: a call. Undocumented, and its shape is not known.
    IncomingCall {
        ;
        /// What comes after the code.
        call: Json
    }
}

/// Code 114: notifications about a conversation are switched on or off.
///
/// With [`Mode::EXTENDED_EVENTS`](crate::user::Mode::EXTENDED_EVENTS) the row has an object, else
/// three numbers, about whose order sources disagree: they are told by what they can be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NotificationSettingsChanged {
    /// The conversation; absent in rows of two numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<i64>,
    /// 1 where there is a sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<i64>,
    /// 0: switched on; -1: switched off; else until when: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_until: Option<i64>,
}

impl FromRow for NotificationSettingsChanged {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        if row.raw(1).is_some_and(|raw| raw.starts_with(['{', '['])) {
            return object(row, |object| {
                Ok(Self {
                    peer_id: object.identity("peer_id")?,
                    sound: object.find("sound"),
                    disabled_until: object.find("disabled_until"),
                })
            });
        }
        // vksdk reads two numbers.
        if row.len() == 3 {
            return Ok(Self { peer_id: None, sound: row.find(1), disabled_until: row.find(2) });
        }
        let values = [row.need(1)?, row.need(2)?, row.need(3)?];
        // The places of the conversation, the sound and the time; VK's documentation first.
        const ORDERS: [[usize; 3]; 4] = [[0, 1, 2], [0, 2, 1], [2, 0, 1], [1, 0, 2]];
        let [peer, sound, until] =
            ORDERS.into_iter().find(|order| fits(values, *order)).unwrap_or(ORDERS[0]);
        Ok(Self {
            peer_id: Some(values[peer]),
            sound: Some(values[sound]),
            disabled_until: Some(values[until]),
        })
    }
}

fn fits(values: [i64; 3], [_, sound, until]: [usize; 3]) -> bool {
    // From 2001 on, and below the ids of chats.
    let is_time = (1_000_000_000..2_000_000_000).contains(&values[until]);
    matches!(values[sound], 0 | 1) && (is_time || matches!(values[until], 0 | -1))
}

/// Code 50: a message's translation, which the account that listens has asked for. Undocumented; the
/// shape is from danyadev/longpoll-doc.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MessageTranslated {
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<i64>,
    /// The message's number in the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_id: Option<i64>,
    /// The translated text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<String>,
    /// From which language into which: `ru-en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl FromRow for MessageTranslated {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        object(row, |object| {
            Ok(Self {
                peer_id: object.identity("peer_id")?,
                local_id: object.find("cmid"),
                translation: object.find("translation"),
                language: object.find("language"),
            })
        })
    }
}

/// Code 119: a bot's answer to a button. Undocumented; the shape is from danyadev/longpoll-doc.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallbackAnswered {
    /// The bot's community, with a minus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<i64>,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<i64>,
    /// Which button's press is answered: valid for a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// What to do, such as `{"type":"show_snackbar","text":"…"}`; absent where nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Json>,
}

impl FromRow for CallbackAnswered {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        object(row, |object| {
            Ok(Self {
                owner_id: object.find("owner_id"),
                peer_id: object.identity("peer_id")?,
                event_id: object.find("event_id"),
                action: object.find("action"),
            })
        })
    }
}

fn object<T>(
    row: &Row<'_>,
    read: impl FnOnce(&Object<'_>) -> Result<T, EntryFault>,
) -> Result<T, Fault> {
    let json = row.raw(1).ok_or(Fault::Missing(1))?;
    let object = Object::split(json).ok_or(Fault::Wrong(1))?;
    // Nothing else of these objects tells what the event is about.
    let read = read(&object).map_err(|_| Fault::WrongPeer(1))?;
    row.note_within(1, &object.take_malformed());
    Ok(read)
}

/// A row whose code this crate does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unknown {
    /// The code.
    pub code: i64,
}

/// A row that is not what its code says; or no row at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Malformed {
    /// What is wrong with it.
    pub reason: MalformedReason,
    /// The code, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
}

/// What is wrong with a row. The values are counted from 0, which is the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedReason {
    /// It is not an array.
    NotAnArray,
    /// It has no values.
    Empty,
    /// Its first value is not a number.
    NoCode,
    /// The value at this place is missing.
    Missing(usize),
    /// The value at this place is of another type than its place says.
    Wrong(usize),
    /// The `peer_id` of the object at this place is not a number.
    WrongPeer(usize),
}

impl fmt::Display for MalformedReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnArray => formatter.write_str("not an array"),
            Self::Empty => formatter.write_str("no values"),
            Self::NoCode => formatter.write_str("the code is not a number"),
            Self::Missing(at) => write!(formatter, "value {at} is missing"),
            Self::Wrong(at) => write!(formatter, "value {at} is of the wrong type"),
            Self::WrongPeer(at) => {
                write!(formatter, "[{at}].peer_id is of the wrong type")
            }
        }
    }
}

/// Its words.
impl Serialize for MalformedReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Fault> for MalformedReason {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing(at) => Self::Missing(at),
            Fault::Wrong(at) => Self::Wrong(at),
            Fault::WrongPeer(at) => Self::WrongPeer(at),
        }
    }
}
