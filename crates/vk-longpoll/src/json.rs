//! JSON that is taken apart before it is typed: the values of an array, the entries of an object,
//! each as the text that it is, and what such a text may be read as.
//!
//! So no value is read more deeply than its type asks, however deep it is nested; and a value that is
//! not what was expected costs itself, not what stands around it.

use crate::malformed::{MalformedParts, join};
use crate::scan::Values;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// A piece of JSON, as the text that it came as.
///
/// ```
/// use vk_longpoll::Json;
///
/// let json = Json::new(r#"{"a": [1, 2]}"#)?;
/// assert_eq!(json.get(), r#"{"a": [1, 2]}"#);
/// assert_eq!(serde_json::from_str::<serde_json::Value>(json.get())?["a"][1], 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// What this text says.
    ///
    /// # Errors
    /// The text is no JSON.
    pub fn new(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.into()).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The same for serde_json.
    #[must_use]
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

/// The same text: two spellings of one value are not the same.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.get())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The values of a JSON array, each as JSON; `None` for what is not an array.
pub(crate) fn split(json: &str) -> Option<Vec<&str>> {
    Some(Values::of_array(json)?.collect())
}

/// The entries of a JSON object, each as JSON. The last of a name counts, as with most decoders.
pub(crate) struct Object<'a> {
    entries: Vec<(Cow<'a, str>, &'a str)>,
    /// The entries that were asked for and could not be read.
    malformed: RefCell<MalformedParts>,
}

/// The path of a value that is missing, or not of the type that it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryFault {
    Missing(Cow<'static, str>),
    Wrong(Cow<'static, str>),
}

impl EntryFault {
    pub(crate) fn missing(name: &'static str) -> Self {
        Self::Missing(Cow::Borrowed(name))
    }

    pub(crate) fn wrong(name: &'static str) -> Self {
        Self::Wrong(Cow::Borrowed(name))
    }

    /// The same fault, of the value at this path.
    pub(crate) fn within(self, path: &str) -> Self {
        match self {
            Self::Missing(name) => Self::Missing(join(path, &name).into()),
            Self::Wrong(name) => Self::Wrong(join(path, &name).into()),
        }
    }
}

impl<'a> Object<'a> {
    /// As [`entries`].
    pub(crate) fn split(json: &'a str) -> Option<Self> {
        Some(Self { entries: entries(json)?.collect(), malformed: RefCell::default() })
    }

    /// The value of this name; `null` is as good as absent.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        let (_, raw) = self.entries.iter().rev().find(|(known, _)| known == name)?;
        Some(*raw).filter(|raw| *raw != "null")
    }

    /// The value of this name. One that cannot be read is noted, and as good as absent.
    pub(crate) fn find<T: Typed>(&self, name: &str) -> Option<T> {
        let raw = self.raw(name)?;
        let value = self.read(name, raw);
        if value.is_none() {
            self.malformed.borrow_mut().add(name, raw);
        }
        value
    }

    /// The value of this name, without which the object is not what it should be.
    pub(crate) fn need<T: Typed>(&self, name: &'static str) -> Result<T, EntryFault> {
        self.identity(name)?.ok_or_else(|| EntryFault::missing(name))
    }

    /// A value that tells what the object is about: it may be absent, but not unreadable.
    pub(crate) fn identity<T: Typed>(&self, name: &'static str) -> Result<Option<T>, EntryFault> {
        let raw = self.raw(name);
        raw.map(|raw| self.read(name, raw).ok_or_else(|| EntryFault::wrong(name))).transpose()
    }

    fn read<T: Typed>(&self, name: &str, raw: &str) -> Option<T> {
        if !T::HAS_PARTS {
            return T::typed(raw);
        }
        let mut inner = MalformedParts::default();
        let value = T::read(raw, &mut inner);
        if value.is_some() {
            self.note_within(name, &inner);
        }
        value
    }

    pub(crate) fn note_within(&self, name: &str, inner: &MalformedParts) {
        if !inner.is_empty() {
            self.malformed.borrow_mut().add_within(name, inner);
        }
    }

    /// What could not be read so far.
    pub(crate) fn take_malformed(&self) -> MalformedParts {
        self.malformed.take()
    }
}

/// The names of an object with their values as JSON; none of an empty array, which is what PHP makes
/// of an empty object. `None` for all else.
pub(crate) fn entries(json: &str) -> Option<impl Iterator<Item = (Cow<'_, str>, &str)>> {
    let mut values = match Values::of_object(json) {
        Some(values) => values,
        None => Values::of_array(json).filter(|values| values.is_empty())?,
    };
    Some(std::iter::from_fn(move || Some((unescaped(values.next()?), values.next()?))))
}

/// What one value may be read as; `None` where it is something else.
pub(crate) trait Typed: Sized {
    fn typed(json: &str) -> Option<Self>;

    /// Whether values of this type have parts that may be unreadable while the value is not.
    const HAS_PARTS: bool = false;

    /// The same, of a value whose own parts may be unreadable: these are noted, and absent from it.
    fn read(json: &str, _malformed: &mut MalformedParts) -> Option<Self> {
        Self::typed(json)
    }
}

impl Typed for i64 {
    /// A number, or a string that is one.
    fn typed(json: &str) -> Option<Self> {
        let Some(text) = unquoted(json) else { return number(json) };
        // A leading plus is no number that VK writes.
        let digits = text.trim();
        if digits.starts_with('+') { None } else { digits.parse().ok() }
    }
}

/// A number of JSON, if it is a whole one. Up to 18 digits cannot overflow: most numbers need no
/// look at that with each digit.
fn number(json: &str) -> Option<i64> {
    let bytes = json.as_bytes();
    if bytes.is_empty() || bytes.len() > 18 {
        return json.parse().ok();
    }
    let mut number = 0;
    for byte in bytes {
        match byte.wrapping_sub(b'0') {
            digit @ 0..=9 => number = number * 10 + i64::from(digit),
            _ => return json.parse().ok(),
        }
    }
    Some(number)
}

impl Typed for String {
    /// A string, or a number as the text that it is.
    fn typed(json: &str) -> Option<Self> {
        match json.as_bytes().first()? {
            b'"' => Some(unescaped(json).into_owned()),
            b'-' | b'0'..=b'9' => Some(json.to_owned()),
            _ => None,
        }
    }
}

impl Typed for f64 {
    /// A number, or a string that is one.
    fn typed(json: &str) -> Option<Self> {
        serde_json::from_str(unquoted(json).unwrap_or(json)).ok()
    }
}

impl Typed for bool {
    /// `true` or `false`; or a number, of which only 0 is false.
    fn typed(json: &str) -> Option<Self> {
        match json {
            "true" => Some(true),
            "false" => Some(false),
            other => i64::typed(other).map(|number| number != 0),
        }
    }
}

impl Typed for Json {
    fn typed(json: &str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(json).ok().map(Self::from)
    }
}

impl<T: Typed> Typed for Vec<T> {
    fn typed(json: &str) -> Option<Self> {
        Self::read(json, &mut MalformedParts::default())
    }

    const HAS_PARTS: bool = true;

    /// The elements that can be read.
    fn read(json: &str, malformed: &mut MalformedParts) -> Option<Self> {
        let mut list = Vec::new();
        for (at, raw) in Values::of_array(json)?.enumerate() {
            let mut inner = MalformedParts::default();
            match T::read(raw, &mut inner) {
                Some(element) => list.push(element),
                None => inner.add("", raw),
            }
            if !inner.is_empty() {
                malformed.add_within(&format!("[{at}]"), &inner);
            }
        }
        Some(list)
    }
}

/// What stands between the quotes, escapes as they are.
fn unquoted(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// The text of a JSON string. Halves of surrogate pairs become U+FFFD: a cut emoji is no reason to
/// lose a message.
pub(crate) fn unescaped(json: &str) -> Cow<'_, str> {
    let inner = unquoted(json).unwrap_or(json);
    if !inner.as_bytes().contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let text = serde_json::from_str(json).unwrap_or_else(|_| unescaped_lossily(inner));
    Cow::Owned(text)
}

fn unescaped_lossily(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut chars = after.chars();
        let plain = match chars.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => {
                let (code, read) = utf16(after);
                rest = after.get(read..).unwrap_or_default();
                text.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
                continue;
            }
            Some(itself) => itself,
            None => break,
        };
        text.push(plain);
        rest = chars.as_str();
    }
    text.push_str(rest);
    text
}

/// The code after a backslash, from its `u` on, and how much of the text it takes.
fn utf16(text: &str) -> (Option<u32>, usize) {
    let unit = |from: usize| {
        let digits = text.get(from..from + 4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(high) = unit(1) else { return (None, 1) };
    if (0xD800..0xDC00).contains(&high)
        && text.get(5..7) == Some("\\u")
        && let Some(low @ 0xDC00..0xE000) = unit(7)
    {
        return (Some(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 11);
    }
    (Some(high), 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_a_string_and_a_string_a_number() {
        assert_eq!(i64::typed(r#""42""#), Some(42));
        assert_eq!(i64::typed(r#"" 42 ""#), Some(42));
        assert_eq!(i64::typed("-42"), Some(-42));
        assert_eq!(String::typed("4.50"), Some("4.50".to_owned()));
    }

    #[test]
    fn what_is_no_whole_number_is_none() {
        for json in ["1.5", "true", "[]", "{}", r#""""#, r#""+1""#, "18446744073709551615"] {
            assert_eq!(i64::typed(json), None, "{json}");
        }
        for json in ["true", "[]", "{}"] {
            assert_eq!(String::typed(json), None, "{json}");
        }
    }

    #[test]
    fn half_an_emoji_costs_only_itself() {
        assert_eq!(unescaped(r#""a\ud83cb""#), "a\u{FFFD}b");
        assert_eq!(unescaped(r#""\ud83c\ud83c\udf1a \"\\\/\n\t\u0041\udf1a""#), {
            "\u{FFFD}\u{1F31A} \"\\/\n\tA\u{FFFD}"
        });
        assert_eq!(unescaped(r#""\ud83c\udf1a""#), "\u{1F31A}");
    }
}
