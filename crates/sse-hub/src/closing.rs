//! Ending a stream: why, and what the client is told so that it does the right thing next.

use crate::encode::{self, last};
use bytes::Bytes;
use std::time::Duration;

/// The id of a stream's last event after which the client is to stay away: a browser's EventSource
/// comes back after any end, and stops for good only when it is then answered 204.
pub(crate) const STAY_AWAY: &str = "sse-hub:closed";

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
    /// The last bytes of the stream: an event for those who must not come back as they were, a
    /// time to come back for the others.
    pub(crate) fn farewell(&self) -> Option<Bytes> {
        let close = |reason: &str| {
            let data = serde_json::json!({ "reason": reason }).to_string();
            Some(last("close", Some(STAY_AWAY), &data, Duration::from_secs(1)))
        };
        match self {
            Self::Closed(reason) => close(reason),
            Self::Replaced => close("replaced by a client with the same id"),
            // They all come back: not at the same moment.
            Self::Shutdown | Self::Failed => {
                let retry = Duration::from_millis(fastrand::u64(1000..5000));
                Some(encode::retry(retry))
            }
            Self::Gone | Self::Slow | Self::Expired => None,
        }
    }
}

/// A stream that only says that a limit is reached, and when to come back.
pub(crate) fn at_limit(what: &str) -> Bytes {
    let message = format!("{what}; try again in {} s", LIMIT_RETRY.as_secs());
    let data = serde_json::json!({ "error": "limit", "message": message }).to_string();
    last("limit", None, &data, LIMIT_RETRY)
}
