//! What a stranger may make a server hold, and for how long.

use std::time::Duration;

/// Limits on connections, heads and bodies. All have defaults that suit a server on the internet.
#[derive(Clone, Debug)]
pub struct Limits {
    pub(crate) connections: usize,
    pub(crate) connections_per_address: Option<usize>,
    pub(crate) head_bytes: usize,
    pub(crate) headers: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) body_bytes: u64,
    pub(crate) body_timeout: Duration,
    pub(crate) write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            connections_per_address: None,
            head_bytes: 16 << 10,
            headers: 64,
            head_timeout: Duration::from_secs(20),
            body_bytes: 2 << 20,
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Connections open at once (default 65,536); one more is answered 503 and closed.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// Connections open at once from one address other than loopback (default: no limit, since
    /// behind a proxy all come from one); one more is answered 503 and closed.
    #[must_use]
    pub fn connections_per_address(self, connections: usize) -> Self {
        Self { connections_per_address: Some(connections), ..self }
    }

    /// Bytes of a request's head (default 16 KiB, at least 8 KiB); a larger one is answered 431.
    #[must_use]
    pub fn head_bytes(self, bytes: usize) -> Self {
        Self { head_bytes: bytes.max(8 << 10), ..self }
    }

    /// Header lines of a request (default 64); more are answered 431.
    #[must_use]
    pub fn headers(self, headers: usize) -> Self {
        Self { headers, ..self }
    }

    /// Time for a whole head, counted from when the connection is ready for one (default 20 s): so
    /// it is also how long a connection may idle between requests.
    #[must_use]
    pub fn head_timeout(self, timeout: Duration) -> Self {
        Self { head_timeout: timeout, ..self }
    }

    /// Bytes of a request's body (default 2 MiB); a handler that reads further gets a
    /// [`BodyError`](crate::BodyError).
    #[must_use]
    pub fn body_bytes(self, bytes: u64) -> Self {
        Self { body_bytes: bytes, ..self }
    }

    /// Time for a whole body, from the first wait for it (default 30 s).
    #[must_use]
    pub fn body_timeout(self, timeout: Duration) -> Self {
        Self { body_timeout: timeout, ..self }
    }

    /// How long a peer may take none of what is sent to it before it is given up (default 30 s).
    #[must_use]
    pub fn write_timeout(self, timeout: Duration) -> Self {
        Self { write_timeout: timeout, ..self }
    }
}
