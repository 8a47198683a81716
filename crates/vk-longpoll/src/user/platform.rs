//! What a friend is online with, and what was changed in a chat: numbers of which some have names.

use crate::json::Typed;
use serde::{Serialize, Serializer};

/// An enumeration of numbers, of which those without a name are kept.
macro_rules! numbers {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $value:literal;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A number without a known meaning.
            Other(i64),
        }

        impl $name {
            /// What the number means.
            #[must_use]
            pub const fn of(number: i64) -> Self {
                match number {
                    $($value => Self::$variant,)*
                    other => Self::Other(other),
                }
            }

            /// The number.
            #[must_use]
            pub const fn number(self) -> i64 {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(number) => number,
                }
            }
        }

        /// The number.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.number())
            }
        }

        impl Typed for $name {
            fn typed(json: &str) -> Option<Self> {
                i64::typed(json).map(Self::of)
            }
        }
    };
}

numbers! {
    /// What a friend is online with.
    Platform {
        /// The site for phones, or an unknown application of one.
        Mobile = 1;
        /// An iPhone.
        Iphone = 2;
        /// An iPad.
        Ipad = 3;
        /// Android.
        Android = 4;
        /// Windows Phone.
        WindowsPhone = 5;
        /// Windows.
        Windows = 6;
        /// The site, or an unknown application of a computer.
        Web = 7;
    }
}

numbers! {
    /// What was changed in a chat. Sources disagree about some numbers; these are the newer
    /// meanings. The number is always there: [`ChatChange::number`].
    ChatChange {
        /// Its name.
        Name = 1;
        /// Its photo.
        Photo = 2;
        /// Somebody is an administrator now: `info` is who.
        Administrator = 3;
        /// Who may do what: `info` is a mask.
        Settings = 4;
        /// A message is pinned, or no more: `info` is its number in the conversation, or 0.
        Pinned = 5;
        /// Somebody joined: `info` is who.
        Joined = 6;
        /// Somebody left: `info` is who.
        Left = 7;
        /// Somebody was thrown out: `info` is who.
        Kicked = 8;
        /// Somebody is an administrator no more: `info` is who.
        Demoted = 9;
        /// The keyboard came or went.
        Keyboard = 11;
    }
}
