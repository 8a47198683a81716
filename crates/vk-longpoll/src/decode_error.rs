//! What is wrong with an answer as a whole.

use serde::de::{Deserializer as _, Visitor};
use serde_json::error::Category;
use std::borrow::Cow;
use std::fmt;

/// A poll's answer that cannot be read. It has nothing of the answer in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// What, and where. The error itself may quote the answer.
    Json {
        what: Category,
        line: usize,
        column: usize,
    },
    Incomplete(&'static str),
}

impl DecodeError {
    pub(crate) fn incomplete(what: &'static str) -> Self {
        Self(Kind::Incomplete(what))
    }

    /// Whether the answer is an object, but without what an answer must have.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        matches!(self.0, Kind::Incomplete(_))
    }

    /// Whether the answer ends before its JSON does.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(self.0, Kind::Json { what: Category::Eof, .. })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Json { what, line, column } => {
                let what = match what {
                    Category::Eof => "ends too early",
                    Category::Data => "is not of the form that it should be",
                    _ => "is no JSON",
                };
                write!(formatter, "the answer {what} (line {line}, column {column})")
            }
            Kind::Incomplete(what) => write!(formatter, "the answer is incomplete: {what}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads a whole body. Bytes that are no UTF-8 are replaced: they are lone bytes of a text, and no
/// reason to lose all that stands around it.
pub(crate) fn whole<T>(
    body: &[u8],
    visitor: impl for<'a> Visitor<'a, Value = T>,
) -> Result<T, DecodeError> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(body),
    };
    // Some proxies put a byte order mark before what they pass on.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_map(visitor).and_then(|read| json.end().map(|()| read));
    read.map_err(|error| {
        DecodeError(Kind::Json {
            what: error.classify(),
            line: error.line(),
            column: error.column(),
        })
    })
}
