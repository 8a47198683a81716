//! Bounds on a topic's history.

use crate::timestamp::Timestamp;
use std::time::Duration;

/// The bounds of the live window: publications that a topic keeps beside its history for connected
/// subscribers, 250 of them and 1 MiB.
pub const LIVE_WINDOW: Bounds = Bounds::new();

/// Bounds on a topic's history: by count, by bytes and by age, whichever is reached first.
///
/// Bytes are those of payload, event type, id, comment and named clients. The newest publication is
/// held even if it alone exceeds the bound on bytes.
///
/// ```
/// use rt_broker::Bounds;
/// use std::time::Duration;
/// let bounds = Bounds::new().count(1_000).age(Duration::from_secs(3_600));
/// assert!(!bounds.is_off());
/// assert!(Bounds::off().is_off());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    count: usize,
    bytes: usize,
    age: Option<Duration>,
    lease: Option<Duration>,
}

impl Bounds {
    /// No bounds, for a caller that has its own.
    #[cfg(feature = "file")]
    pub(crate) const UNLIMITED: Self =
        Self { count: usize::MAX, bytes: usize::MAX, age: None, lease: None };

    /// Returns the default bounds: 250 publications, 1 MiB, any age.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 250, bytes: 1 << 20, age: None, lease: None }
    }

    /// Returns bounds without history: subscribers miss publications while they are not connected.
    #[must_use]
    pub const fn off() -> Self {
        Self { count: 0, ..Self::new() }
    }

    /// Holds at most this many publications; 0 switches history off.
    #[must_use]
    pub const fn count(self, count: usize) -> Self {
        Self { count, ..self }
    }

    /// Holds at most this many bytes.
    #[must_use]
    pub const fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Holds no publication that is older than this (whole milliseconds).
    #[must_use]
    pub const fn age(self, age: Duration) -> Self {
        Self { age: Some(age), ..self }
    }

    /// Deletes each publication once the poller that claimed it has confirmed it. Until then, and no
    /// longer than `lease` (whole milliseconds), no other poller can claim it. Such a topic has no
    /// subscribers: see [`Broker::claim`](crate::Broker::claim).
    #[must_use]
    pub const fn delete_after_retrieval(self, lease: Duration) -> Self {
        Self { lease: Some(lease), ..self }
    }

    /// Returns whether publications are deleted once they are retrieved.
    #[must_use]
    pub const fn deletes_after_retrieval(&self) -> bool {
        self.lease.is_some()
    }

    /// Returns whether history is off, so that nothing is held for later subscribers.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.count == 0
    }

    /// Returns whether a publication stamped at `time` is too old at `now`.
    pub(crate) fn is_too_old(&self, time: Timestamp, now: Timestamp) -> bool {
        self.age.and_then(|age| now.before(age)).is_some_and(|limit| time <= limit)
    }

    pub(crate) fn max_count(&self) -> usize {
        self.count
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how long a claim lasts, if publications are deleted after retrieval.
    pub(crate) fn lease(&self) -> Option<Duration> {
        self.lease
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new()
    }
}
