//! What [`Extra`](super::Extra) and [`Attachments`](super::Attachments) keep: every entry of an
//! object, in its order.

use crate::json::{Json, Typed, entries, unescaped};
use compact_str::CompactString as Short;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The entries of an object. The last of a name counts.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Fields(Vec<(Short, Field)>);

#[derive(Clone, PartialEq)]
pub(crate) enum Field {
    Text(Short),
    Number(i64),
    /// All else; strings too whose escapes are not those of JSON.
    Json(Json),
}

impl Fields {
    /// The value of this name, if it has one.
    fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().rev().find(|(known, _)| **known == *name).map(|(_, field)| field)
    }

    /// The value as [text](Field::text).
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)?.text()
    }

    /// The value as a [string](Field::str).
    pub(crate) fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.str()
    }

    /// The value as a [number](Field::number).
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.number()
    }

    /// The value as JSON: as it is, or what a string has in it.
    pub(crate) fn json(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.get(name)? {
            Field::Json(json) => Some(Cow::Borrowed(json.get())),
            Field::Text(text) => Some(Cow::Borrowed(text)),
            Field::Number(number) => Some(Cow::Owned(number.to_string())),
        }
    }

    /// Whether the value is there, and neither `0` nor empty nor `false`.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Field::Text(text)) => !matches!(&**text, "" | "0"),
            Some(Field::Number(number)) => *number != 0,
            Some(Field::Json(json)) => json.get() != "false",
            None => false,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.0.iter().map(|(name, field)| (&**name, field))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    pub(crate) fn push(&mut self, name: &str, field: Field) {
        self.0.push((name.into(), field));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(Short::from(text))
    }
}

impl Field {
    /// A string, or a number as its digits.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Json(_) => None,
        }
    }

    /// A string, borrowed: no numbers.
    pub(crate) fn str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, or a string that is one but for spaces around it.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Number(number) => Some(*number),
            Self::Json(_) => None,
        }
    }

    /// `None` for `null`, which is as good as absent.
    pub(crate) fn of(json: &str) -> Option<Self> {
        Some(match json.as_bytes().first()? {
            b'"' => Self::Text(Short::from(&*unescaped(json))),
            b'n' => return None,
            b'-' | b'0'..=b'9' => match json.parse() {
                Ok(number) => Self::Number(number),
                Err(_) => Self::Json(Json::typed(json)?),
            },
            _ => Self::Json(Json::typed(json)?),
        })
    }
}

impl Typed for Fields {
    /// An object; or an empty array, which is what PHP makes of an empty object.
    fn typed(json: &str) -> Option<Self> {
        let mut fields = Self::default();
        for (name, raw) in entries(json)? {
            if let Some(field) = Field::of(raw) {
                fields.0.push((Short::from(&*name), field));
            }
        }
        Some(fields)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, field) in &self.0 {
            match field {
                Field::Text(text) => map.serialize_entry(&**name, &**text)?,
                Field::Number(number) => map.serialize_entry(&**name, number)?,
                Field::Json(json) => map.serialize_entry(&**name, json)?,
            }
        }
        map.end()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = formatter.debug_map();
        for (name, field) in &self.0 {
            match field {
                Field::Text(text) => map.entry(name, text),
                Field::Number(number) => map.entry(name, number),
                Field::Json(json) => map.entry(name, &json.get()),
            };
        }
        map.finish()
    }
}
