//! How much of a topic is held.

use crate::timestamp::Timestamp;
use std::time::Duration;

/// The window that connected subscribers still read from where history is off: 250 publications.
pub const LIVE_WINDOW: Bounds = Bounds::new();

/// How much history a topic holds: by count, by bytes and by age, whichever is reached first.
///
/// Bytes are those of payload, event type, id, comment and the clients that are named. The newest
/// publication is held even where it alone is over the bound on bytes.
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
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Option<u64>,
    pub(crate) lease: Option<u64>,
}

impl Bounds {
    /// 250 publications, 1 MiB, no age.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 250, bytes: 1 << 20, age: None, lease: None }
    }

    /// No history: who is not connected misses what is published.
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

    /// Holds nothing older than this (whole milliseconds).
    #[must_use]
    pub const fn age(self, age: Duration) -> Self {
        Self { age: Some(millis(age)), ..self }
    }

    /// Deletes each publication once the poller that was given it has confirmed it, by coming back
    /// with its position; until then, and no longer than `lease` (whole milliseconds), nobody else
    /// is given it. Such a topic has no subscribers, so no event streams either: see
    /// [`Broker::claim`](crate::Broker::claim).
    #[must_use]
    pub const fn delete_after_retrieval(self, lease: Duration) -> Self {
        Self { lease: Some(millis(lease)), ..self }
    }

    /// Whether publications are deleted once they are retrieved.
    #[must_use]
    pub const fn deletes_after_retrieval(&self) -> bool {
        self.lease.is_some()
    }

    /// Whether nothing is held for those who come later.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.count == 0
    }

    /// The time at or before which a publication is too old at `now`, if there is one.
    pub(crate) fn expired_at(&self, now: u64) -> Option<u64> {
        self.age.and_then(|age| now.checked_sub(age))
    }

    /// Whether a publication stamped at `time` is too old at `now`.
    pub(crate) fn is_too_old(&self, time: Timestamp, now: Timestamp) -> bool {
        self.expired_at(now.as_millis()).is_some_and(|limit| time.as_millis() <= limit)
    }

    pub(crate) fn max_count(&self) -> usize {
        self.count
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.bytes
    }

    /// How long a claim lasts, where publications are deleted after retrieval.
    pub(crate) fn lease(&self) -> Option<Duration> {
        self.lease.map(Duration::from_millis)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new()
    }
}

const fn millis(time: Duration) -> u64 {
    let millis = time.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}
