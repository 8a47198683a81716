//! What [`Extra`](super::Extra) and [`Attachments`](super::Attachments) keep: an object as the text that
//! it came as. Its entries are read when they are asked for: most never are.

use crate::json::{Typed, entries, unescaped};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The text of an object. The last entry of a name counts, and `null` is as good as absent.
#[derive(Clone, PartialEq)]
pub(crate) struct Fields(Box<str>);

const NONE: &str = "{}";

impl Fields {
    /// The names and values, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Field<'_>)> {
        let all = entries(&self.0).into_iter().flatten();
        all.filter_map(|(name, json)| Some((name, Field::of(json)?)))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.iter().map(|(name, _)| name)
    }

    /// The value of this name, if it has one.
    pub(crate) fn get(&self, name: &str) -> Option<Field<'_>> {
        self.iter().filter(|(known, _)| known == name).last().map(|(_, field)| field)
    }

    /// The value as [text](Field::text).
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)?.text()
    }

    /// The value as a [string](Field::string).
    pub(crate) fn string(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)?.string()
    }

    /// The value as a [number](Field::number).
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.number()
    }

    /// The value as JSON: as it is, or what a string has in it.
    pub(crate) fn json(&self, name: &str) -> Option<Cow<'_, str>> {
        let field = self.get(name)?;
        Some(field.string().unwrap_or(Cow::Borrowed(field.0)))
    }

    /// Whether the value is there, and neither `0` nor empty nor `false`.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.json(name).is_some_and(|json| !matches!(&*json, "" | "0" | "false"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(crate) fn push_text(&mut self, name: &str, text: &str) {
        self.push(name, &serde_json::Value::from(text).to_string());
    }

    pub(crate) fn push_json(&mut self, name: &str, json: &str) {
        if Field::of(json).is_some() {
            self.push(name, json);
        }
    }

    fn push(&mut self, name: &str, json: &str) {
        let inside = self.0.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inside = inside.unwrap_or_default().trim();
        let comma = if inside.is_empty() { "" } else { "," };
        let name = serde_json::Value::from(name);
        self.0 = format!("{{{inside}{comma}{name}:{json}}}").into();
    }
}

/// A value, as JSON.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a>(&'a str);

impl<'a> Field<'a> {
    /// `None` for `null`, which is as good as absent.
    fn of(json: &'a str) -> Option<Self> {
        (!json.is_empty() && json != "null").then_some(Self(json))
    }

    /// A string, or a whole number as its digits.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        self.string().or_else(|| self.0.parse::<i64>().is_ok().then_some(Cow::Borrowed(self.0)))
    }

    /// A string: no numbers.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        self.0.starts_with('"').then(|| unescaped(self.0))
    }

    /// A number, or a string that is one but for spaces around it.
    pub(crate) fn number(self) -> Option<i64> {
        self.text()?.trim().parse().ok()
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self(NONE.into())
    }
}

impl Typed for Fields {
    /// An object; or an empty array, which is what PHP makes of an empty object.
    fn typed(json: &str) -> Option<Self> {
        if json.starts_with('{') {
            return Some(Self(json.into()));
        }
        entries(json).map(|_| Self::default())
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, field) in self.iter() {
            // A string's escapes may be none of JSON's.
            match field.string() {
                Some(text) => map.serialize_entry(&name, &text)?,
                None => map.serialize_entry(&name, &raw(field.0))?,
            }
        }
        map.end()
    }
}

/// The same for serde_json; it was JSON when it came.
fn raw(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.iter().map(|(name, field)| (name, field.string().unwrap_or(field.0.into())));
        formatter.debug_map().entries(shown).finish()
    }
}
