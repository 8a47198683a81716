//! Handlers of a community's events: by type, and typed.
use std::sync::Arc;

use rt_common::BoxError;

use super::event::*;
use crate::handlers::{Of, handler};

/// Functions that are called with a community's events.
///
/// ```
/// use vk_longpoll::RawValue;
/// use vk_longpoll::bots::{Event, EventType, Handlers};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let handlers = Handlers::new()
///     .on_message_new(|new| async move {
///         println!("{:?} in {:?}", new.message.text, new.message.peer_id);
///         std::io::Result::Ok(())
///     })
///     // As it came, by its type.
///     .on(EventType::PhotoNew, |event| async move {
///         println!("{}", event.raw());
///         std::io::Result::Ok(())
///     });
/// let update = RawValue::from_string(r#"{"type":"photo_new","object":{"id":1}}"#.into())?;
/// handlers.dispatch(Event::decode(&update)).await?;
/// # Ok(())
/// # }
/// ```
pub type Handlers = crate::Handlers<Event>;

impl crate::Handlers<Event> {
    /// Called with each event of this type, typed, not typed, or [malformed](EventKind::Malformed):
    /// [`Event::raw`] has the object.
    pub fn on<F, R, X>(mut self, event_type: EventType, handle: F) -> Self
    where
        F: Fn(Arc<Event>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), X>> + Send + 'static,
        X: Into<BoxError>,
    {
        let (name, handle) = (event_type.name().to_owned(), handler(handle));
        let of_type = handler(move |event: Arc<Event>| {
            let is_its = event.kind.event_type().as_ref() == Some(&event_type);
            let handling = is_its.then(|| handle(event));
            async move {
                match handling {
                    Some(handling) => handling.await,
                    None => Ok(()),
                }
            }
        });
        // A malformed event goes by that name, not by its type's.
        if name != "malformed" {
            self.add_by_name("malformed", Arc::clone(&of_type));
        }
        self.add_by_name(name, of_type);
        self
    }
}

macro_rules! typed {
    ($($method:ident $kind:ident($part:ident) $name:literal;)*) => {
        impl crate::Handlers<Event> {
            $(
                #[doc = concat!("Called with each `", $name, "`.")]
                pub fn $method<F, R, X>(mut self, handle: F) -> Self
                where
                    F: Fn(Of<Event, $part>) -> R + Send + Sync + 'static,
                    R: Future<Output = Result<(), X>> + Send + 'static,
                    X: Into<BoxError>,
                {
                    fn part(event: &Event) -> Option<&$part> {
                        match &event.kind {
                            EventKind::$kind(part) => Some(part),
                            _ => None,
                        }
                    }
                    self.add_part($name, part, handle);
                    self
                }
            )*
        }
    };
}

typed! {
    on_message_new MessageNew(MessageNew) "message_new";
    on_message_reply MessageReply(MessageReply) "message_reply";
    on_message_edit MessageEdit(MessageEdit) "message_edit";
    on_message_allow MessageAllow(MessageAllow) "message_allow";
    on_message_deny MessageDeny(MessageDeny) "message_deny";
    on_message_typing_state MessageTypingState(MessageTypingState) "message_typing_state";
    on_message_event MessageEvent(MessageEvent) "message_event";
    on_message_read MessageRead(MessageRead) "message_read";
    on_group_join GroupJoin(GroupJoin) "group_join";
    on_group_leave GroupLeave(GroupLeave) "group_leave";
    on_wall_post_new WallPostNew(WallPost) "wall_post_new";
    on_wall_repost WallRepost(WallPost) "wall_repost";
    on_wall_reply_new WallReplyNew(WallReply) "wall_reply_new";
    on_wall_reply_edit WallReplyEdit(WallReply) "wall_reply_edit";
    on_wall_reply_restore WallReplyRestore(WallReply) "wall_reply_restore";
    on_wall_reply_delete WallReplyDelete(WallReplyDelete) "wall_reply_delete";
    on_like_add LikeAdd(Like) "like_add";
    on_like_remove LikeRemove(Like) "like_remove";
    on_donut_subscription_create DonutSubscriptionCreate(DonutSubscription) "donut_subscription_create";
    on_donut_subscription_prolonged DonutSubscriptionProlonged(DonutSubscription) "donut_subscription_prolonged";
    on_donut_subscription_expired DonutSubscriptionExpired(DonutSubscriptionEnd) "donut_subscription_expired";
    on_donut_subscription_cancelled DonutSubscriptionCancelled(DonutSubscriptionEnd) "donut_subscription_cancelled";
    on_donut_subscription_price_changed DonutSubscriptionPriceChanged(DonutPriceChange) "donut_subscription_price_changed";
    on_donut_money_withdraw DonutMoneyWithdraw(DonutMoneyWithdraw) "donut_money_withdraw";
    on_donut_money_withdraw_error DonutMoneyWithdrawError(DonutMoneyWithdrawError) "donut_money_withdraw_error";
    on_message_reaction_event MessageReactionEvent(MessageReactionEvent) "message_reaction_event";
    on_photo_comment_new PhotoCommentNew(PhotoComment) "photo_comment_new";
    on_photo_comment_edit PhotoCommentEdit(PhotoComment) "photo_comment_edit";
    on_photo_comment_restore PhotoCommentRestore(PhotoComment) "photo_comment_restore";
    on_photo_comment_delete PhotoCommentDelete(PhotoCommentDelete) "photo_comment_delete";
    on_video_comment_new VideoCommentNew(VideoComment) "video_comment_new";
    on_video_comment_edit VideoCommentEdit(VideoComment) "video_comment_edit";
    on_video_comment_restore VideoCommentRestore(VideoComment) "video_comment_restore";
    on_video_comment_delete VideoCommentDelete(VideoCommentDelete) "video_comment_delete";
    on_market_comment_new MarketCommentNew(MarketComment) "market_comment_new";
    on_market_comment_edit MarketCommentEdit(MarketComment) "market_comment_edit";
    on_market_comment_restore MarketCommentRestore(MarketComment) "market_comment_restore";
    on_market_comment_delete MarketCommentDelete(MarketCommentDelete) "market_comment_delete";
    on_board_post_new BoardPostNew(BoardPost) "board_post_new";
    on_board_post_edit BoardPostEdit(BoardPost) "board_post_edit";
    on_board_post_restore BoardPostRestore(BoardPost) "board_post_restore";
    on_board_post_delete BoardPostDelete(BoardPostDelete) "board_post_delete";
    on_market_order_new MarketOrderNew(MarketOrder) "market_order_new";
    on_market_order_edit MarketOrderEdit(MarketOrder) "market_order_edit";
    on_group_officers_edit GroupOfficersEdit(GroupOfficersEdit) "group_officers_edit";
    on_group_change_settings GroupChangeSettings(GroupChangeSettings) "group_change_settings";
    on_group_change_photo GroupChangePhoto(GroupChangePhoto) "group_change_photo";
    on_user_block UserBlock(UserBlock) "user_block";
    on_user_unblock UserUnblock(UserUnblock) "user_unblock";
    on_poll_vote_new PollVoteNew(PollVoteNew) "poll_vote_new";
    on_vkpay_transaction VkpayTransaction(VkpayTransaction) "vkpay_transaction";
    on_lead_forms_new LeadFormsNew(LeadFormsNew) "lead_forms_new";
    on_app_payload AppPayload(AppPayload) "app_payload";
    on_malformed Malformed(Malformed) "malformed";
}
