//! Parts of an event that cannot be read, and the record of them that a loop keeps.
use std::collections::BTreeSet;

use crate::Json;
use crate::kind::Event;

/// More parts of one event are counted, but not kept: the event's raw form has them.
const MAX_KEPT: usize = 16;
/// More kinds are counted, but not logged: their names come from outside.
const MAX_LOGGED: usize = 256;

/// A part of an event that is not of the type that it should be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MalformedPart {
    /// Where it is: `object.message.attachments[1]`, or `[5]` for value 5 of a row.
    pub path: String,
    /// The part as it came.
    pub raw: Json,
}

/// The parts of an event that cannot be read. They are absent from the typed event, and cost nothing
/// around them.
///
/// ```
/// use vk_longpoll::RawValue;
/// use vk_longpoll::bots::{Event, EventKind};
///
/// let update = r#"{"type":"message_new","object":{"message":
///     {"peer_id":42,"text":"hello","expire_ttl":"soon"}}}"#;
/// let event = Event::decode(&RawValue::from_string(update.to_owned())?);
/// let EventKind::MessageNew(new) = &event.kind else { panic!() };
/// assert_eq!((new.message.text.as_deref(), new.message.expire_ttl), (Some("hello"), None));
///
/// let part = event.malformed_parts().iter().next().unwrap();
/// assert_eq!((&*part.path, part.raw.get()), ("object.message.expire_ttl", r#""soon""#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MalformedParts(Option<Box<Parts>>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Parts {
    kept: Vec<MalformedPart>,
    count: usize,
}

impl MalformedParts {
    /// The first 16 of them, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &MalformedPart> {
        self.0.iter().flat_map(|parts| &parts.kept)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |parts| parts.count)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    #[cold]
    pub(crate) fn add(&mut self, path: &str, raw: &str) {
        let parts = self.0.get_or_insert_default();
        parts.count += 1;
        if parts.kept.len() < MAX_KEPT
            && let Ok(raw) = Json::new(raw)
        {
            parts.kept.push(MalformedPart { path: path.to_owned(), raw });
        }
    }

    /// Adds the parts of a value that stands at this path.
    pub(crate) fn add_within(&mut self, path: &str, inner: &Self) {
        let Some(inner) = &inner.0 else { return };
        let parts = self.0.get_or_insert_default();
        parts.count += inner.count;
        let room = MAX_KEPT.saturating_sub(parts.kept.len());
        parts.kept.extend(
            inner
                .kept
                .iter()
                .take(room)
                .map(|part| MalformedPart { path: join(path, &part.path), raw: part.raw.clone() }),
        );
    }
}

/// The path of a part of the value at `path`.
pub(crate) fn join(path: &str, part: &str) -> String {
    let separator =
        if path.is_empty() || part.is_empty() || part.starts_with('[') { "" } else { "." };
    format!("{path}{separator}{part}")
}

/// Counts what a loop could not read, and logs the first of each kind.
#[derive(Default)]
pub(crate) struct MalformedLog {
    logged: BTreeSet<String>,
    count: u64,
}

impl MalformedLog {
    /// The number of events and of parts of events so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn note<E: Event>(&mut self, event: &E) {
        if let Some((what, reason)) = event.malformed() {
            self.count += 1;
            if self.is_new(format!("{what}: {reason}")) {
                tracing::warn!(kind = %what, %reason, "malformed event");
            }
        }
        let parts = event.malformed_parts();
        self.count += parts.count() as u64;
        for part in parts.iter() {
            let (kind, path) = (event.name(), without_indices(&part.path));
            if self.is_new(format!("{kind} {path}")) {
                // Not the part itself: it may be somebody's words.
                tracing::warn!(%kind, %path, "part of an event cannot be read: it is left out");
            }
        }
    }

    fn is_new(&mut self, kind: String) -> bool {
        self.logged.len() < MAX_LOGGED && self.logged.insert(kind)
    }
}

/// The same path for each element of a list. Values of a row keep their number, which tells them
/// apart.
fn without_indices(path: &str) -> String {
    let mut kind = String::with_capacity(path.len());
    for (at, piece) in path.split('[').enumerate() {
        match piece.split_once(']') {
            Some((_, rest)) if at > 1 || !path.starts_with('[') => {
                kind.push_str("[]");
                kind.push_str(rest);
            }
            Some(_) => {
                kind.push('[');
                kind.push_str(piece);
            }
            None => kind.push_str(piece),
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_kind_have_no_indices_but_a_rows_own() {
        assert_eq!(
            without_indices("object.message.attachments[12]"),
            "object.message.attachments[]"
        );
        assert_eq!(without_indices("[5]"), "[5]");
        assert_eq!(without_indices("[1][3].id"), "[1][].id");
    }

    #[test]
    fn parts_past_the_bound_are_counted_and_not_kept() {
        let mut parts = MalformedParts::default();
        for _ in 0..MAX_KEPT + 4 {
            parts.add("a", "null");
        }
        let mut outer = MalformedParts::default();
        outer.add("x", "1");
        outer.add_within("b", &parts);
        assert_eq!((parts.count(), parts.iter().count()), (20, 16));
        assert_eq!((outer.count(), outer.iter().count()), (21, 16));
        assert_eq!(outer.iter().nth(1).unwrap().path, "b.a");
    }

    #[test]
    fn the_kinds_that_are_logged_are_bounded() {
        let mut log = MalformedLog::default();
        assert!(log.is_new("a".into()) && !log.is_new("a".into()));
        for n in 0..2 * MAX_LOGGED {
            log.is_new(n.to_string());
        }
        assert_eq!(log.logged.len(), MAX_LOGGED);
    }
}
