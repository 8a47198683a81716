//! Conversations: what was read, deleted, marked, moved, changed.

use super::rows::rows;
use crate::user::{ChatChange, PeerFlags};

rows! {
    /// Code 6: incoming messages are read, up to one.
    ReadIncoming {
        /// The conversation.
        peer_id: i64,
        /// The last message that is read.
        local_id: i64;
        /// Messages that are still unread.
        count: i64
    }

    /// Code 7: sent messages were read by others, up to one.
    ReadOutgoing {
        /// The conversation.
        peer_id: i64,
        /// The last message that was read.
        local_id: i64;
        /// Messages that are still unread.
        count: i64
    }

    /// Code 10: these flags of a conversation are reset.
    PeerFlagsReset {
        /// The conversation.
        peer_id: i64,
        /// Which.
        flags: PeerFlags
    }

    /// Code 11: a conversation's flags are replaced by these.
    PeerFlagsReplaced {
        /// The conversation.
        peer_id: i64,
        /// All of them.
        flags: PeerFlags
    }

    /// Code 12: these flags of a conversation are set.
    PeerFlagsSet {
        /// The conversation.
        peer_id: i64,
        /// Which.
        flags: PeerFlags
    }

    /// Code 13: all messages of a conversation are deleted, up to one.
    MessagesDeleted {
        /// The conversation.
        peer_id: i64,
        /// The last message that is deleted.
        local_id: i64
    }

    /// Code 14: deleted messages of a conversation are restored, up to one.
    MessagesRestored {
        /// The conversation.
        peer_id: i64,
        /// The last message that is restored.
        local_id: i64
    }

    /// Code 20: a conversation was pinned or unpinned.
    MajorIdChanged {
        /// The conversation.
        peer_id: i64,
        /// By which conversations are sorted first, the greatest on top; 0 where it is not pinned.
        major_id: i64
    }

    /// Code 21: a conversation has another place among its like.
    MinorIdChanged {
        /// The conversation.
        peer_id: i64,
        /// By which conversations are sorted then, the greatest on top.
        minor_id: i64
    }

    /// Code 51: something in a chat has changed.
    ChatChanged {
        /// The chat, by its own id.
        chat_id: i64;
        /// 1 where the account that listens has changed it.
        by_self: i64
    }

    /// Code 52: this in a chat has changed.
    ChatInfoChanged {
        /// What.
        type_id: ChatChange,
        /// The conversation.
        peer_id: i64;
        /// More, by the type.
        info: i64
    }
}
