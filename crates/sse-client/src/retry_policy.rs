//! How long a stream waits before it reconnects.
use std::time::Duration;

/// How long a stream waits before it reconnects, and how often it tries.
///
/// Unless the server says otherwise, the wait is drawn from zero to a ceiling that starts at
/// [`base`](RetryPolicy::base) and doubles with each failure ("full jitter"). If the server sent a
/// `retry` field, that is the base from then on and also the shortest wait, as the specification
/// asks: the first wait is drawn from one to two times that time. A `Retry-After` header is obeyed
/// as it is, with up to a tenth on top. [`fixed`](RetryPolicy::fixed) waits always the same time
/// instead.
///
/// ```
/// use std::time::Duration;
/// use sse_client::RetryPolicy;
///
/// let patient = RetryPolicy::new().base(Duration::from_secs(2)).max(Duration::from_secs(120));
/// let brief = RetryPolicy::new().max_retries(3);
/// let steady = RetryPolicy::fixed(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    pub(crate) base: Duration,
    pub(crate) max: Duration,
    pub(crate) min: Duration,
    pub(crate) server_max: Duration,
    pub(crate) reset_after: Duration,
    pub(crate) max_retries: MaxRetries,
    pub(crate) fixed: bool,
    pub(crate) seed: Option<u64>,
}

/// A bound on the retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxRetries {
    /// As the [`Reconnect`](crate::Reconnect) in force has it.
    Default,
    Unlimited,
    AtMost(u32),
}

impl RetryPolicy {
    /// Returns the default policy: a base of 1 s, at most 30 s, and a count that starts over after
    /// 60 s of health.
    pub fn new() -> Self {
        Self {
            base: Duration::from_secs(1),
            max: Duration::from_secs(30),
            min: Duration::from_millis(100),
            server_max: Duration::from_secs(300),
            reset_after: Duration::from_secs(60),
            max_retries: MaxRetries::Default,
            fixed: false,
            seed: None,
        }
    }

    /// Returns a policy that waits `delay` before each attempt, neither longer with each failure
    /// nor drawn at random: many clients that lost one server all come back at the same moment.
    ///
    /// [`base`](RetryPolicy::base) replaces the delay; [`max`](RetryPolicy::max) has no effect, and
    /// [`seed`](RetryPolicy::seed) only on the wait after a `Retry-After`.
    ///
    /// A `retry` field of the server replaces the delay, and a `Retry-After` is obeyed once, both
    /// within the bounds of [`min`](RetryPolicy::min) and [`server_max`](RetryPolicy::server_max).
    pub fn fixed(delay: Duration) -> Self {
        Self { base: delay, fixed: true, ..Self::new() }
    }

    /// The ceiling of the first wait (default: 1 s), until the server names another with `retry`.
    /// Less than [`min`](RetryPolicy::min) counts as that.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// What the ceiling grows to (default: 30 s).
    #[must_use]
    pub fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// The shortest wait (default: 100 ms), whatever the server asks for: `retry: 0` does not make
    /// a busy loop.
    #[must_use]
    pub fn min(mut self, min: Duration) -> Self {
        self.min = min;
        self
    }

    /// The longest `retry` or `Retry-After` that is obeyed (default: 5 minutes); a longer one
    /// counts as this. With the jitter on top, the wait itself is up to twice as long after a
    /// `retry`, and up to a tenth longer after a `Retry-After`. A `Retry-After` never counts as more
    /// than one hour, whatever is set here.
    #[must_use]
    pub fn server_max(mut self, server_max: Duration) -> Self {
        self.server_max = server_max;
        self
    }

    /// How long a connection must last for the backoff, and the count of retries, to start over
    /// (default: 60 s). A mere connect is no sign of health, nor is the silence before a time-out:
    /// then it lasted until its last byte.
    #[must_use]
    pub fn reset_after(mut self, reset_after: Duration) -> Self {
        self.reset_after = reset_after;
        self
    }

    /// Ends the stream after this many retries without a healthy connection in between; 0 means a
    /// single attempt, and `None` that it never gives up. The default is `None` for
    /// [`Reconnect::Always`](crate::Reconnect::Always), and 2 for
    /// [`Reconnect::UntilOpened`](crate::Reconnect::UntilOpened).
    #[must_use]
    pub fn max_retries(mut self, max_retries: impl Into<Option<u32>>) -> Self {
        self.max_retries = max_retries.into().map_or(MaxRetries::Unlimited, MaxRetries::AtMost);
        self
    }

    /// Makes the jitter repeatable (default: a random seed).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}
