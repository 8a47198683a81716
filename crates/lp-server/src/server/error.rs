//! Why a server could not be started, or stopped whole.

use std::fmt;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of a [`Server`](super::Server). Opaque: ask it what it is.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Address,
    Listen {
        in_use: bool,
    },
    #[cfg(feature = "file")]
    Store,
}

impl Error {
    /// A text that names no address to listen on.
    pub(super) fn address(text: &str) -> Self {
        let source = format!(
            "{text:?} is no address to listen on: write one such as 127.0.0.1:8080, or :8080 for all \
             IPv4 addresses of this machine"
        );
        Self { kind: Kind::Address, source: source.into() }
    }

    pub(super) fn listen(source: rt_serve::Error) -> Self {
        Self { kind: Kind::Listen { in_use: source.is_address_in_use() }, source: source.into() }
    }

    #[cfg(feature = "file")]
    pub(super) fn store(source: rt_broker::Error) -> Self {
        Self { kind: Kind::Store, source: source.into() }
    }

    /// Whether another process listens on the address.
    #[must_use]
    pub fn is_address_in_use(&self) -> bool {
        matches!(self.kind, Kind::Listen { in_use: true })
    }

    /// Whether the store could not be opened or written.
    #[must_use]
    pub fn is_store(&self) -> bool {
        #[cfg(feature = "file")]
        return matches!(self.kind, Kind::Store);
        #[cfg(not(feature = "file"))]
        false
    }

    /// Whether a text was no address to listen on.
    #[must_use]
    pub fn is_invalid_address(&self) -> bool {
        matches!(self.kind, Kind::Address)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            // The sources name their own causes.
            Kind::Address | Kind::Listen { .. } => self.source.fmt(f),
            #[cfg(feature = "file")]
            Kind::Store => write!(f, "the server's store failed: {}", self.source),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_ref())
    }
}
