//! All kinds of events, by their types.

use super::objects::FromObject;
use super::*;
use crate::MalformedParts;
use crate::json::{EntryFault, Object, Typed};

macro_rules! kinds {
    ($($name:ident($type:ident) $text:literal;)*) => {
        /// What happened: the types whose objects are documented are typed, the others keep theirs.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum EventKind {
            $(
                #[doc = concat!("`", $text, "`")]
                $name($type),
            )*
            /// Any other type.
            Other(Other),
            /// What is not what its type says.
            Malformed(Malformed),
        }

        impl EventKind {
            /// The name of the event's type; `malformed` where it is none.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$name(_) => $text,)*
                    Self::Other(other) => other.event_type.name(),
                    Self::Malformed(_) => "malformed",
                }
            }

            /// The event's type; `None` where it has none.
            #[must_use]
            pub fn event_type(&self) -> Option<EventType> {
                match self {
                    $(Self::$name(_) => Some(EventType::$name),)*
                    Self::Other(other) => Some(other.event_type.clone()),
                    Self::Malformed(event) => event.event_type.clone(),
                }
            }

            /// What of the object could not be read.
            pub(super) fn malformed_parts(&self) -> Option<&MalformedParts> {
                match self {
                    $(Self::$name(event) => Some(FromObject::malformed_parts(event)),)*
                    Self::Other(_) | Self::Malformed(_) => None,
                }
            }

            fn typed(event_type: EventType, object: Option<&str>) -> Self {
                let kind = match &event_type {
                    $(EventType::$name => of(object).map(Self::$name),)*
                    _ => {
                        let object = object.and_then(Json::typed);
                        return Self::Other(Other { event_type, object });
                    }
                };
                kind.unwrap_or_else(|reason| {
                    Self::Malformed(Malformed { reason, event_type: Some(event_type) })
                })
            }
        }
    };
}

kinds! {
    MessageNew(MessageNew) "message_new";
    MessageReply(MessageReply) "message_reply";
    MessageEdit(MessageEdit) "message_edit";
    MessageAllow(MessageAllow) "message_allow";
    MessageDeny(MessageDeny) "message_deny";
    MessageTypingState(MessageTypingState) "message_typing_state";
    MessageEvent(MessageEvent) "message_event";
    MessageRead(MessageRead) "message_read";
    GroupJoin(GroupJoin) "group_join";
    GroupLeave(GroupLeave) "group_leave";
    WallPostNew(WallPost) "wall_post_new";
    WallRepost(WallPost) "wall_repost";
    WallReplyNew(WallReply) "wall_reply_new";
    WallReplyEdit(WallReply) "wall_reply_edit";
    WallReplyRestore(WallReply) "wall_reply_restore";
    WallReplyDelete(WallReplyDelete) "wall_reply_delete";
    LikeAdd(Like) "like_add";
    LikeRemove(Like) "like_remove";
    DonutSubscriptionCreate(DonutSubscription) "donut_subscription_create";
    DonutSubscriptionProlonged(DonutSubscription) "donut_subscription_prolonged";
    DonutSubscriptionExpired(DonutSubscriptionEnd) "donut_subscription_expired";
    DonutSubscriptionCancelled(DonutSubscriptionEnd) "donut_subscription_cancelled";
    DonutSubscriptionPriceChanged(DonutPriceChange) "donut_subscription_price_changed";
    DonutMoneyWithdraw(DonutMoneyWithdraw) "donut_money_withdraw";
    DonutMoneyWithdrawError(DonutMoneyWithdrawError) "donut_money_withdraw_error";
    MessageReactionEvent(MessageReactionEvent) "message_reaction_event";
    PhotoCommentNew(PhotoComment) "photo_comment_new";
    PhotoCommentEdit(PhotoComment) "photo_comment_edit";
    PhotoCommentRestore(PhotoComment) "photo_comment_restore";
    PhotoCommentDelete(PhotoCommentDelete) "photo_comment_delete";
    VideoCommentNew(VideoComment) "video_comment_new";
    VideoCommentEdit(VideoComment) "video_comment_edit";
    VideoCommentRestore(VideoComment) "video_comment_restore";
    VideoCommentDelete(VideoCommentDelete) "video_comment_delete";
    MarketCommentNew(MarketComment) "market_comment_new";
    MarketCommentEdit(MarketComment) "market_comment_edit";
    MarketCommentRestore(MarketComment) "market_comment_restore";
    MarketCommentDelete(MarketCommentDelete) "market_comment_delete";
    BoardPostNew(BoardPost) "board_post_new";
    BoardPostEdit(BoardPost) "board_post_edit";
    BoardPostRestore(BoardPost) "board_post_restore";
    BoardPostDelete(BoardPostDelete) "board_post_delete";
    MarketOrderNew(MarketOrder) "market_order_new";
    MarketOrderEdit(MarketOrder) "market_order_edit";
    GroupOfficersEdit(GroupOfficersEdit) "group_officers_edit";
    GroupChangeSettings(GroupChangeSettings) "group_change_settings";
    GroupChangePhoto(GroupChangePhoto) "group_change_photo";
    UserBlock(UserBlock) "user_block";
    UserUnblock(UserUnblock) "user_unblock";
    PollVoteNew(PollVoteNew) "poll_vote_new";
    VkpayTransaction(VkpayTransaction) "vkpay_transaction";
    LeadFormsNew(LeadFormsNew) "lead_forms_new";
    AppPayload(AppPayload) "app_payload";
}

impl EventKind {
    /// What an update says, whatever it is.
    pub(super) fn decode(update: &Object<'_>) -> Self {
        match update.need::<String>("type") {
            Ok(name) if !name.is_empty() => {
                Self::typed(EventType::from_name(&name), update.raw("object"))
            }
            _ => Self::Malformed(Malformed { reason: MalformedReason::NoType, event_type: None }),
        }
    }

    pub(super) fn peer_id(&self) -> Option<i64> {
        match self {
            Self::MessageNew(event) => event.message.peer_id.or(event.message.from_id),
            Self::MessageReply(event) => event.message.peer_id,
            Self::MessageEdit(event) => event.message.peer_id,
            Self::MessageAllow(event) => Some(event.user_id),
            Self::MessageDeny(event) => Some(event.user_id),
            // The community itself is no conversation of its own.
            Self::MessageTypingState(event) => Some(event.from_id.max(event.to_id)),
            Self::MessageEvent(event) => Some(event.peer_id),
            Self::MessageRead(event) => Some(event.peer_id),
            Self::GroupJoin(event) => Some(event.user_id),
            Self::GroupLeave(event) => Some(event.user_id),
            Self::DonutSubscriptionCreate(event) => Some(event.user_id),
            Self::DonutSubscriptionProlonged(event) => Some(event.user_id),
            Self::DonutSubscriptionExpired(event) => Some(event.user_id),
            Self::DonutSubscriptionCancelled(event) => Some(event.user_id),
            Self::DonutSubscriptionPriceChanged(event) => Some(event.user_id),
            Self::MessageReactionEvent(event) => Some(event.peer_id),
            Self::UserBlock(event) => Some(event.user_id),
            Self::UserUnblock(event) => Some(event.user_id),
            Self::GroupOfficersEdit(event) => Some(event.user_id),
            _ => None,
        }
    }
}

fn of<T: FromObject>(object: Option<&str>) -> Result<T, MalformedReason> {
    let object = object.and_then(Object::split).ok_or(MalformedReason::NoObject)?;
    T::from_object(&object).map_err(|fault| match fault.within("object") {
        EntryFault::Missing(path) => MalformedReason::Missing(path),
        EntryFault::Wrong(path) => MalformedReason::Wrong(path),
    })
}
