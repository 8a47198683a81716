//! Comments to photos, videos, goods and topics.

use super::objects::objects;
use super::{Attachment, Likes};
use crate::Json;

/// Comments, each with the place that it is at.
macro_rules! comments {
    ($(
        $(#[$about:meta])*
        $name:ident { $($(#[$doc:meta])* $field:ident),* }
    )*) => {
        objects! {$(
            $(#[$about])*
            $name {
                /// Its number.
                id: i64;
                $($(#[$doc])* $field: i64,)*
                /// The author.
                from_id: i64,
                /// When it was written: seconds since 1970.
                date: i64,
                /// Its text.
                text: String,
                /// The author of the comment that it answers.
                reply_to_user: i64,
                /// The comment that it answers.
                reply_to_comment: i64,
                /// The comments above it.
                parents_stack: Vec<i64>,
                /// Its likes.
                likes: Likes,
                /// The comments below it.
                thread: Json,
                /// What is attached.
                attachments: Vec<Attachment>
            }
        )*}
    };
}

comments! {
    /// Of `photo_comment_new`, `photo_comment_edit` and `photo_comment_restore`.
    PhotoComment {
        /// The photo.
        photo_id,
        /// The owner of the photo.
        photo_owner_id
    }

    /// Of `video_comment_new`, `video_comment_edit` and `video_comment_restore`.
    VideoComment {
        /// The video.
        video_id,
        /// The owner of the video.
        video_owner_id
    }

    /// Of `market_comment_new`, `market_comment_edit` and `market_comment_restore`.
    MarketComment {
        /// The article.
        item_id,
        /// The owner of the article: minus a community.
        market_owner_id,
        /// The photo that is attached.
        photo_id
    }

    /// Of `board_post_new`, `board_post_edit` and `board_post_restore`.
    BoardPost {
        /// The topic.
        topic_id,
        /// The owner of the topic: minus a community.
        topic_owner_id
    }
}

objects! {
    /// `photo_comment_delete`: a comment was deleted.
    PhotoCommentDelete {
        /// Its number.
        id: i64;
        /// The owner of the photo.
        owner_id: i64,
        /// The photo.
        photo_id: i64,
        /// The author.
        user_id: i64,
        /// The user who has deleted it.
        deleter_id: i64
    }

    /// `video_comment_delete`: a comment was deleted.
    VideoCommentDelete {
        /// Its number.
        id: i64;
        /// The owner of the video.
        owner_id: i64,
        /// The video.
        video_id: i64,
        /// The author.
        user_id: i64,
        /// The user who has deleted it.
        deleter_id: i64
    }

    /// `market_comment_delete`: a comment was deleted.
    MarketCommentDelete {
        /// Its number.
        id: i64;
        /// The owner of the article: minus a community.
        owner_id: i64,
        /// The article.
        item_id: i64,
        /// The author.
        user_id: i64,
        /// The user who has deleted it.
        deleter_id: i64
    }

    /// `board_post_delete`: a comment in a topic was deleted.
    BoardPostDelete {
        /// Its number.
        id: i64;
        /// The topic.
        topic_id: i64,
        /// The owner of the topic: minus a community.
        topic_owner_id: i64,
        /// The user who has deleted it.
        deleter_id: i64
    }
}
