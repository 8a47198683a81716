//! The community's wall.

use super::Attachment;
use super::objects::objects;
use crate::Json;

objects! {
    /// A post: of `wall_post_new` and `wall_repost`.
    WallPost {
        /// Its number on the wall.
        id: i64,
        /// Whose wall: minus a community.
        owner_id: i64;
        /// Who has posted it.
        from_id: i64,
        /// Who has written it in the name of the community.
        created_by: i64,
        /// When: seconds since 1970.
        date: i64,
        /// Its text.
        text: String,
        /// `post`, `copy`, `reply`, `postpone` or `suggest`.
        post_type: String,
        /// The post that was waiting for its time, and now is this one.
        postponed_id: i64,
        /// Who is named as the author.
        signer_id: i64,
        /// Whether it is an advertisement.
        marked_as_ads: bool,
        /// What is attached.
        attachments: Vec<Attachment>,
        /// The posts that it repeats.
        copy_history: Json,
        /// A place.
        geo: Json
    }

    /// A comment to a post: of `wall_reply_new`, `wall_reply_edit` and `wall_reply_restore`.
    WallReply {
        /// Its number on the wall.
        id: i64;
        /// Who has written it.
        from_id: i64,
        /// When: seconds since 1970.
        date: i64,
        /// Its text.
        text: String,
        /// Whose wall: minus a community.
        owner_id: i64,
        /// The same of the post.
        post_owner_id: i64,
        /// The post.
        post_id: i64,
        /// Whom it answers.
        reply_to_user: i64,
        /// The comment that it answers.
        reply_to_comment: i64,
        /// The comments above it.
        parents_stack: Vec<i64>,
        /// What is attached.
        attachments: Vec<Attachment>
    }

    /// `wall_reply_delete`: a comment was deleted.
    WallReplyDelete {
        /// Its number on the wall.
        id: i64;
        /// Whose wall: minus a community.
        owner_id: i64,
        /// Who has deleted it.
        deleter_id: i64,
        /// The post.
        post_id: i64
    }
}
