//! The types of events, by their names.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! types {
    ($($name:ident $text:literal;)*) => {
        /// The type of an event, as `groups.setLongPollSettings` names it.
        ///
        /// ```
        /// use vk_longpoll::bots::EventType;
        ///
        /// assert_eq!(EventType::from_name("photo_new"), EventType::PhotoNew);
        /// assert_eq!(EventType::PhotoNew.name(), "photo_new");
        /// assert_eq!(EventType::from_name("a_new_one").name(), "a_new_one");
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventType {
            $(
                #[doc = concat!("`", $text, "`")]
                $name,
            )*
            /// A type that this crate does not know, by its name.
            Other(String),
        }

        impl EventType {
            /// All that are known.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The type of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($text => Self::$name,)*
                    other => Self::Other(other.to_owned()),
                }
            }

            /// Its name.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

types! {
    MessageNew "message_new";
    MessageReply "message_reply";
    MessageEdit "message_edit";
    MessageAllow "message_allow";
    MessageDeny "message_deny";
    MessageTypingState "message_typing_state";
    MessageEvent "message_event";
    MessageRead "message_read";
    MessageReactionEvent "message_reaction_event";
    MessagesEdit "messages_edit";
    PhotoNew "photo_new";
    PhotoCommentNew "photo_comment_new";
    PhotoCommentEdit "photo_comment_edit";
    PhotoCommentRestore "photo_comment_restore";
    PhotoCommentDelete "photo_comment_delete";
    AudioNew "audio_new";
    VideoNew "video_new";
    VideoCommentNew "video_comment_new";
    VideoCommentEdit "video_comment_edit";
    VideoCommentRestore "video_comment_restore";
    VideoCommentDelete "video_comment_delete";
    WallPostNew "wall_post_new";
    WallRepost "wall_repost";
    WallSchedulePostNew "wall_schedule_post_new";
    WallSchedulePostDelete "wall_schedule_post_delete";
    WallReplyNew "wall_reply_new";
    WallReplyEdit "wall_reply_edit";
    WallReplyRestore "wall_reply_restore";
    WallReplyDelete "wall_reply_delete";
    BoardPostNew "board_post_new";
    BoardPostEdit "board_post_edit";
    BoardPostRestore "board_post_restore";
    BoardPostDelete "board_post_delete";
    MarketCommentNew "market_comment_new";
    MarketCommentEdit "market_comment_edit";
    MarketCommentRestore "market_comment_restore";
    MarketCommentDelete "market_comment_delete";
    MarketOrderNew "market_order_new";
    MarketOrderEdit "market_order_edit";
    GroupLeave "group_leave";
    GroupJoin "group_join";
    GroupOfficersEdit "group_officers_edit";
    GroupChangeSettings "group_change_settings";
    GroupChangePhoto "group_change_photo";
    UserBlock "user_block";
    UserUnblock "user_unblock";
    PollVoteNew "poll_vote_new";
    VkpayTransaction "vkpay_transaction";
    LeadFormsNew "lead_forms_new";
    AppPayload "app_payload";
    LikeAdd "like_add";
    LikeRemove "like_remove";
    DonutSubscriptionCreate "donut_subscription_create";
    DonutSubscriptionProlonged "donut_subscription_prolonged";
    DonutSubscriptionExpired "donut_subscription_expired";
    DonutSubscriptionCancelled "donut_subscription_cancelled";
    DonutSubscriptionPriceChanged "donut_subscription_price_changed";
    DonutMoneyWithdraw "donut_money_withdraw";
    DonutMoneyWithdrawError "donut_money_withdraw_error";
    Confirmation "confirmation";
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Its name.
impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
