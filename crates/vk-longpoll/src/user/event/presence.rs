//! Who is there, and what they are doing: the codes 8, 9, 61 to 68, 70, 81, 90 and 91.

use super::row::{Fault, FromRow, Row};
use super::rows::rows;
use crate::user::Platform;
use serde::Serialize;

/// Code 8: a friend is online.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FriendOnline {
    /// Who; VK has it with a minus.
    pub user_id: i64,
    /// The number as it came, of which the last byte is the platform. 0 without
    /// [`Mode::ONLINE_EXTRA`](crate::user::Mode::ONLINE_EXTRA).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<i64>,
    /// With what; `None` where VK does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Since when: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// The application. Undocumented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<i64>,
}

impl FromRow for FriendOnline {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        let extra = row.find(2);
        let platform = extra.map(|extra: i64| extra & 0xFF).filter(|platform| *platform != 0);
        Ok(Self {
            user_id: without_minus(row)?,
            extra,
            platform: platform.map(Platform::of),
            timestamp: row.find(3),
            app_id: row.find(4),
        })
    }
}

/// Code 9: a friend is offline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FriendOffline {
    /// Who; VK has it with a minus.
    pub user_id: i64,
    /// 0 where the friend has left, 1 where they did nothing for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<i64>,
    /// Since when: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// The application. Undocumented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<i64>,
}

impl FriendOffline {
    /// Whether the friend did nothing for a while, rather than left.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.flags == Some(1)
    }
}

impl FromRow for FriendOffline {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self {
            user_id: without_minus(row)?,
            flags: row.find(2),
            timestamp: row.find(3),
            app_id: row.find(4),
        })
    }
}

/// Code 81: a friend hides that they are online, or no longer. Undocumented; the shape is from
/// danyadev/longpoll-doc.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InvisibilityChanged {
    /// Who; VK has it with a minus.
    pub user_id: i64,
    /// 1 where they hide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<i64>,
    /// When they were online last: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
}

impl FromRow for InvisibilityChanged {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self { user_id: without_minus(row)?, state: row.find(2), timestamp: row.find(3) })
    }
}

fn without_minus(row: &Row<'_>) -> Result<i64, Fault> {
    row.need::<i64>(1).map(i64::saturating_abs)
}

rows! {
    /// Code 61: a user types, in their conversation with the account that listens.
    UserTyping {
        /// Who.
        user_id: i64;
        /// 1.
        flags: i64
    }

    /// Code 62: a user types in a chat.
    UserTypingInChat {
        /// Who.
        user_id: i64,
        /// The chat, by its own id.
        chat_id: i64
    }

    /// Code 70: a user called.
    UserCall {
        /// Who.
        user_id: i64;
        /// The call.
        call_id: i64
    }

    /// Code 90: the account that listens has accepted somebody as a friend (2), or removed or
    /// refused them (3). Undocumented; the shape is from danyadev/longpoll-doc.
    FriendsChanged {
        /// What was done.
        action: i64;
        /// With whom.
        user_id: i64
    }
}

/// Several users at once: sources disagree on which comes first, the users or the conversation, so
/// that it is told by which of them is the array.
macro_rules! activities {
    ($($(#[$about:meta])* $name:ident)*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct $name {
            /// Who; the account that listens may be among them.
            pub user_ids: Vec<i64>,
            /// The conversation.
            pub peer_id: i64,
            /// How many in all: not all of them need be told.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub total_count: Option<i64>,
            /// When: seconds since 1970.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub timestamp: Option<i64>,
        }

        impl FromRow for $name {
            fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
                let are_users_first = row.raw(1).is_some_and(|raw| raw.starts_with('['));
                let (users, peer) = if are_users_first { (1, 2) } else { (2, 1) };
                Ok(Self {
                    peer_id: row.need(peer)?,
                    user_ids: row.need(users)?,
                    total_count: row.find(3),
                    timestamp: row.find(4),
                })
            }
        }
    )*};
}

activities! {
    /// Code 63: users type in a conversation.
    UsersTyping
    /// Code 64: users record voice messages.
    UsersRecordingAudio
    /// Code 65: users upload photos. Undocumented; the shape is from danyadev/longpoll-doc.
    UsersUploadingPhoto
    /// Code 66: users upload videos. Undocumented; the shape is from danyadev/longpoll-doc.
    UsersUploadingVideo
    /// Code 67: users upload files. Undocumented; the shape is from danyadev/longpoll-doc.
    UsersUploadingFile
    /// Code 68: users record video messages. Undocumented; the shape is from danyadev/vk-desktop.
    UsersRecordingVideo
}
