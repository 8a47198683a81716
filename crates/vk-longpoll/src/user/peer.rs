//! Who a conversation is with.

/// Ids of conversations begin here where they are chats.
const CHATS: i64 = 2_000_000_000;

/// Who a conversation is with, told by its id.
///
/// ```
/// use vk_longpoll::user::PeerKind;
///
/// assert_eq!(PeerKind::of(42), PeerKind::User(42));
/// assert_eq!(PeerKind::of(2_000_000_007), PeerKind::Chat(7));
/// assert_eq!(PeerKind::of(-5), PeerKind::Community(5));
/// assert_eq!(PeerKind::Chat(7).peer_id(), 2_000_000_007);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerKind {
    /// A user, by id.
    User(i64),
    /// A chat, by its own id: without the 2,000,000,000.
    Chat(i64),
    /// A community, by id: without the minus.
    Community(i64),
}

impl PeerKind {
    /// The kind of this `peer_id`.
    #[must_use]
    pub const fn of(peer_id: i64) -> Self {
        match peer_id {
            i64::MIN..0 => Self::Community(peer_id.saturating_neg()),
            0..=CHATS => Self::User(peer_id),
            _ => Self::Chat(peer_id - CHATS),
        }
    }

    /// The `peer_id` of it.
    #[must_use]
    pub const fn peer_id(self) -> i64 {
        match self {
            Self::User(id) => id,
            Self::Chat(id) => id.saturating_add(CHATS),
            Self::Community(id) => id.saturating_neg(),
        }
    }
}

/// The `peer_id` of a chat that is named by its own id, or by its `peer_id` already.
pub(super) fn of_chat(chat_id: i64) -> i64 {
    if (0..=CHATS).contains(&chat_id) { chat_id + CHATS } else { chat_id }
}
