//! The community's wall.

use super::Attachment;
use super::objects::objects;
use crate::Json;
use crate::json::{Typed, split};

objects! {
    /// A post: of `wall_post_new` and `wall_repost`.
    WallPost {
        /// Its number on the wall.
        id: i64,
        /// The owner of the wall: minus a community.
        owner_id: i64;
        /// The author.
        from_id: i64,
        /// The administrator who published it in the name of the community.
        created_by: i64,
        /// When it was published: seconds since 1970.
        date: i64,
        /// When it was edited: seconds since 1970.
        edited: i64,
        /// Its text.
        text: String,
        /// `post`, `copy`, `reply`, `postpone` or `suggest`.
        post_type: String,
        /// The number that it had while it was scheduled.
        postponed_id: i64,
        /// The author who is named below it.
        signer_id: i64,
        /// Whether it is an advertisement.
        marked_as_ads: bool,
        /// The owner of the wall of the post that it answers.
        reply_owner_id: i64,
        /// The post that it answers.
        reply_post_id: i64,
        /// Whether only friends see it.
        friends_only: bool,
        /// Whether it is pinned.
        is_pinned: bool,
        /// Whether it is among the favourites of the account.
        is_favorite: bool,
        /// Whether it is archived.
        is_archived: bool,
        /// Whether it was deleted.
        is_deleted: bool,
        /// Whether the account may edit it.
        can_edit: bool,
        /// Whether the account may delete it.
        can_delete: bool,
        /// Whether the account may pin it.
        can_pin: bool,
        /// What a private post is read with.
        access_key: String,
        /// Whether, and for how long, it is for donors only.
        donut: PostDonut,
        /// The source that it names.
        copyright: PostCopyright,
        /// Its comments.
        comments: PostComments,
        /// Its likes.
        likes: Likes,
        /// How often it was reposted.
        reposts: Reposts,
        /// How often it was seen.
        views: Views,
        /// Where it was written: on the site, in an application, …
        post_source: Json,
        /// What is attached.
        attachments: Vec<Attachment>,
        /// The posts that it repeats: [`reposted`](WallPost::reposted) types them.
        copy_history: Json,
        /// A place.
        geo: Json
    }

    /// What is for donors only.
    PostDonut {
        ;
        /// Whether only donors see the post.
        is_donut: bool,
        /// For how long: seconds.
        paid_duration: i64,
        /// What the others see in its place.
        placeholder: Json,
        /// Whether it may be published for all as well.
        can_publish_free_copy: bool,
        /// What may be edited: `all` or `duration`.
        edit_mode: String
    }

    /// The source that a post names.
    PostCopyright {
        ;
        /// Its id.
        id: i64,
        /// Its address.
        link: String,
        /// What kind of source it is.
        kind as "type": String,
        /// Its name.
        name: String
    }

    /// The comments of a post.
    PostComments {
        ;
        /// How many there are.
        count: i64,
        /// Whether the account may comment.
        can_post: bool,
        /// Whether communities may comment.
        groups_can_post: bool,
        /// Whether the account may close them.
        can_close: bool,
        /// Whether the account may open them.
        can_open: bool,
        /// What others than donors see in their place.
        donut: Json
    }

    /// Likes of a post or a comment.
    Likes {
        ;
        /// How many there are.
        count: i64,
        /// Whether the account likes it.
        user_likes: bool,
        /// Whether the account may like it.
        can_like: bool,
        /// Whether the account may repost it.
        can_publish: bool
    }

    /// Reposts of a post.
    Reposts {
        ;
        /// How many there are.
        count: i64,
        /// Whether the account has reposted it.
        user_reposted: bool
    }

    /// Views of a post.
    Views {
        ;
        /// How many there are.
        count: i64
    }

    /// A comment to a post: of `wall_reply_new`, `wall_reply_edit` and `wall_reply_restore`.
    WallReply {
        /// Its number on the wall.
        id: i64;
        /// The author.
        from_id: i64,
        /// When it was written: seconds since 1970.
        date: i64,
        /// Its text.
        text: String,
        /// The owner of the wall: minus a community.
        owner_id: i64,
        /// The owner of the post's wall.
        post_owner_id: i64,
        /// The post.
        post_id: i64,
        /// The author of the comment that it answers.
        reply_to_user: i64,
        /// The comment that it answers.
        reply_to_comment: i64,
        /// The comments above it.
        parents_stack: Vec<i64>,
        /// Whether its author is a donor.
        donut: ReplyDonut,
        /// Its likes.
        likes: Likes,
        /// The comments below it.
        thread: Json,
        /// Whether it was deleted.
        deleted: bool,
        /// Whether the account may edit it.
        can_edit: bool,
        /// Whether the author of the post has written it.
        is_from_post_author: bool,
        /// What is attached.
        attachments: Vec<Attachment>
    }

    /// Whether a comment is a donor's.
    ReplyDonut {
        ;
        /// Whether its author is a donor.
        is_don: bool,
        /// What others than donors see in its place.
        placeholder: Json
    }

    /// `wall_reply_delete`: a comment was deleted.
    WallReplyDelete {
        /// Its number on the wall.
        id: i64;
        /// The owner of the wall: minus a community.
        owner_id: i64,
        /// The user who has deleted it.
        deleter_id: i64,
        /// The author.
        user_id: i64,
        /// The post.
        post_id: i64
    }
}

impl WallPost {
    /// The posts that it repeats, each without those that it repeats itself.
    #[must_use]
    pub fn reposted(&self) -> Vec<Self> {
        let all = self.copy_history.as_ref().and_then(|all| split(all.get()));
        all.into_iter().flatten().filter_map(Self::typed).collect()
    }
}
