//! Why a server could not be started.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// The address could not be listened on.
#[derive(Debug)]
pub struct Error {
    address: SocketAddr,
    source: io::Error,
}

impl Error {
    pub(crate) fn new(address: SocketAddr, source: io::Error) -> Self {
        Self { address, source }
    }

    /// Whether another process listens there already.
    #[must_use]
    pub fn is_address_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}", self.address)?;
        match self.is_address_in_use() {
            true => f.write_str(": it is in use; choose another port, or 0 for any that is free"),
            false => write!(f, ": {}", self.source),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
