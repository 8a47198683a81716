//! How a loop is told to try again.
use std::time::Duration;

/// How a loop goes on after a poll or a call that failed.
///
/// The wait is drawn from zero to a ceiling that starts at [`base`](RetryPolicy::base) and doubles
/// with each failure in a row ("full jitter"). A `Retry-After` header is obeyed as it is, with up to
/// a tenth on top, up to five minutes.
///
/// ```
/// use std::time::Duration;
/// use vk_longpoll::RetryPolicy;
///
/// let patient = RetryPolicy::new().base(Duration::from_secs(2)).max(Duration::from_secs(120));
/// let curt = RetryPolicy::new().max_retries(3);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RetryPolicy {
    pub(crate) base: Duration,
    pub(crate) max: Duration,
    pub(crate) min: Duration,
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
            max_retries: None,
            seed: None,
        }
    }

    /// The ceiling of the first wait (default: 1 s). Less than [`min`](RetryPolicy::min) counts as
    /// that.
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// What the ceiling grows to (default: 30 s).
    pub fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// The shortest wait (default: 100 ms).
    pub fn min(mut self, min: Duration) -> Self {
        self.min = min;
        self
    }

    /// Ends the loop after this many retries without a good answer in between (default: never). 0
    /// means that the first failure ends it.
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = Some(max_retries);
        self
    }

    /// Makes the jitter repeatable (default: a random seed).
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
