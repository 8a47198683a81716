//! What a poll is answered with.

use super::event::Event;
use crate::Failed;
use crate::decode_error::DecodeError;
use crate::json::Typed;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// What a poll is answered with: events, or that it failed.
///
/// ```
/// use vk_longpoll::user::Answer;
///
/// let body = br#"{"ts":1820350874,"pts":10,"updates":[[61,42,1],[],"odd",[12345,"new"]]}"#;
/// let Answer::Updates(updates) = Answer::decode(body)? else { panic!() };
/// assert_eq!((updates.ts, updates.pts), (1_820_350_874, Some(10)));
/// let kinds: Vec<_> = updates.events.iter().map(|event| event.kind.name()).collect();
/// assert_eq!(kinds, ["user_typing", "odd", "odd", "unknown"]);
///
/// let Answer::Failed(failed) = Answer::decode(br#"{"failed":1,"ts":"30"}"#)? else { panic!() };
/// assert_eq!((failed.code, failed.ts), (1, Some(30)));
///
/// assert!(Answer::decode(b"{}").unwrap_err().is_incomplete());
/// # Ok::<(), vk_longpoll::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// Events, or none where the wait was over.
    Updates(Updates),
    /// There are no events for this `ts` and key.
    Failed(Failed),
}

/// The events of an answer, and where to go on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Updates {
    /// What the next poll begins at.
    pub ts: i64,
    /// The same for the history, if the mode asks for it.
    pub pts: Option<i64>,
    /// In their order; one for each row, whatever it is.
    pub events: Vec<Event>,
}

impl Answer {
    /// What the body of an answer says.
    ///
    /// Bytes that are no UTF-8 become U+FFFD; entries that are not known are left alone; numbers may
    /// be strings. No row makes it fail.
    ///
    /// # Errors
    /// The body is no JSON, or an object with neither `failed` nor both of `ts` and `updates`: it
    /// never begins again at 0.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let parts: Parts = crate::decode_error::whole(body, AnswerVisitor)?;
        if let Some(code) = parts.failed.filter(|code| *code != 0) {
            let Parts { ts, min_version, max_version, .. } = parts;
            return Ok(Self::Failed(Failed { code, ts, min_version, max_version }));
        }
        match (parts.ts, parts.events) {
            (Some(ts), Some(events)) => Ok(Self::Updates(Updates { ts, pts: parts.pts, events })),
            (None, Some(_)) => Err(DecodeError::incomplete("it has no ts")),
            (_, None) => Err(DecodeError::incomplete("it has no updates")),
        }
    }
}

#[derive(Default)]
struct Parts {
    failed: Option<i64>,
    ts: Option<i64>,
    pts: Option<i64>,
    min_version: Option<i64>,
    max_version: Option<i64>,
    events: Option<Vec<Event>>,
}

struct AnswerVisitor;

impl<'a> Visitor<'a> for AnswerVisitor {
    type Value = Parts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Parts, A::Error> {
        let mut parts = Parts::default();
        // A name that is no text, for half an emoji, is none of these.
        while let Some(name) = map.next_key::<&'a RawValue>()? {
            let number = match name.get() {
                r#""failed""# => &mut parts.failed,
                r#""ts""# => &mut parts.ts,
                r#""pts""# => &mut parts.pts,
                r#""min_version""# => &mut parts.min_version,
                r#""max_version""# => &mut parts.max_version,
                r#""updates""# => {
                    parts.events = map.next_value_seed(Rows)?;
                    continue;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *number = i64::typed(map.next_value::<&'a RawValue>()?.get());
        }
        Ok(parts)
    }
}

/// The rows; `None` for what is not an array.
struct Rows;

impl<'a> DeserializeSeed<'a> for Rows {
    type Value = Option<Vec<Event>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Rows {
    type Value = Option<Vec<Event>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(row) = rows.next_element::<&'a RawValue>()? {
            events.push(Event::decode(row));
        }
        Ok(Some(events))
    }
}
