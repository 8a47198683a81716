//! Flags of messages and of conversations, as sets of bits.

use crate::json::Typed;
use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// A set of bits with names, of which unknown ones are kept.
macro_rules! bits {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $bit:ident = $value:expr;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name(i64);

        impl $name {
            $($(#[$doc])* pub const $bit: Self = Self($value);)*

            /// The set of these bits, known or not.
            #[must_use]
            pub const fn from_bits(bits: i64) -> Self {
                Self(bits)
            }

            /// All bits, as VK has them.
            #[must_use]
            pub const fn bits(self) -> i64 {
                self.0
            }

            /// Whether no bit is set.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether all of those are set.
            #[must_use]
            pub const fn contains(self, those: Self) -> bool {
                self.0 & those.0 == those.0
            }

            /// Both together; `|` in a constant.
            #[must_use]
            pub const fn union(self, those: Self) -> Self {
                Self(self.0 | those.0)
            }
        }

        impl BitOr for $name {
            type Output = Self;
            fn bitor(self, those: Self) -> Self {
                self.union(those)
            }
        }

        impl BitOrAssign for $name {
            fn bitor_assign(&mut self, those: Self) {
                self.0 |= those.0;
            }
        }

        impl BitAnd for $name {
            type Output = Self;
            fn bitand(self, those: Self) -> Self {
                Self(self.0 & those.0)
            }
        }

        /// The names of the set bits, and the rest as a number.
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let names: &[(&str, i64)] = &[$((stringify!($bit), $value)),*];
                $crate::user::flags::show(stringify!($name), self.0, names, formatter)
            }
        }

        /// The number.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }
    };
}
pub(super) use bits;

pub(super) fn show(
    name: &str,
    bits: i64,
    names: &[(&str, i64)],
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(formatter, "{name}(")?;
    let mut rest = bits;
    let mut between = "";
    for (flag, value) in names {
        if rest & value == *value {
            write!(formatter, "{between}{flag}")?;
            rest &= !value;
            between = " | ";
        }
    }
    if rest != 0 || bits == 0 {
        write!(formatter, "{between}{rest:#x}")?;
    }
    formatter.write_str(")")
}

bits! {
    /// Flags of a message; of the events 2 and 3 those that are set or reset.
    ///
    /// ```
    /// use vk_longpoll::user::MessageFlags;
    ///
    /// let flags = MessageFlags::from_bits(1 | 2 | 1 << 40);
    /// assert!(flags.is_unread() && flags.is_outbox());
    /// assert!(flags.contains(MessageFlags::UNREAD | MessageFlags::OUTBOX));
    /// // An unknown bit is kept.
    /// assert_eq!(flags.bits(), 1 | 2 | 1 << 40);
    /// assert_eq!(format!("{flags:?}"), "MessageFlags(UNREAD | OUTBOX | 0x10000000000)");
    /// ```
    MessageFlags {
        /// Not read yet.
        UNREAD = 1;
        /// Sent by the account that listens.
        OUTBOX = 1 << 1;
        /// Was answered.
        REPLIED = 1 << 2;
        /// Marked as important.
        IMPORTANT = 1 << 3;
        /// Sent in a chat.
        CHAT = 1 << 4;
        /// Sent by a friend.
        FRIENDS = 1 << 5;
        /// Marked as spam.
        SPAM = 1 << 6;
        /// Deleted (in the bin).
        DELETED = 1 << 7;
        /// Checked for spam by the user.
        FIXED = 1 << 8;
        /// Has media in it. No longer given by VK.
        MEDIA = 1 << 9;
        /// A voice message that was listened to. Undocumented.
        LISTENED = 1 << 12;
        /// Sent in a chat by a client of today's. Undocumented.
        CHAT_TOO = 1 << 13;
        /// No longer marked as spam. Undocumented.
        SPAM_CANCELLED = 1 << 15;
        /// A community's greeting: it does not raise the conversation.
        HIDDEN = 1 << 16;
        /// Deleted for all who got it.
        DELETED_FOR_ALL = 1 << 17;
        /// Came in, but was not delivered.
        NOT_DELIVERED = 1 << 18;
        /// Came in, in a chat. Undocumented.
        CHAT_INCOMING = 1 << 19;
        /// Came without a notification. Undocumented.
        SILENT = 1 << 20;
        /// Answers another message. Undocumented.
        REPLY = 1 << 21;
    }
}

impl MessageFlags {
    /// Whether the message is not read yet.
    #[must_use]
    pub const fn is_unread(self) -> bool {
        self.contains(Self::UNREAD)
    }

    /// Whether the account that listens has sent it.
    #[must_use]
    pub const fn is_outbox(self) -> bool {
        self.contains(Self::OUTBOX)
    }

    /// Whether it is marked as important.
    #[must_use]
    pub const fn is_important(self) -> bool {
        self.contains(Self::IMPORTANT)
    }

    /// Whether it is marked as spam.
    #[must_use]
    pub const fn is_spam(self) -> bool {
        self.contains(Self::SPAM)
    }

    /// Whether it is deleted, for this account at least.
    #[must_use]
    pub const fn is_deleted(self) -> bool {
        self.contains(Self::DELETED) || self.is_deleted_for_all()
    }

    /// Whether it is deleted for all who got it.
    #[must_use]
    pub const fn is_deleted_for_all(self) -> bool {
        self.contains(Self::DELETED_FOR_ALL)
    }
}

bits! {
    /// Flags of a conversation: of a community's those that VK documents, and what others have
    /// seen in users' conversations.
    PeerFlags {
        /// Important.
        IMPORTANT = 1;
        /// The community has not answered.
        UNANSWERED = 1 << 1;
        /// Muted. Undocumented.
        MUTED = 1 << 4;
        /// The user is mentioned in it. Undocumented.
        MENTION = 1 << 10;
        /// Has a marked message: a mention, or one that disappears. Undocumented.
        MARKED = 1 << 14;
        /// Marked as unread by hand. Undocumented.
        MARKED_UNREAD = 1 << 20;
        /// In the archive. Undocumented.
        ARCHIVED = 1 << 23;
    }
}

impl PeerFlags {
    /// Whether the conversation is marked as important.
    #[must_use]
    pub const fn is_important(self) -> bool {
        self.contains(Self::IMPORTANT)
    }

    /// Whether the community has not answered yet.
    #[must_use]
    pub const fn is_unanswered(self) -> bool {
        self.contains(Self::UNANSWERED)
    }
}

impl Typed for MessageFlags {
    fn typed(json: &str) -> Option<Self> {
        i64::typed(json).map(Self)
    }
}

impl Typed for PeerFlags {
    fn typed(json: &str) -> Option<Self> {
        i64::typed(json).map(Self)
    }
}
