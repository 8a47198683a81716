//! All kinds of events, by their codes.

use super::conversation::*;
use super::folders::*;
use super::message::*;
use super::other::*;
use super::presence::*;
use super::reactions::*;
use super::row::{FromRow, Row};
use crate::MalformedParts;
use crate::user::peer::of_chat;
use serde::Serialize;
use serde_json::value::RawValue;
use std::cell::RefCell;

macro_rules! kinds {
    ($($code:literal $name:ident $text:literal;)*) => {
        /// What happened: a variant for each code. All that the row has is in the struct of the
        /// variant, or in [`Event::raw`](super::Event::raw).
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum EventKind {
            $(
                #[doc = concat!("Code ", $code, ", `", $text, "`.")]
                #[serde(rename = $text)]
                $name($name),
            )*
            /// Any other code, `unknown`.
            #[serde(rename = "unknown")]
            Unknown(Unknown),
            /// A row that is not what its code says, `malformed`.
            #[serde(rename = "malformed")]
            Malformed(Malformed),
        }

        impl EventKind {
            /// The codes and names of all kinds but `unknown` and `malformed`.
            pub const ALL: &[(i64, &str)] = &[$(($code, $text)),*];

            /// The name of the kind, in small letters: `new_message`.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $text,)*
                    Self::Unknown(_) => "unknown",
                    Self::Malformed(_) => "malformed",
                }
            }

            /// The code that the row begins with, unless it is no number.
            #[must_use]
            pub const fn code(&self) -> Option<i64> {
                match self {
                    $(Self::$name(_) => Some($code),)*
                    Self::Unknown(unknown) => Some(unknown.code),
                    Self::Malformed(row) => row.code,
                }
            }

            /// What a row says, whatever it is.
            #[inline]
            pub(super) fn decode(json: &str, parts: &RefCell<MalformedParts>) -> Self {
                let malformed = |reason, code| Self::Malformed(Malformed { reason, code });
                let Some(row) = Row::split(json, parts) else {
                    return malformed(MalformedReason::NotAnArray, None);
                };
                if row.len() == 0 {
                    return malformed(MalformedReason::Empty, None);
                }
                let Ok(code) = row.need(0) else {
                    return malformed(MalformedReason::NoCode, None);
                };
                let kind = match code {
                    $($code => $name::from_row(&row).map(Self::$name),)*
                    _ => Ok(Self::Unknown(Unknown { code })),
                };
                kind.unwrap_or_else(|fault| malformed(fault.into(), Some(code)))
            }
        }
    };
}

kinds! {
    1 FlagsReplaced "flags_replaced";
    2 FlagsSet "flags_set";
    3 FlagsReset "flags_reset";
    4 NewMessage "new_message";
    5 MessageEdited "message_edited";
    6 ReadIncoming "read_incoming";
    7 ReadOutgoing "read_outgoing";
    8 FriendOnline "friend_online";
    9 FriendOffline "friend_offline";
    10 PeerFlagsReset "peer_flags_reset";
    11 PeerFlagsReplaced "peer_flags_replaced";
    12 PeerFlagsSet "peer_flags_set";
    13 MessagesDeleted "messages_deleted";
    14 MessagesRestored "messages_restored";
    18 MessageUpdated "message_updated";
    19 CacheReset "cache_reset";
    20 MajorIdChanged "major_id_changed";
    21 MinorIdChanged "minor_id_changed";
    50 MessageTranslated "message_translated";
    51 ChatChanged "chat_changed";
    52 ChatInfoChanged "chat_info_changed";
    61 UserTyping "user_typing";
    62 UserTypingInChat "user_typing_in_chat";
    63 UsersTyping "users_typing";
    64 UsersRecordingAudio "users_recording_audio";
    65 UsersUploadingPhoto "users_uploading_photo";
    66 UsersUploadingVideo "users_uploading_video";
    67 UsersUploadingFile "users_uploading_file";
    68 UsersRecordingVideo "users_recording_video";
    70 UserCall "user_call";
    80 CounterChanged "counter_changed";
    81 InvisibilityChanged "invisibility_changed";
    90 FriendsChanged "friends_changed";
    91 MembersChanged "members_changed";
    114 NotificationSettingsChanged "notification_settings_changed";
    115 IncomingCall "incoming_call";
    119 CallbackAnswered "callback_answered";
    501 FolderCreated "folder_created";
    502 FolderDeleted "folder_deleted";
    503 FolderRenamed "folder_renamed";
    504 FolderPeersAdded "folder_peers_added";
    505 FolderPeersRemoved "folder_peers_removed";
    506 FoldersReordered "folders_reordered";
    507 FolderCountersChanged "folder_counters_changed";
    601 ReactionsChanged "reactions_changed";
    602 UnreadReactionsChanged "unread_reactions_changed";
}

impl EventKind {
    /// Whether an account's history has the events of this code: messages, their flags, reads, and
    /// changes of conversations. Who was online or typed, calls, counters, notification settings and
    /// reactions come from a poll or not at all.
    #[must_use]
    pub const fn is_in_history(code: i64) -> bool {
        matches!(code, 1..=7 | 10..=14 | 18..=21 | 51 | 52)
    }

    pub(super) fn peer_id(&self) -> Option<i64> {
        match self {
            Self::FlagsReplaced(event) => event.peer_id,
            Self::FlagsSet(event) => event.peer_id,
            Self::FlagsReset(event) => event.peer_id,
            Self::NewMessage(event) => event.peer_id,
            Self::MessageEdited(event) => event.peer_id,
            Self::MessageUpdated(event) => event.peer_id,
            Self::ReadIncoming(event) => Some(event.peer_id),
            Self::ReadOutgoing(event) => Some(event.peer_id),
            Self::PeerFlagsReset(event) => Some(event.peer_id),
            Self::PeerFlagsReplaced(event) => Some(event.peer_id),
            Self::PeerFlagsSet(event) => Some(event.peer_id),
            Self::MessagesDeleted(event) => Some(event.peer_id),
            Self::MessagesRestored(event) => Some(event.peer_id),
            Self::MajorIdChanged(event) => Some(event.peer_id),
            Self::MinorIdChanged(event) => Some(event.peer_id),
            Self::MessageTranslated(event) => event.peer_id,
            Self::ChatChanged(event) => Some(of_chat(event.chat_id)),
            Self::ChatInfoChanged(event) => Some(event.peer_id),
            Self::UserTyping(event) => Some(event.user_id),
            Self::UserTypingInChat(event) => Some(of_chat(event.chat_id)),
            Self::UsersTyping(event) => Some(event.peer_id),
            Self::UsersRecordingAudio(event) => Some(event.peer_id),
            Self::UsersUploadingPhoto(event) => Some(event.peer_id),
            Self::UsersUploadingVideo(event) => Some(event.peer_id),
            Self::UsersUploadingFile(event) => Some(event.peer_id),
            Self::UsersRecordingVideo(event) => Some(event.peer_id),
            Self::FriendOnline(event) => Some(event.user_id),
            Self::FriendOffline(event) => Some(event.user_id),
            Self::InvisibilityChanged(event) => Some(event.user_id),
            Self::UserCall(event) => Some(event.user_id),
            Self::FriendsChanged(event) => event.user_id,
            Self::NotificationSettingsChanged(event) => event.peer_id,
            Self::CallbackAnswered(event) => event.peer_id,
            Self::ReactionsChanged(event) => Some(event.peer_id),
            _ => None,
        }
    }

    pub(super) fn message_id(&self) -> Option<i64> {
        Some(match self {
            Self::FlagsReplaced(event) => event.message_id,
            Self::FlagsSet(event) => event.message_id,
            Self::FlagsReset(event) => event.message_id,
            Self::NewMessage(event) => event.message_id,
            Self::MessageEdited(event) => event.message_id,
            Self::MessageUpdated(event) => event.message_id,
            Self::CacheReset(event) => event.message_id,
            _ => return None,
        })
    }

    /// The row of a completed message as a poll brings it; `None` where it is so already.
    pub(super) fn complete_row(&self, row: &str) -> Option<Box<RawValue>> {
        match self {
            Self::NewMessage(event) => event.complete_row(row),
            Self::MessageEdited(event) => event.complete_row(row),
            Self::MessageUpdated(event) => event.complete_row(row),
            _ => None,
        }
    }

    /// Puts into a message what is known of it from elsewhere.
    pub(super) fn complete(&mut self, tail: Tail) {
        match self {
            Self::NewMessage(event) => event.complete(tail),
            Self::MessageEdited(event) => event.complete(tail),
            Self::MessageUpdated(event) => event.complete(tail),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_event_is_not_much_larger_than_a_message() {
        assert!(size_of::<crate::user::Event>() <= 176, "{}", size_of::<crate::user::Event>());
    }
}
