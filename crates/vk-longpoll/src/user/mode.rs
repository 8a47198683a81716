//! What a poll asks for.

use super::flags::bits;
use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

bits! {
    /// What a poll's answer shall have in it: the parameter `mode`.
    ///
    /// ```
    /// use vk_longpoll::user::Mode;
    ///
    /// let mode = Mode::ATTACHMENTS | Mode::PTS;
    /// assert_eq!(mode.bits(), 34);
    /// // Bits that this crate does not know are sent as they are.
    /// assert!(Mode::from_bits(1 << 20 | 2).contains(Mode::ATTACHMENTS));
    /// ```
    Mode {
        /// Attachments and more about messages.
        ATTACHMENTS = 2;
        /// More kinds of events.
        EXTENDED_EVENTS = 8;
        /// `pts`, which reading the history needs.
        PTS = 32;
        /// Which device a friend is on (event 8).
        ONLINE_EXTRA = 64;
        /// `random_id` of messages.
        RANDOM_ID = 128;
    }
}

impl Mode {
    /// All that are documented.
    pub const ALL: Self = Self::ATTACHMENTS
        .union(Self::EXTENDED_EVENTS)
        .union(Self::PTS)
        .union(Self::ONLINE_EXTRA)
        .union(Self::RANDOM_ID);
}
