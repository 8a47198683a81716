//! How a follower is told to try again.
use std::time::Duration;

/// How a [`Follow`](crate::Follow) tries again after a poll that failed.
///
/// The wait is drawn from zero to a ceiling that starts at [`base`](RetryPolicy::base) and doubles
/// with each failure in a row ("full jitter"). A `Retry-After` header is obeyed as it is, with up
/// to a tenth on top.
///
/// ```
/// use std::time::Duration;
/// use lp_client::RetryPolicy;
///
/// let patient = RetryPolicy::new().base(Duration::from_secs(2)).max(Duration::from_secs(120));
/// let curt = RetryPolicy::new().max_retries(3);
/// ```
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    pub(crate) base: Duration,
    pub(crate) max: Duration,
    pub(crate) min: Duration,
    pub(crate) server_max: Duration,
    pub(crate) max_retries: Option<u32>,
    pub(crate) seed: Option<u64>,
}

impl RetryPolicy {
    /// The default: base 1 s, at most 30 s, retries without end.
    pub fn new() -> Self {
        Self {
            base: Duration::from_secs(1),
            max: Duration::from_secs(30),
            min: Duration::from_millis(100),
            server_max: Duration::from_secs(300),
            max_retries: None,
            seed: None,
        }
    }

    /// The ceiling of the first wait (default: 1 s). Less than [`min`](RetryPolicy::min) counts as
    /// that.
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

    /// The shortest wait (default: 100 ms), whatever the server asks for: `Retry-After: 0` does not
    /// make a busy loop.
    #[must_use]
    pub fn min(mut self, min: Duration) -> Self {
        self.min = min;
        self
    }

    /// The longest `Retry-After` that is obeyed (default: 5 minutes); a longer one counts as this,
    /// and one of more than an hour never counts as more.
    #[must_use]
    pub fn server_max(mut self, server_max: Duration) -> Self {
        self.server_max = server_max;
        self
    }

    /// Ends the stream after this many retries without an answer in between that brought something
    /// on (default: never). 0 means that the first failure ends it.
    #[must_use]
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = Some(max_retries);
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
