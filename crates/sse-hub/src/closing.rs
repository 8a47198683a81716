//! The ends of streams: the reasons, and the last bytes that tell a client what to do next.

use crate::close_id::CloseKind;
use crate::encode::{self, last};
use bytes::Bytes;
use std::time::Duration;

/// How soon a closed client reconnects to receive its 204.
const CLOSED_RETRY: Duration = Duration::from_secs(1);

/// How long a client that met a limit is asked to wait.
const LIMIT_RETRY: Duration = Duration::from_secs(60);

/// Why a stream ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client went away.
    Gone,
    /// The hub's user closed it, for this reason.
    Closed(String),
    /// Another client came with the same id.
    Replaced,
    /// The hub's user ended it, and the client reconnects.
    #[non_exhaustive]
    Reconnect {
        /// The least time that the client is asked to wait; it is sent this or up to half more.
        retry: Duration,
    },
    /// It read too slowly and was to be disconnected.
    Slow,
    /// Its grant has expired.
    Expired,
    /// The hub is shutting down.
    Shutdown,
    /// The engine failed.
    Failed,
}

impl CloseReason {
    /// Returns the last bytes of the stream: a close event for a client that must not reconnect, a
    /// reconnection time for the others. `id` makes the id of a close event.
    pub(crate) fn farewell(&self, id: impl FnOnce(CloseKind) -> String) -> Option<Bytes> {
        let (kind, reason) = match self {
            Self::Closed(reason) => (CloseKind::Closed, reason.as_str()),
            Self::Replaced => (CloseKind::Replaced, "replaced by a client with the same id"),
            Self::Reconnect { retry } => return Some(encode::retry(with_jitter(*retry))),
            Self::Shutdown | Self::Failed => return Some(retry_soon()),
            Self::Gone | Self::Slow | Self::Expired => return None,
        };
        let data = serde_json::json!({ "reason": reason }).to_string();
        Some(last("close", Some(&id(kind)), &data, CLOSED_RETRY))
    }
}

/// A reconnection time for when the hub has failed or shuts down, drawn at random so that clients do
/// not all reconnect at the same moment.
pub(crate) fn retry_soon() -> Bytes {
    encode::retry(Duration::from_millis(fastrand::u64(1000..5000)))
}

/// Returns this time or up to half more: clients must not all reconnect at the same moment.
fn with_jitter(retry: Duration) -> Duration {
    retry.saturating_add(retry.mul_f64(fastrand::f64() / 2.0))
}

/// A stream that only says that a limit is reached, and when to come back.
pub(crate) fn at_limit(what: &str) -> Bytes {
    let message = format!("{what}; try again in {} s", LIMIT_RETRY.as_secs());
    let data = serde_json::json!({ "error": "limit", "message": message }).to_string();
    last("limit", None, &data, LIMIT_RETRY)
}
