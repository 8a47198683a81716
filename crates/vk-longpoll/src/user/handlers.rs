//! Handlers of a user's events: by code, and typed.
use std::sync::Arc;

use rt_common::BoxError;

use super::event::*;
use crate::handlers::{Of, handler};

/// Functions that are called with a user's events.
///
/// ```
/// use std::sync::Arc;
/// use vk_longpoll::RawValue;
/// use vk_longpoll::user::{Event, Handlers};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let handlers = Handlers::new()
///     .on_new_message(|message| async move {
///         println!("{:?} in {:?}", message.text_decoded(), message.peer_id);
///         std::io::Result::Ok(())
///     })
///     // The row as it came, by its code.
///     .on(61, |event| async move {
///         let row: (i64, i64, i64) = serde_json::from_str(event.raw().get())?;
///         println!("{} is typing", row.1);
///         serde_json::Result::Ok(())
///     });
/// let row = RawValue::from_string("[61,42,1]".into())?;
/// handlers.dispatch(Event::decode(&row)).await?;
/// # Ok(())
/// # }
/// ```
pub type Handlers = crate::Handlers<Event>;

impl crate::Handlers<Event> {
    /// Called with each event of this code, typed or not: [`Event::raw`] has the row.
    ///
    /// Rows of messages have one form, whether they were polled or read from the history: code, id,
    /// flags, peer, time, text, and what else the mode asks for. Only a message that the API no longer
    /// gives, because it was deleted, leaves a recovered row that ends with the peer.
    pub fn on<F, R, X>(mut self, code: i64, handle: F) -> Self
    where
        F: Fn(Arc<Event>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), X>> + Send + 'static,
        X: Into<BoxError>,
    {
        self.add_by_code(code, handler(handle));
        self
    }
}

macro_rules! typed {
    ($($method:ident $kind:ident $name:literal;)*) => {
        impl crate::Handlers<Event> {
            $(
                #[doc = concat!("Called with each [`", stringify!($kind), "`], `", $name, "`.")]
                pub fn $method<F, R, X>(mut self, handle: F) -> Self
                where
                    F: Fn(Of<Event, $kind>) -> R + Send + Sync + 'static,
                    R: Future<Output = Result<(), X>> + Send + 'static,
                    X: Into<BoxError>,
                {
                    fn part(event: &Event) -> Option<&$kind> {
                        match &event.kind {
                            EventKind::$kind(part) => Some(part),
                            _ => None,
                        }
                    }
                    self.add_part($name, part, handle);
                    self
                }
            )*

            /// The names of all kinds that have a handler of their own.
            #[cfg(test)]
            const TYPED: &[&str] = &[$($name),*];
        }
    };
}

typed! {
    on_flags_replaced FlagsReplaced "flags_replaced";
    on_flags_set FlagsSet "flags_set";
    on_flags_reset FlagsReset "flags_reset";
    on_new_message NewMessage "new_message";
    on_message_edited MessageEdited "message_edited";
    on_read_incoming ReadIncoming "read_incoming";
    on_read_outgoing ReadOutgoing "read_outgoing";
    on_friend_online FriendOnline "friend_online";
    on_friend_offline FriendOffline "friend_offline";
    on_peer_flags_reset PeerFlagsReset "peer_flags_reset";
    on_peer_flags_replaced PeerFlagsReplaced "peer_flags_replaced";
    on_peer_flags_set PeerFlagsSet "peer_flags_set";
    on_messages_deleted MessagesDeleted "messages_deleted";
    on_messages_restored MessagesRestored "messages_restored";
    on_message_updated MessageUpdated "message_updated";
    on_cache_reset CacheReset "cache_reset";
    on_major_id_changed MajorIdChanged "major_id_changed";
    on_minor_id_changed MinorIdChanged "minor_id_changed";
    on_message_translated MessageTranslated "message_translated";
    on_chat_changed ChatChanged "chat_changed";
    on_chat_info_changed ChatInfoChanged "chat_info_changed";
    on_user_typing UserTyping "user_typing";
    on_user_typing_in_chat UserTypingInChat "user_typing_in_chat";
    on_users_typing UsersTyping "users_typing";
    on_users_recording_audio UsersRecordingAudio "users_recording_audio";
    on_users_uploading_photo UsersUploadingPhoto "users_uploading_photo";
    on_users_uploading_video UsersUploadingVideo "users_uploading_video";
    on_users_uploading_file UsersUploadingFile "users_uploading_file";
    on_users_recording_video UsersRecordingVideo "users_recording_video";
    on_user_call UserCall "user_call";
    on_counter_changed CounterChanged "counter_changed";
    on_invisibility_changed InvisibilityChanged "invisibility_changed";
    on_friends_changed FriendsChanged "friends_changed";
    on_members_changed MembersChanged "members_changed";
    on_notification_settings_changed NotificationSettingsChanged "notification_settings_changed";
    on_incoming_call IncomingCall "incoming_call";
    on_callback_answered CallbackAnswered "callback_answered";
    on_folder_created FolderCreated "folder_created";
    on_folder_deleted FolderDeleted "folder_deleted";
    on_folder_renamed FolderRenamed "folder_renamed";
    on_folder_peers_added FolderPeersAdded "folder_peers_added";
    on_folder_peers_removed FolderPeersRemoved "folder_peers_removed";
    on_folders_reordered FoldersReordered "folders_reordered";
    on_folder_counters_changed FolderCountersChanged "folder_counters_changed";
    on_reactions_changed ReactionsChanged "reactions_changed";
    on_unread_reactions_changed UnreadReactionsChanged "unread_reactions_changed";
    on_unknown Unknown "unknown";
    on_malformed Malformed "malformed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_handler() {
        let all = EventKind::ALL.iter().map(|(_, name)| *name).chain(["unknown", "malformed"]);
        assert_eq!(Handlers::TYPED, all.collect::<Vec<_>>());
    }
}
