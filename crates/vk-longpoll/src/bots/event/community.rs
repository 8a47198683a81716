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

    /// `message_reaction_event`: somebody reacts to a message, or no longer does.
    MessageReactionEvent {
        /// The user who reacts.
        reacted_id: i64,
        /// The conversation.
        peer_id: i64,
        /// The message, by its number in the conversation.
        conversation_message_id as "cmid": i64;
        /// The reaction; absent where it was taken back.
        reaction_id: i64
    }

    /// `user_block`: a user was banned.
    UserBlock {
        /// The user.
        user_id: i64;
        /// The administrator who banned the user.
        admin_id: i64,
        /// Until when: seconds since 1970; 0 for good.
        unblock_date: i64,
        /// The reason: 0 another, 1 spam, 2 insults, 3 obscene language, 4 off topic.
        reason: i64,
        /// The administrator's comment.
        comment: String
    }

    /// `user_unblock`: a user is no longer banned.
    UserUnblock {
        /// The user.
        user_id: i64;
        /// The administrator who has lifted the ban.
        admin_id: i64,
        /// Whether its time was over.
        by_end_date: bool
    }

    /// `poll_vote_new`: a user has voted in a public poll.
    PollVoteNew {
        /// The poll.
        poll_id: i64,
        /// The user.
        user_id: i64;
        /// The owner of the poll.
        owner_id: i64,
        /// The option that the user has chosen.
        option_id: i64
    }

    /// `group_officers_edit`: a user has another role in the community.
    GroupOfficersEdit {
        /// The user.
        user_id: i64;
        /// The administrator who has changed it.
        admin_id: i64,
        /// The role before: 0 none, 1 moderator, 2 editor, 3 administrator.
        level_old: i64,
        /// The role now.
        level_new: i64
    }

    /// `group_change_settings`: the community's settings have changed.
    GroupChangeSettings {
        ;
        /// The administrator who has changed them.
        user_id: i64,
        /// Each setting by its name: `{"title":{"old_value":"a","new_value":"b"}}`.
        changes: Json
    }

    /// `group_change_photo`: the community has another main photo.
    GroupChangePhoto {
        ;
        /// The administrator who has changed it.
        user_id: i64,
        /// The photo, as the API has it.
        photo: Json
    }

    /// `vkpay_transaction`: a payment came through VK Pay.
    VkpayTransaction {
        /// The user who has paid.
        from_id: i64;
        /// How much, in thousandths of a rouble.
        amount: i64,
        /// What the user wrote with it.
        description: String,
        /// When: seconds since 1970.
        date: i64,
        /// What the payment's link had in it.
        payload: String
    }

    /// `lead_forms_new`: a user has filled in a form.
    LeadFormsNew {
        /// The filled-in form.
        lead_id: i64;
        /// The user.
        user_id: i64,
        /// The community.
        group_id: i64,
        /// The form.
        form_id: i64,
        /// Its name.
        form_name: String,
        /// The advertisement that it came by.
        ad_id: i64,
        /// The answers: `[{"key":…,"question":…,"answer":…}]`.
        answers: Json
    }

    /// `app_payload`: a mini app of the community sends something.
    AppPayload {
        /// The user.
        user_id: i64,
        /// The mini app.
        app_id: i64;
        /// What it sends.
        payload: String,
        /// The community.
        group_id: i64
    }

    /// `market_order_new` and `market_order_edit`.
    MarketOrder {
        /// Its number.
        id: i64;
        /// The user who has ordered.
        user_id: i64,
        /// The community.
        group_id: i64,
        /// When: seconds since 1970.
        date: i64,
        /// Its state, by VK's number: 0 new, 1 agreed on, 2 assembled, 3 sent, 4 done, 5 cancelled,
        /// 6 returned.
        status: i64,
        /// How many articles there are.
        items_count: i64,
        /// The number that the user sees.
        display_order_id: String,
        /// The user's comment.
        comment: String,
        /// What it costs, with the currency.
        total_price: Json,
        /// Some of the articles.
        preview_order_items: Json,
        /// How it is delivered.
        delivery: Json,
        /// The recipient.
        recipient: Json
    }
}
