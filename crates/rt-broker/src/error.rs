//! Errors of the broker and its engines.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

type Source = Arc<dyn StdError + Send + Sync>;

/// An error of a broker or of its engine.
///
/// It is opaque: its methods classify it. `Display` names the causes too, which `source()` returns.
///
/// ```
/// let full = std::io::Error::other("no space left on device");
/// let error = rt_broker::Error::unavailable("the journal could not be written", full);
/// assert_eq!(
///     error.to_string(),
///     "the engine is unavailable: the journal could not be written: no space left on device",
/// );
/// ```
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Option<Source>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Topic(&'static str),
    Message(&'static str),
    Full(&'static str),
    Unavailable(&'static str),
}

impl Error {
    pub(crate) fn topic(why: &'static str) -> Self {
        Self { kind: Kind::Topic(why), source: None }
    }

    pub(crate) fn message(why: &'static str) -> Self {
        Self { kind: Kind::Message(why), source: None }
    }

    pub(crate) fn full(why: &'static str) -> Self {
        Self { kind: Kind::Full(why), source: None }
    }

    /// Returns the error of a claim on a topic that deletes nothing, or with an engine that cannot
    /// delete.
    pub(crate) fn keeps_all() -> Self {
        Self::topic("its publications are not deleted after retrieval, so they are not claimed")
    }

    /// Creates the error of an engine whose store is full, broken or out of reach. For engines.
    #[must_use]
    pub fn unavailable(
        why: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind: Kind::Unavailable(why), source: Some(source.into().into()) }
    }

    /// Returns whether the topic's name or the message is at fault: the same call would fail again.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, Kind::Topic(_) | Kind::Message(_))
    }

    /// Returns whether the bound on topics is reached and no unused topic could be dropped.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full(_))
    }

    /// Returns whether the engine failed or is closed. It is unknown whether a message was stored.
    ///
    /// A later call may succeed, unless the engine is closed: then every later call fails in this
    /// way. The error does not tell the two apart. Only the program that holds the engine can close
    /// it.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, Kind::Unavailable(_))
    }

    /// Returns the text without the causes. A server may send it to its clients: the causes can name
    /// files and hosts of the engine, which are not for strangers.
    pub fn without_causes(&self) -> impl fmt::Display {
        self.kind
    }

    /// Returns the same error for another caller that waits for the same operation.
    pub(crate) fn repeat(&self) -> Self {
        Self { kind: self.kind, source: self.source.clone() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rt_common::write_with_causes(f, &self.kind, self.source())
    }
}

/// Writes the error without its causes.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Topic(why) => write!(f, "the topic's name cannot be used: {why}"),
            Kind::Message(why) => write!(f, "the message cannot be published: {why}"),
            Kind::Full(why) => write!(f, "no room for another topic: {why}"),
            Kind::Unavailable(why) => write!(f, "the engine is unavailable: {why}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_the_causes_and_the_public_text_does_not() {
        let disk = std::io::Error::other("/srv/data is full");
        let error = Error::unavailable("it could not be written", disk);
        let public = "the engine is unavailable: it could not be written";
        for error in [error.repeat(), error] {
            assert_eq!(error.to_string(), format!("{public}: /srv/data is full"));
            assert_eq!(error.source().unwrap().to_string(), "/srv/data is full");
            assert_eq!(error.without_causes().to_string(), public);
        }
    }
}
