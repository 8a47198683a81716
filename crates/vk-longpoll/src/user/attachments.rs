//! What is attached to a message.

use super::Extra;
use super::fields::{Field, Fields};
use crate::json::Typed;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is attached to a message: an object, of which every entry is kept.
///
/// ```
/// use vk_longpoll::RawValue;
/// use vk_longpoll::user::{Event, EventKind};
///
/// let row = r#"[4,1,49,42,1464958914,"hello",{"title":" ... "},
///     {"attach1_type":"photo","attach1":"7_14","fwd":"0_0"}]"#;
/// let event = Event::decode(&RawValue::from_string(row.to_owned())?);
/// let EventKind::NewMessage(message) = &event.kind else { panic!() };
/// let attachments = message.attachments.as_ref().unwrap();
/// let photo = &attachments.list()[0];
/// assert_eq!((&*photo.kind, photo.owner_and_item()), ("photo", Some((7, 14))));
/// assert!(attachments.has_forwarded());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Attachments(pub(super) Fields);

impl Attachments {
    /// The entries `attach1`, `attach2`, … as one attachment each, in the order of their numbers.
    #[must_use]
    pub fn list(&self) -> Vec<Attachment<'_>> {
        let mut parts: BTreeMap<u32, BTreeMap<String, Field<'_>>> = BTreeMap::new();
        for (name, field) in self.0.iter() {
            if let Some((number, part)) = part(&name) {
                parts.entry(number).or_default().insert(part.to_owned(), field);
            }
        }
        parts.values().filter_map(Attachment::of).collect()
    }

    /// Those among the entries of the first object: before version 3 there is no other.
    pub(super) fn among(extra: &Extra) -> Option<Self> {
        let is_one = |name: &str| matches!(name, "attach1_type" | "fwd" | "geo");
        extra.names().any(|name| is_one(&name)).then(|| Self(extra.0.clone()))
    }

    /// Whether messages are forwarded with it, or one is answered.
    #[must_use]
    pub fn has_forwarded(&self) -> bool {
        self.fwd().is_some()
    }

    /// `fwd` as it comes: `0_0`, or in older forms the messages' `owner_id`s.
    #[must_use]
    pub fn fwd(&self) -> Option<Cow<'_, str>> {
        self.0.string("fwd")
    }

    /// The message that is answered: JSON such as `{"conversation_message_id":5}`.
    #[must_use]
    pub fn reply(&self) -> Option<Cow<'_, str>> {
        self.0.json("reply")
    }

    /// The number in the conversation of the message that is answered.
    #[must_use]
    pub fn reply_local_id(&self) -> Option<i64> {
        let reply = Fields::typed(&self.reply()?)?;
        reply.number("conversation_message_id")
    }

    /// A place.
    #[must_use]
    pub fn geo(&self) -> Option<Cow<'_, str>> {
        self.0.json("geo")
    }

    /// Of how many attachments [`json`](Self::json) tells.
    #[must_use]
    pub fn count(&self) -> Option<i64> {
        self.0.number("attachments_count")
    }

    /// The attachments as the API has them: a JSON array. VK gives it for a few kinds only.
    #[must_use]
    pub fn json(&self) -> Option<Cow<'_, str>> {
        self.0.json("attachments")
    }

    /// Any entry, as text: a string or a number.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.text(name)
    }

    /// The names of all entries, in their order.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.names()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of `attach1` or `attach1_type`: the number, and what follows.
fn part(name: &str) -> Option<(u32, &str)> {
    let rest = name.strip_prefix("attach")?;
    // `attachments_count` has no number.
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, part) = rest.split_at(digits);
    Some((number.parse().ok()?, part))
}

impl Typed for Attachments {
    fn typed(json: &str) -> Option<Self> {
        Fields::typed(json).map(Self)
    }
}

/// One thing that is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attachment<'a> {
    /// `attach1_type`: `photo`, `video`, `audio`, `doc`, `wall`, `sticker`, `link`, …
    pub kind: Cow<'a, str>,
    /// `attach1`: `owner_item`, or an id alone (a sticker's).
    pub id: Option<Cow<'a, str>>,
    /// `attach1_product_id`: the set that a sticker belongs to.
    pub product_id: Option<i64>,
    /// `attach1_kind`: what a document is (`audiomsg`, `graffiti`), how a sticker moves.
    pub doc_kind: Option<Cow<'a, str>>,
    /// `attach1_photo`: the picture of a link.
    pub photo: Option<Cow<'a, str>>,
    /// `attach1_title`: the title of a link.
    pub title: Option<Cow<'a, str>>,
    /// `attach1_desc`: the description of a link.
    pub description: Option<Cow<'a, str>>,
    /// `attach1_url`: where a link leads.
    pub url: Option<Cow<'a, str>>,
}

impl<'a> Attachment<'a> {
    fn of(parts: &BTreeMap<String, Field<'a>>) -> Option<Self> {
        let part = |part: &str| parts.get(part).and_then(|field| field.string());
        Some(Self {
            kind: part("_type")?,
            id: parts.get("").and_then(|field| field.text()),
            product_id: parts.get("_product_id").and_then(|field| field.number()),
            doc_kind: part("_kind"),
            photo: part("_photo"),
            title: part("_title"),
            description: part("_desc"),
            url: part("_url"),
        })
    }

    /// Whose it is and which: of `owner_item`, or of `owner_item_accesskey`.
    #[must_use]
    pub fn owner_and_item(&self) -> Option<(i64, i64)> {
        let mut parts = self.id.as_deref()?.split('_');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    /// The id of what has no owner: a sticker's.
    #[must_use]
    pub fn item(&self) -> Option<i64> {
        match self.owner_and_item() {
            Some((_, item)) => Some(item),
            None => self.id.as_deref()?.parse().ok(),
        }
    }
}
