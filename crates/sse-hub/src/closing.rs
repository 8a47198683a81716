//! Ending a stream: why, and what the client is told so that it does the right thing next.

use crate::close_id::CloseKind;
use crate::encode::{self, last};
use bytes::Bytes;
use std::time::Duration;

/// How soon a client that is closed comes back to be answered 204.
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
    /// The hub's user ended it and has the client come back.
    #[non_exhaustive]
    Reconnect {
        /// How long the client is asked to wait. It is told this much, or up to half more.
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
    /// Which close it is, for an end after which the client must not come back.
    pub(crate) fn kind(&self) -> Option<CloseKind> {
        match self {
            Self::Closed(_) => Some(CloseKind::Closed),
            Self::Replaced => Some(CloseKind::Replaced),
            _ => None,
        }
    }

    /// The last bytes of the stream: an event for those who must not come back as they were, a
    /// time to come back for the others. `id` makes the id of a close event.
    pub(crate) fn farewell(&self, id: impl FnOnce(CloseKind) -> String) -> Option<Bytes> {
        if let Some(kind) = self.kind() {
            let reason = match self {
                Self::Closed(reason) => reason.as_str(),
                _ => "replaced by a client with the same id",
            };
            let data = serde_json::json!({ "reason": reason }).to_string();
            return Some(last("close", Some(&id(kind)), &data, CLOSED_RETRY));
        }
        match self {
            Self::Reconnect { retry } => Some(encode::retry(at_least(*retry))),
            Self::Shutdown | Self::Failed => Some(come_back_later()),
            _ => None,
        }
    }
}

/// A time to come back after the hub has failed or shut down.
pub(crate) fn come_back_later() -> Bytes {
    encode::retry(Duration::from_millis(fastrand::u64(1000..5000)))
}

/// This time or up to half more: clients must not all come back at the same moment.
fn at_least(retry: Duration) -> Duration {
    retry.saturating_add(retry.mul_f64(fastrand::f64() / 2.0))
}

/// A stream that only says that a limit is reached, and when to come back.
pub(crate) fn at_limit(what: &str) -> Bytes {
    let message = format!("{what}; try again in {} s", LIMIT_RETRY.as_secs());
    let data = serde_json::json!({ "error": "limit", "message": message }).to_string();
    last("limit", None, &data, LIMIT_RETRY)
}
