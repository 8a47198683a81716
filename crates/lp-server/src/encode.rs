//! Publications as polls carry them: encoded once, shared by all.

use crate::event_id;
use bytes::Bytes;
use rt_broker::{Batch, Entry, Publication, WireFormat};
use std::io::Write as _;
use std::sync::Arc;

const BEGIN: &[u8] = br#"{"events":["#;
const END: &[u8] = b"]}";

/// A publication: `{"timestamp","category","data","id"}`, and `event` where it has a type.
///
/// Text that is no JSON is a JSON string. One without data (a comment for event streams) is nothing
/// to a poller: no bytes.
pub(crate) fn event<'a>(entry: &'a Entry, category: &str) -> &'a Bytes {
    entry.encoded(WireFormat::LongPoll, |publication| encode(publication, category))
}

/// The whole answer to a poll that is given this batch; empty where there is nothing for pollers.
pub(crate) fn answer<'a>(batch: &'a Batch, category: &str) -> &'a Bytes {
    batch.joined(WireFormat::LongPoll, |entries| join(entries.iter(), category))
}

/// One answer of several batches.
pub(crate) fn answer_of<'a>(
    mut batches: impl Iterator<Item = &'a Batch> + Clone,
    category: &str,
) -> Bytes {
    let all = batches.clone();
    match (batches.next(), batches.next()) {
        (None, _) => Bytes::new(),
        (Some(only), None) => answer(only, category).clone(),
        _ => join(all.flat_map(|batch| batch.entries()), category),
    }
}

/// One answer of these entries; empty where there is nothing for pollers.
pub(crate) fn join<'a>(
    entries: impl Iterator<Item = &'a Arc<Entry>> + Clone,
    category: &str,
) -> Bytes {
    let events = entries.map(|entry| event(entry, category)).filter(|event| !event.is_empty());
    let size: usize = events.clone().map(|event| event.len() + 1).sum();
    if size == 0 {
        return Bytes::new();
    }
    let mut answer = Vec::with_capacity(BEGIN.len() + size + END.len());
    answer.extend_from_slice(BEGIN);
    for event in events {
        answer.extend_from_slice(event);
        answer.push(b',');
    }
    answer.pop();
    answer.extend_from_slice(END);
    answer.into()
}

fn encode(publication: &Publication, category: &str) -> Bytes {
    let Some(data) = publication.data() else { return Bytes::new() };
    let mut json = Vec::with_capacity(data.len() + category.len() + 128);
    // Nothing fails that is written to memory.
    let _ = write!(json, r#"{{"timestamp":{},"category":"#, publication.time());
    let _ = serde_json::to_writer(&mut json, category);
    json.extend_from_slice(br#","data":"#);
    match publication.is_json() {
        true => json.extend_from_slice(data.as_bytes()),
        false => drop(serde_json::to_writer(&mut json, data)),
    }
    let _ = write!(json, r#","id":"{}""#, event_id::of(publication).as_hyphenated());
    if let Some(event) = publication.event() {
        json.extend_from_slice(br#","event":"#);
        let _ = serde_json::to_writer(&mut json, event);
    }
    json.push(b'}');
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rt_broker::{Epoch, Message, Offset, Position, Timestamp};

    fn position() -> Position {
        Position::new(Epoch::new(42).unwrap(), Offset::new(7))
    }

    fn encoded(message: Message) -> String {
        let time = Timestamp::from_millis(1_795_230_332_805);
        let publication = Publication::new(message, position(), time);
        String::from_utf8(encode(&publication, "a\"b").into()).unwrap()
    }

    #[test]
    fn a_publication_is_golongpolls_event() {
        let head = r#"{"timestamp":1795230332805,"category":"a\"b","data":"#;
        let json = Message::json(r#"{"x": [1]}"#);
        let uuid = event_id::from_position(position());
        let id = format!(r#","id":"{uuid}""#);
        assert_eq!(encoded(json), format!("{head}{{\"x\": [1]}}{id}}}"));
        let text = Message::text("say \"hi\"\n").with_event("note");
        assert_eq!(encoded(text), format!(r#"{head}"say \"hi\"\n"{id},"event":"note"}}"#));
        assert_eq!(encoded(Message::comment_only("for streams")), "");
    }
}
