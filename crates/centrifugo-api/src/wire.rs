//! What goes over the wire around requests and results. Pure.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{Error, ErrorCode};

/// One answer: a result or an error.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct Envelope<T> {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    error: Option<ErrorObject>,
    #[serde(default = "none")]
    result: Option<T>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ErrorObject {
    code: u32,
    #[serde(default)]
    message: String,
}

/// A value that is written as an object: a derived type takes the array of its fields, too.
pub(crate) struct Object<T>(pub(crate) T);

/// How many responses a result lists.
pub(crate) fn responses(result: &[u8]) -> usize {
    #[derive(Deserialize)]
    struct Responses {
        #[serde(default)]
        responses: Option<Vec<IgnoredAny>>,
    }
    let read: Option<Responses> = serde_json::from_slice(result).ok();
    read.and_then(|read| read.responses).map_or(0, |responses| responses.len())
}

/// What an answer of another shape is.
pub(crate) const NEITHER: &str = "it has neither a result nor an error";

impl<T> Envelope<T> {
    /// The result, or the error of this method; `None` when it is neither.
    pub(crate) fn into_result(self, method: &str) -> Option<Result<T, Error>> {
        match (self.error, self.result) {
            (Some(error), _) => Some(Err(error.into_error(method))),
            (None, Some(result)) => Some(Ok(result)),
            (None, None) => None,
        }
    }
}

impl ErrorObject {
    pub(crate) fn into_error(self, method: &str) -> Error {
        Error::api(method, ErrorCode::from(self.code), self.message, None)
    }

    /// The error that a body is, in the mode where an error is the whole answer.
    pub(crate) fn of_body(body: &[u8]) -> Option<(ErrorCode, String)> {
        #[derive(Deserialize)]
        struct Bare {
            code: u32,
            message: String,
        }
        let bare: Bare = serde_json::from_slice(body).ok()?;
        Some((ErrorCode::from(bare.code), bare.message))
    }
}

/// The text of one reply's result, or its error.
pub(crate) type Outcome = Result<Bytes, ErrorObject>;

/// One reply of a batch: which method's, and its outcome.
pub(crate) struct Reply<'a> {
    /// `None` for an error: it does not say whose.
    pub(crate) method: Option<Cow<'a, str>>,
    outcome: Result<&'a RawValue, ErrorObject>,
}

impl Reply<'_> {
    /// The outcome, as a part of the body that it was read from.
    pub(crate) fn into_outcome(self, body: &Bytes) -> Outcome {
        self.outcome.map(|raw| body.slice_ref(raw.get().as_bytes()))
    }
}

/// The replies of a batch; `{}` is none.
#[derive(Deserialize)]
pub(crate) struct Replies<'a> {
    #[serde(default)]
    pub(crate) error: Option<ErrorObject>,
    #[serde(default, borrow)]
    pub(crate) replies: Option<Vec<Reply<'a>>>,
}

/// The replies of the line form: one a command, in their order.
pub(crate) fn lines(body: &Bytes) -> Result<Vec<Outcome>, serde_json::Error> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for line in serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>() {
        let line = line?.get();
        let read: Envelope<&RawValue> = serde_json::from_str(line)?;
        if read.id.is_some_and(|id| id != outcomes.len() as u64 + 1) {
            return Err(serde_json::Error::custom("a reply has another id than its command"));
        }
        outcomes.push(match (read.error, read.result) {
            (Some(error), _) => Err(error),
            (None, Some(raw)) => Ok(body.slice_ref(raw.get().as_bytes())),
            (None, None) if is_bare(line)? => Ok(Bytes::from_static(b"{}")),
            (None, None) => return Err(serde_json::Error::custom(NEITHER)),
        });
    }
    Ok(outcomes)
}

/// Whether a reply has nothing but an id: that is what version 3 answers when there is nothing to
/// tell.
fn is_bare(line: &str) -> Result<bool, serde_json::Error> {
    let fields: BTreeMap<Cow<'_, str>, IgnoredAny> = serde_json::from_str(line)?;
    Ok(fields.keys().all(|name| name == "id"))
}

/// A command as the line form has it.
pub(crate) fn line(into: &mut Vec<u8>, id: Option<usize>, method: &str, params: &[u8]) {
    into.extend_from_slice(b"{");
    if let Some(id) = id {
        into.extend_from_slice(format!("\"id\":{id},").as_bytes());
    }
    into.extend_from_slice(b"\"method\":\"");
    // A method's name has nothing to escape: it is checked where it comes in.
    into.extend_from_slice(method.as_bytes());
    into.extend_from_slice(b"\",\"params\":");
    into.extend_from_slice(params);
    into.extend_from_slice(b"}\n");
}

/// A method's name goes into a path and between quotes as it is.
pub(crate) fn check_method(method: &str) -> Result<(), Error> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    match !method.is_empty() && method.len() <= 100 && method.bytes().all(plain) {
        true => Ok(()),
        false => Err(Error::builder(format!(
            "{method:?} is not the name of a method: 1 to 100 letters, digits and underscores"
        ))),
    }
}

/// The JSON of a request at the end of a buffer; nothing is added on an error.
pub(crate) fn write<T: Serialize + ?Sized>(
    into: &mut Vec<u8>,
    params: &T,
    what: &str,
) -> Result<(), Error> {
    let before = into.len();
    serde_json::to_writer(&mut *into, params).map_err(|error| {
        into.truncate(before);
        Error::builder_from(format!("the {what} cannot be written as JSON"), error)
    })
}

fn none<T>() -> Option<T> {
    None
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Reply<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Entries {
            type Value = Reply<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with a result by its method's name, or an error")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reply<'de>, A::Error> {
                let mut reply = None;
                while let Some(Name(name)) = map.next_key()? {
                    if name == "error" {
                        reply = Some(Reply { method: None, outcome: Err(map.next_value()?) });
                    } else if reply.is_none() && name != "id" {
                        let outcome = Ok(map.next_value()?);
                        reply = Some(Reply { method: Some(name), outcome });
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                reply.ok_or_else(|| A::Error::custom("a reply has neither a result nor an error"))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
