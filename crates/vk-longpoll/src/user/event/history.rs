//! Events of the history: rows that are cut short, and the messages that they are about.

use super::message::Tail;
use super::{Event, EventKind};
use crate::json::{Object, split};
use crate::user::fields::Fields;
use crate::user::peer::PeerKind;
use crate::user::text::escaped;
use crate::user::{Attachments, Extra};
use serde_json::value::RawValue;

impl Event {
    /// An event of `messages.getLongPollHistory`: its row, and the message that it is about, as the
    /// API has it, where the answer has one.
    ///
    /// The history cuts the rows of messages to `[4, id, flags, peer]`. The rest is made from the
    /// message, as a poll would have told it: the text is escaped, attachments are told by type and
    /// id. The event is marked as recovered; its [`raw`](Self::raw) is the row of a poll, made in the
    /// same way. Without a message it stays as short as it came.
    ///
    /// ```
    /// use vk_longpoll::RawValue;
    /// use vk_longpoll::user::{Event, EventKind};
    ///
    /// let row = RawValue::from_string("[4,5,1,2000000001]".to_owned())?;
    /// let message = RawValue::from_string(
    ///     r#"{"id":5,"date":1464950873,"from_id":7,"peer_id":2000000001,"text":"1 < 2"}"#.to_owned(),
    /// )?;
    /// let event = Event::from_history(&row, Some(&message));
    /// let EventKind::NewMessage(message) = &event.kind else { panic!() };
    /// assert!(event.recovered);
    /// assert_eq!(event.raw().get(), r#"[4,5,1,2000000001,1464950873,"1 &lt; 2",{"from":"7"},{}]"#);
    /// assert_eq!(message.text_decoded().unwrap(), "1 < 2");
    /// assert_eq!(message.extra.as_ref().unwrap().sender_id(), Some(7));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn from_history(row: &RawValue, message: Option<&RawValue>) -> Self {
        Self::decode(row).recovered_with(message)
    }

    /// The same, of a row that is decoded already.
    pub(crate) fn recovered_with(mut self, message: Option<&RawValue>) -> Self {
        self.mark_recovered();
        let message = message.and_then(|message| Object::split(message.get()));
        if let Some(message) = message
            && number(&message, "id").is_none_or(|id| self.message_id() == Some(id))
        {
            self.kind.complete(tail(&message, self.peer_id()));
            if let Some(row) = self.kind.complete_row(self.raw.get()) {
                self.raw = row;
            }
        }
        self
    }
}

/// A number of a message's object; what is none is as good as absent.
fn number(message: &Object<'_>, name: &'static str) -> Option<i64> {
    message.find(name)
}

fn tail(message: &Object<'_>, peer_id: Option<i64>) -> Tail {
    let text: Option<String> = message.find("text");
    let peer_id = peer_id.or_else(|| number(message, "peer_id"));
    Tail {
        peer_id,
        timestamp: number(message, "date"),
        text: text.map(|text| escaped(&text)),
        extra: Some(Extra(extra(message, peer_id))),
        attachments: Some(Attachments(attachments(message))),
        random_id: number(message, "random_id"),
    }
}

fn extra(message: &Object<'_>, peer_id: Option<i64>) -> Fields {
    let mut extra = Fields::default();
    let is_chat = matches!(peer_id.map(PeerKind::of), Some(PeerKind::Chat(_)));
    if let Some(from) = number(message, "from_id").filter(|_| is_chat) {
        extra.push_text("from", &from.to_string());
    }
    if let Some(admin) = number(message, "admin_author_id") {
        extra.push_text("from_admin", &admin.to_string());
    }
    for name in ["payload", "keyboard"] {
        if let Some(json) = message.raw(name) {
            extra.push_json(name, json);
        }
    }
    if let Some(seconds) = number(message, "expire_ttl") {
        extra.push_text("expire_ttl", &seconds.to_string());
    }
    if message.find("is_expired") == Some(true) {
        extra.push_text("is_expired", "1");
    }
    let action = message.raw("action").and_then(Object::split);
    if let Some(action) = action {
        // The names of the API, and of the long poll.
        for (name, field) in [
            ("type", "source_act"),
            ("member_id", "source_mid"),
            ("text", "source_text"),
            ("message", "source_message"),
            ("conversation_message_id", "source_chat_local_id"),
            ("style", "source_style"),
        ] {
            if let Some(text) = action.find::<String>(name) {
                extra.push_text(field, &text);
            }
        }
    }
    extra
}

fn attachments(message: &Object<'_>) -> Fields {
    let mut fields = Fields::default();
    let all = message.raw("attachments");
    let parts = all.and_then(split).unwrap_or_default();
    for (at, part) in parts.iter().enumerate() {
        attachment(&mut fields, at + 1, part);
    }
    if let Some(all) = all.filter(|_| !parts.is_empty()) {
        fields.push_text("attachments_count", &parts.len().to_string());
        fields.push_text("attachments", all);
    }
    let reply = message.raw("reply_message").and_then(Object::split);
    let forwarded = message.raw("fwd_messages").and_then(split);
    if reply.is_some() || forwarded.is_some_and(|all| !all.is_empty()) {
        fields.push_text("fwd", "0_0");
    }
    if let Some(id) = reply.and_then(|reply| number(&reply, "conversation_message_id")) {
        let reply = format!(r#"{{"conversation_message_id":{id}}}"#);
        fields.push_text("reply", &reply);
    }
    if let Some(geo) = message.raw("geo") {
        fields.push_json("geo", geo);
    }
    fields
}

/// One attachment as the long poll tells it: its type, and whose it is and which.
fn attachment(fields: &mut Fields, number_of_it: usize, json: &str) {
    let Some(object) = Object::split(json) else { return };
    let Some(kind) = object.find::<String>("type") else { return };
    let name = format!("attach{number_of_it}");
    let push = |fields: &mut Fields, part: &str, text: &str| {
        fields.push_text(&format!("{name}{part}"), text);
    };
    // What the API has as kinds of their own are documents here.
    let (told, doc_kind) = match kind.as_str() {
        "audio_message" => ("doc", Some("audiomsg")),
        "graffiti" => ("doc", Some("graffiti")),
        "event" => ("group", None),
        other => (other, None),
    };
    push(fields, "_type", told);
    if let Some(doc_kind) = doc_kind {
        push(fields, "_kind", doc_kind);
    }
    let Some(it) = object.raw(&kind).and_then(Object::split) else { return };
    let owner = ["owner_id", "from_id", "to_id"].iter().find_map(|name| number(&it, name));
    let item = ["id", "sticker_id"].iter().find_map(|name| number(&it, name));
    match (owner, item) {
        (Some(owner), Some(item)) => push(fields, "", &format!("{owner}_{item}")),
        (None, Some(item)) => push(fields, "", &item.to_string()),
        _ => {}
    }
    for (name, part) in [("product_id", "_product_id"), ("url", "_url"), ("title", "_title")] {
        if let Some(text) = it.find::<String>(name) {
            let is_told = part == "_product_id" || kind == "link";
            if is_told {
                push(fields, part, &text);
            }
        }
    }
}

impl EventKind {
    /// Whether a row of this kind is cut short in the history, so that its message is of use.
    #[must_use]
    pub fn is_message(&self) -> bool {
        matches!(self, Self::NewMessage(_) | Self::MessageEdited(_) | Self::MessageUpdated(_))
    }
}
