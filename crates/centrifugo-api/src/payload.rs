//! What is published: JSON of any kind, or bytes.
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr2;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::Error;

/// Data of a publication, or information about a subscriber: JSON, or bytes.
///
/// Anything `Serialize` becomes one by reference, a `serde_json::Value` by value too; text and
/// strings become JSON strings. JSON that is text already goes in by [`Payload::raw`] (or as a
/// `&RawValue`) and is sent as it is, but for whitespace between its tokens where it has line breaks.
/// Bytes go in by [`Payload::bytes`] and are sent as base64: for channels that carry something else
/// than JSON.
///
/// A `Vec<u8>` or `&[u8]` given by reference is `Serialize` too: an array of numbers. What is meant is
/// [`Payload::bytes`], or [`Payload::raw_bytes`] for JSON.
///
/// What cannot be written as JSON is told by the call that would send it, as an error with
/// [`Error::is_builder`].
///
/// ```
/// use centrifugo_api::{Payload, Publish};
/// use serde_json::json;
///
/// #[derive(serde::Serialize)]
/// struct Tick { price: f64 }
///
/// Publish::new("ticks", &Tick { price: 1.5 });
/// Publish::new("ticks", json!({"price": 1.5}));
/// Publish::new("ticks", Payload::raw(r#"{"price":1.5}"#));
/// Publish::new("frames", Payload::bytes([0x01, 0xff]));
/// ```
#[derive(Clone)]
pub struct Payload {
    content: Content,
}

#[derive(Clone)]
pub(crate) enum Content {
    Json(Box<RawValue>),
    Base64(String),
    Invalid(Arc<Error>),
}

impl Payload {
    /// JSON that is text already.
    pub fn raw(json: impl Into<String>) -> Self {
        Self::of(RawValue::from_string(json.into()), "the payload is not JSON")
    }

    /// JSON that is UTF-8 bytes already.
    pub fn raw_bytes(json: impl Into<Vec<u8>>) -> Self {
        match String::from_utf8(json.into()) {
            Ok(json) => Self::raw(json),
            Err(error) => Self::invalid("the payload is not JSON: it is not UTF-8", error),
        }
    }

    /// Bytes of any kind, at least one, sent as base64. (A server takes none for data that is missing.)
    ///
    /// They are for channels whose subscribers all speak Protobuf. Bytes that are not JSON cannot be
    /// written to a subscriber that speaks JSON: the server disconnects it. Nor can they be a part of a
    /// `history` response, for this API speaks JSON: until the publication has left the history, the
    /// method fails with status 500, and so does a batch that holds it. Publish them with
    /// [`skip_history`](crate::Publish::skip_history) to avoid that. (Observed with Centrifugo 5.4.9.)
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        if bytes.as_ref().is_empty() {
            let error =
                Error::builder("the payload has no bytes, which a server takes for no data");
            return Self { content: Content::Invalid(Arc::new(error)) };
        }
        Self { content: Content::Base64(STANDARD.encode(bytes)) }
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn mistake(&self) -> Option<&Arc<Error>> {
        self.content.mistake()
    }

    /// For a field that has no form for bytes.
    pub(crate) fn json_only(self) -> Content {
        match self.content {
            Content::Base64(_) => {
                Content::Invalid(Arc::new(Error::builder("bytes cannot stand here: give JSON")))
            }
            content => content,
        }
    }

    fn of(json: serde_json::Result<Box<RawValue>>, what: &str) -> Self {
        match json {
            Ok(json) if memchr2(b'\n', b'\r', json.get().as_bytes()).is_some() => {
                let compact = compact(json.get()).into_owned();
                Self::of(RawValue::from_string(compact), what)
            }
            Ok(json) => Self { content: Content::Json(json) },
            Err(error) => Self::invalid(what, error),
        }
    }

    fn invalid(what: &str, source: impl Into<rt_common::BoxError>) -> Self {
        Self { content: Content::Invalid(Arc::new(Error::builder_from(what, source))) }
    }
}

impl<T: Serialize + ?Sized> From<&T> for Payload {
    fn from(value: &T) -> Self {
        Self::of(to_raw_value(value), "the payload cannot be written as JSON")
    }
}

impl From<serde_json::Value> for Payload {
    fn from(value: serde_json::Value) -> Self {
        Self::from(&value)
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Box<RawValue>> for Payload {
    fn from(json: Box<RawValue>) -> Self {
        Self::of(Ok(json), "")
    }
}

/// What it is, not what it says: payloads are the users', and long.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(json) => write!(f, "Payload(JSON, {} bytes)", json.get().len()),
            Self::Base64(text) => write!(f, "Payload(base64, {} characters)", text.len()),
            Self::Invalid(error) => write!(f, "Payload({error})"),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.content.fmt(f)
    }
}

impl Content {
    pub(crate) fn mistake(&self) -> Option<&Arc<Error>> {
        match self {
            Self::Invalid(error) => Some(error),
            Self::Json(_) | Self::Base64(_) => None,
        }
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(json) => json.serialize(serializer),
            Self::Base64(text) => text.serialize(serializer),
            Self::Invalid(error) => Err(serde::ser::Error::custom(error)),
        }
    }
}

/// A field with JSON, or one of another name with base64.
pub(crate) fn field<S: SerializeStruct>(
    fields: &mut S,
    names: (&'static str, &'static str),
    payload: Option<&Payload>,
) -> Result<(), S::Error> {
    match payload.map(Payload::content) {
        None => Ok(()),
        Some(content @ Content::Base64(_)) => fields.serialize_field(names.1, content),
        Some(content) => fields.serialize_field(names.0, content),
    }
}

/// Valid JSON without the whitespace between its tokens.
fn compact(json: &str) -> Cow<'_, str> {
    let mut out = String::new();
    // Up to where the text is in `out`.
    let mut done = 0;
    let mut in_string = false;
    let mut bytes = json.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (in_string, byte) {
            (_, b'"') => in_string = !in_string,
            // What is escaped ends no string.
            (true, b'\\') => {
                bytes.next();
            }
            (false, b' ' | b'\n' | b'\r' | b'\t') => {
                out.push_str(&json[done..at]);
                done = at + 1;
            }
            _ => {}
        }
    }
    if done == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(&json[done..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn text(payload: Payload) -> String {
        match payload.content {
            Content::Json(json) => json.get().to_owned(),
            Content::Base64(text) => format!("b64 {text}"),
            Content::Invalid(error) => panic!("{error}"),
        }
    }

    #[test]
    fn each_kind_of_payload() {
        assert_eq!(text(Payload::from(&json!({"a": [1]}))), r#"{"a":[1]}"#);
        assert_eq!(text(Payload::from(json!(null))), "null");
        assert_eq!(text(Payload::from("té\"xt")), r#""té\"xt""#);
        assert_eq!(text(Payload::from(String::from("x"))), r#""x""#);
        assert_eq!(text(Payload::raw(r#" { "a" : 1e999 } "#)), r#"{ "a" : 1e999 }"#);
        assert_eq!(text(Payload::raw("{\n\t\"a \\\" b\": [ 1,\r\n2 ]\n}")), r#"{"a \" b":[1,2]}"#);
        assert_eq!(text(Payload::raw_bytes(*b"[1]")), "[1]");
        let raw: Box<RawValue> = serde_json::from_str("[1, 2]").unwrap();
        assert_eq!(text(Payload::from(&*raw)), "[1, 2]");
        assert_eq!(text(Payload::bytes([0xff, 0x00])), "b64 /wA=");
    }

    #[test]
    fn what_is_not_json_is_kept_as_the_mistake() {
        let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
        for payload in [
            Payload::raw("{"),
            Payload::raw(""),
            Payload::raw("{} {}"),
            Payload::raw_bytes([0xff]),
            Payload::from(&unwritable),
        ] {
            let Content::Invalid(error) = payload.content else { panic!("{payload:?}") };
            assert!(error.is_builder() && std::error::Error::source(&*error).is_some());
        }
    }

    #[test]
    fn a_payload_does_not_show_itself() {
        assert_eq!(format!("{:?}", Payload::from("secret")), "Payload(JSON, 8 bytes)");
    }

    fn value() -> impl Strategy<Value = Value> {
        let string = "[ -~\n\r\t<>&\u{2028}\u{2029}\u{e2}é\\\\\"]{0,8}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            string.prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((string, inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn compacting_takes_away_whitespace_and_nothing_else(value in value()) {
            let plain = value.to_string();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(compact(&pretty), plain.as_str());
            prop_assert!(matches!(compact(&plain), Cow::Borrowed(_)));
        }
    }
}
