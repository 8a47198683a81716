//! Times of an engine's clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in an engine's clock: whole milliseconds since the Unix epoch.
///
/// ```
/// use rt_broker::Timestamp;
/// use std::time::Duration;
///
/// let sent = Timestamp::from_millis(1_795_230_332_805);
/// assert_eq!(sent.after(Duration::from_secs(1)).as_millis(), 1_795_230_333_805);
/// assert!(Timestamp::ZERO < sent);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch, before every publication.
    pub const ZERO: Self = Self(0);
    /// The largest time, after every publication.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the time this many milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the system's time. A clock set before 1970 counts as [`ZERO`](Self::ZERO).
    #[must_use]
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis))
    }

    /// Returns the time `wait` later, in whole milliseconds, or [`MAX`](Self::MAX) if it is too
    /// large.
    #[must_use]
    pub const fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(millis(wait)))
    }

    /// Returns the time `age` earlier, in whole milliseconds, or `None` before the Unix epoch.
    #[must_use]
    pub const fn before(self, age: Duration) -> Option<Self> {
        match self.0.checked_sub(millis(age)) {
            Some(time) => Some(Self(time)),
            None => None,
        }
    }

    /// Returns the next millisecond, or [`MAX`](Self::MAX) if there is none.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the previous millisecond, or [`ZERO`](Self::ZERO) if there is none.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const fn millis(time: Duration) -> u64 {
    let millis = time.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}
