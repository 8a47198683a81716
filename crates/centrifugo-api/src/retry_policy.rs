//! How a call is told to try again.
use std::time::Duration;

/// How a [`Client`](crate::Client) tries a call again, within the call's deadline.
///
/// Only what does no harm is repeated: what only asks (presence, history, channels, info),
/// publications with an idempotency key (for four minutes, and not in the
/// [line form](crate::Form::Lines), whose servers know no keys), batches of these, and any call of which nothing was sent
/// (no connection) or which the server refused to begin with (too many requests). The wait is drawn
/// from zero to a ceiling that starts at [`base`](RetryPolicy::base) and doubles with each failure
/// ("full jitter"). A `Retry-After` is waited for if the deadline allows it.
///
/// ```
/// use std::time::Duration;
/// use centrifugo_api::RetryPolicy;
///
/// let stubborn = RetryPolicy::new().max_retries(5).base(Duration::from_millis(200));
/// let never = RetryPolicy::none();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RetryPolicy {
    pub(crate) max_retries: u32,
    pub(crate) base: Duration,
    pub(crate) max: Duration,
}

impl RetryPolicy {
    /// The default: two retries, base 100 ms, at most 2 s.
    pub fn new() -> Self {
        Self { max_retries: 2, base: Duration::from_millis(100), max: Duration::from_secs(2) }
    }

    /// No retries.
    pub fn none() -> Self {
        Self::new().max_retries(0)
    }

    /// How often a call is tried again at most (default: 2).
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = max_retries;
        self
    }

    /// The ceiling of the first wait (default: 100 ms).
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// What the ceiling grows to (default: 2 s).
    pub fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}
