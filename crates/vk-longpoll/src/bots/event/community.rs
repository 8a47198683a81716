//! What happens around a community's messages, members and money.

use super::objects::objects;
use crate::Json;

objects! {
    /// `message_allow`: a user lets the community write to them.
    MessageAllow {
        /// Who.
        user_id: i64;
        /// The key that the community's widget was given.
        key: String
    }

    /// `message_deny`: a user no longer lets the community write to them.
    MessageDeny {
        /// Who.
        user_id: i64
    }

    /// `message_typing_state`: somebody types.
    MessageTypingState {
        /// Who.
        from_id: i64,
        /// To whom: minus the community, where a user types.
        to_id: i64;
        /// `typing`, or `audiomessage`.
        state: String
    }

    /// `message_event`: somebody has pressed a button that calls back.
    MessageEvent {
        /// Who.
        user_id: i64,
        /// The conversation.
        peer_id: i64,
        /// What `messages.sendMessageEventAnswer` is to be given; valid for a minute, and once.
        event_id: String;
        /// What the button has in it: JSON.
        payload: Json,
        /// The message with the button, by its number in the conversation; none where the button
        /// is the conversation's.
        conversation_message_id: i64
    }

    /// `message_read`: messages are read, up to one.
    MessageRead {
        /// Who has read.
        from_id: i64,
        /// The conversation.
        peer_id: i64;
        /// The last message that is read.
        read_message_id: i64,
        /// The same by its number in the conversation.
        conversation_message_id: i64
    }

    /// `group_join`: a user is a member now, or asks to be one.
    GroupJoin {
        /// Who.
        user_id: i64;
        /// `join`, `unsure`, `accepted`, `approved` or `request`.
        join_type: String
    }

    /// `group_leave`: a user is a member no more.
    GroupLeave {
        /// Who.
        user_id: i64;
        /// Whether they left by themselves.
        by_self as "self": bool
    }

    /// `like_add` and `like_remove`.
    Like {
        /// Who likes it.
        liker_id: i64,
        /// Its owner.
        object_owner_id: i64,
        /// Which it is.
        object_id: i64;
        /// What it is: `post`, `comment`, `photo`, `video`, `market`, …
        object_type: String,
        /// The comment, where it is one that answers another.
        thread_reply_id: i64,
        /// The post, where it is a comment to one.
        post_id: i64
    }

    /// `donut_subscription_create` and `donut_subscription_prolonged`.
    DonutSubscription {
        /// Who pays.
        user_id: i64;
        /// How much, in roubles.
        amount: f64,
        /// The same without VK's part.
        amount_without_fee: f64
    }

    /// `donut_subscription_expired` and `donut_subscription_cancelled`.
    DonutSubscriptionEnd {
        /// Who pays no more.
        user_id: i64
    }

    /// `donut_subscription_price_changed`.
    DonutPriceChange {
        /// Who pays.
        user_id: i64;
        /// How much it was, in roubles.
        amount_old: f64,
        /// How much it is.
        amount_new: f64,
        /// What is still to be paid.
        amount_diff: f64,
        /// The same without VK's part.
        amount_diff_without_fee: f64
    }

    /// `donut_money_withdraw`: money was paid to the community.
    DonutMoneyWithdraw {
        ;
        /// How much, in roubles.
        amount: f64,
        /// The same without VK's part.
        amount_without_fee: f64
    }

    /// `donut_money_withdraw_error`: money could not be paid.
    DonutMoneyWithdrawError {
        ;
        /// Why.
        reason: String
    }
}
