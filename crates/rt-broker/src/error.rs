//! What goes wrong when publishing and subscribing.

use std::fmt;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of a broker or of its engine. Opaque: ask it what it is.
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

    /// A claim on a topic that deletes nothing, or of an engine that cannot.
    pub(crate) fn keeps_all() -> Self {
        Self::topic("its publications are not deleted after retrieval, so they are not claimed")
    }

    /// An engine's own failure: its store is full, broken or out of reach. For engines.
    #[must_use]
    pub fn unavailable(why: &'static str, source: impl Into<Source>) -> Self {
        Self { kind: Kind::Unavailable(why), source: Some(source.into()) }
    }

    /// The topic's name or the message is at fault: the same call will fail again.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, Kind::Topic(_) | Kind::Message(_))
    }

    /// A bound on topics is reached and nothing unused could be dropped for this one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full(_))
    }

    /// The engine failed; nothing is known to be stored, and a later try may succeed.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, Kind::Unavailable(_))
    }

    /// Another engine error that says the same, for each of those who wait for one thing.
    pub(crate) fn repeat(&self) -> Self {
        let source = self.source.as_ref().map(|source| Source::from(source.to_string()));
        Self { kind: self.kind, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Topic(why) => write!(f, "the topic's name cannot be used: {why}"),
            Kind::Message(why) => write!(f, "the message cannot be published: {why}"),
            Kind::Full(why) => write!(f, "no room for another topic: {why}"),
            Kind::Unavailable(why) => write!(f, "the engine is unavailable: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}
