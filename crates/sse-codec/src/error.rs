//! What can go wrong, in words for people.

use core::{error, fmt};

/// Why fields were not encoded: one of them would have changed the meaning of the stream.
///
/// An event type or id that contains a line break would inject fields into the stream, an id that
/// contains NUL would be ignored by every decoder, and a message without a single field is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    field: &'static str,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    LineBreak {
        at: usize,
    },
    Nul {
        at: usize,
    },
    NoField,
    #[cfg_attr(not(feature = "serde"), allow(dead_code))]
    NotMilliseconds,
}

impl InvalidField {
    pub(crate) fn line_break(field: &'static str, at: usize) -> Self {
        Self { field, problem: Problem::LineBreak { at } }
    }

    pub(crate) fn nul(field: &'static str, at: usize) -> Self {
        Self { field, problem: Problem::Nul { at } }
    }

    pub(crate) fn no_field() -> Self {
        Self { field: "", problem: Problem::NoField }
    }

    #[cfg_attr(not(feature = "serde"), allow(dead_code))]
    pub(crate) fn not_milliseconds() -> Self {
        Self { field: "retry", problem: Problem::NotMilliseconds }
    }

    /// The field at fault: `id`, `event` or `retry`; empty if there was no field at all.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Whether there was nothing to encode.
    pub fn is_empty(&self) -> bool {
        self.problem == Problem::NoField
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match self.problem {
            Problem::LineBreak { at } => write!(
                f,
                "the {field} has a line break at byte {at}: remove it, only data and comments may \
                 have several lines"
            ),
            Problem::Nul { at } => write!(
                f,
                "the {field} has a NUL at byte {at}: remove it, decoders ignore such an {field}"
            ),
            Problem::NoField => write!(
                f,
                "there is no field to encode: set at least one of id, event, data, retry, comment"
            ),
            Problem::NotMilliseconds => {
                write!(f, "the {field} is not a whole number of milliseconds")
            }
        }
    }
}

impl error::Error for InvalidField {}

/// Why the next event could not be given: it was too large, or its source failed.
///
/// `E` is the error of the source of the bytes. Decoding can go on after it: an event that was too
/// large is skipped, and the source decides for itself whether it has more to give.
#[derive(Debug)]
pub struct DecodeError<E> {
    kind: Kind<E>,
}

#[derive(Debug)]
enum Kind<E> {
    TooLarge { limit: usize },
    Source(E),
}

#[cfg_attr(not(any(feature = "std", feature = "stream")), allow(dead_code))]
impl<E> DecodeError<E> {
    pub(crate) fn too_large(limit: usize) -> Self {
        Self { kind: Kind::TooLarge { limit } }
    }

    pub(crate) fn from_source(source: E) -> Self {
        Self { kind: Kind::Source(source) }
    }

    /// Whether an event (or a comment) was skipped because it is larger than the bound.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge { .. })
    }

    /// The bound in bytes, if that is what was exceeded.
    pub fn limit(&self) -> Option<usize> {
        match self.kind {
            Kind::TooLarge { limit } => Some(limit),
            Kind::Source(_) => None,
        }
    }

    /// The error of the source, if it is one.
    pub fn into_source(self) -> Option<E> {
        match self.kind {
            Kind::TooLarge { .. } => None,
            Kind::Source(source) => Some(source),
        }
    }
}

impl<E> fmt::Display for DecodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::TooLarge { limit } => write!(
                f,
                "an event is larger than {limit} bytes and was skipped: raise the bound with \
                 Decoder::with_max_event_bytes if such events are expected"
            ),
            Kind::Source(_) => write!(f, "reading the event stream failed"),
        }
    }
}

impl<E: error::Error + 'static> error::Error for DecodeError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.kind {
            Kind::TooLarge { .. } => None,
            Kind::Source(source) => Some(source),
        }
    }
}
