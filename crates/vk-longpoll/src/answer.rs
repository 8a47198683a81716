//! What the answers to polls of users and of bots have in common.

use crate::Failed;
use crate::decode_error::DecodeError;
use crate::json::{Typed, unescaped};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// The entries of an answer, whose updates are of this type.
pub(crate) struct Parts<T> {
    failed: Option<i64>,
    ts: Option<i64>,
    pts: Option<i64>,
    min_version: Option<i64>,
    max_version: Option<i64>,
    updates: Option<Vec<T>>,
}

/// `ts`, `pts` and the updates; or that the poll failed.
pub(crate) type Told<T> = Result<(i64, Option<i64>, Vec<T>), Failed>;

impl<T> Parts<T> {
    /// Reads an answer, and each of its updates with this.
    pub(crate) fn decode(
        body: &[u8],
        each: impl Fn(&RawValue) -> T,
    ) -> Result<Told<T>, DecodeError> {
        let parts = crate::decode_error::whole(
            body,
            AnswerVisitor(each, (body.len() / EACH).min(MAX_UPDATES), PhantomData),
        )?;
        if let Some(code) = parts.failed.filter(|code| *code != 0) {
            let Self { ts, min_version, max_version, .. } = parts;
            return Ok(Err(Failed { code, ts, min_version, max_version }));
        }
        match (parts.ts, parts.updates) {
            (Some(ts), Some(updates)) => Ok(Ok((ts, parts.pts, updates))),
            (None, Some(_)) => Err(DecodeError::incomplete("it has no ts")),
            (_, None) => Err(DecodeError::incomplete("it has no updates")),
        }
    }
}

/// The most updates of an answer: a thousand times those that VK holds back for who is away. The
/// shortest take some hundred times their bytes once they are events.
pub(crate) const MAX_UPDATES: usize = 1 << 18;

/// Bytes of an update, about: room for as many is made at once, since moving them costs more than
/// room that is not used.
const EACH: usize = 128;

struct AnswerVisitor<T, F>(F, usize, PhantomData<T>);

impl<'a, T, F: Fn(&RawValue) -> T> Visitor<'a> for AnswerVisitor<T, F> {
    type Value = Parts<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Parts<T>, A::Error> {
        let mut parts = Parts {
            failed: None,
            ts: None,
            pts: None,
            min_version: None,
            max_version: None,
            updates: None,
        };
        // Taken as it is: a name with half an emoji in it is none to fail at.
        while let Some(name) = map.next_key::<&'a RawValue>()? {
            let number = match &*unescaped(name.get()) {
                "failed" => &mut parts.failed,
                "ts" => &mut parts.ts,
                "pts" => &mut parts.pts,
                "min_version" => &mut parts.min_version,
                "max_version" => &mut parts.max_version,
                "updates" => {
                    parts.updates = map.next_value_seed(Rows(&self.0, self.1, PhantomData))?;
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

/// The updates; `None` for what is not an array.
struct Rows<'f, T, F>(&'f F, usize, PhantomData<T>);

impl<'a, T, F: Fn(&RawValue) -> T> DeserializeSeed<'a> for Rows<'_, T, F> {
    type Value = Option<Vec<T>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, T, F: Fn(&RawValue) -> T> Visitor<'a> for Rows<'_, T, F> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of updates")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
        let mut updates = Vec::with_capacity(self.1);
        while let Some(row) = rows.next_element::<&'a RawValue>()? {
            if updates.len() == MAX_UPDATES {
                return Err(A::Error::custom("too many updates"));
            }
            updates.push((self.0)(row));
        }
        Ok(Some(updates))
    }

    /// `null` is as good as absent: a failed poll may have it.
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
