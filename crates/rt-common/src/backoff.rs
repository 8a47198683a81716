//! How long to wait before trying again.
//!
//! The ceiling doubles with each attempt and the wait is drawn evenly from the whole range below
//! it ("full jitter"): clients that lost their server at the same moment come back spread out.
use std::time::{Duration, Instant};

/// An exponential backoff with full jitter.
///
/// It has no clock and no global random source: the caller passes `now` and a seed, so that the
/// same calls always give the same waits.
///
/// ```
/// use std::time::{Duration, Instant};
/// use rt_common::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), 7);
/// let now = Instant::now();
/// assert!(backoff.next_delay(now) <= Duration::from_secs(1));
/// assert!(backoff.next_delay(now) <= Duration::from_secs(2));
/// assert_eq!(backoff.attempts(), 2);
///
/// // A connection that lasts a minute is healthy: the count starts over.
/// backoff.connected(now);
/// backoff.next_delay(now + Duration::from_secs(60));
/// assert_eq!(backoff.attempts(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    floor: Duration,
    reset_after: Duration,
    attempts: u32,
    connected_at: Option<Instant>,
    random: fastrand::Rng,
}

impl Backoff {
    /// A backoff whose first wait is at most `base` and whose later ones are at most `max`.
    ///
    /// `seed` makes the jitter repeatable; [`random_seed`] gives one for ordinary use. A `max`
    /// below `base` counts as `base`.
    pub fn new(base: Duration, max: Duration, seed: u64) -> Self {
        Self {
            base,
            max: max.max(base),
            floor: Duration::ZERO,
            reset_after: Duration::from_secs(60),
            attempts: 0,
            connected_at: None,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// No wait is shorter than `floor` (default: zero).
    #[must_use]
    pub fn with_floor(mut self, floor: Duration) -> Self {
        self.floor = floor;
        self
    }

    /// How long a connection must have lasted before its end starts the count over (default: 60
    /// seconds). A mere connect never does: a server that accepts and fails would be hammered.
    #[must_use]
    pub fn with_reset_after(mut self, reset_after: Duration) -> Self {
        self.reset_after = reset_after;
        self
    }

    /// Replaces the base, for instance because the server asked for another one. The count of
    /// attempts stays.
    pub fn set_base(&mut self, base: Duration) {
        self.base = base;
    }

    /// Replaces the floor; see [`Backoff::with_floor`].
    pub fn set_floor(&mut self, floor: Duration) {
        self.floor = floor;
    }

    /// A connection was made at `now`; [`Backoff::next_delay`] tells how long it lasted.
    pub fn connected(&mut self, now: Instant) {
        self.connected_at = Some(now);
    }

    /// The attempt or the connection failed at `now`: how long to wait before the next attempt.
    pub fn next_delay(&mut self, now: Instant) -> Duration {
        self.settle(now);
        let ceiling = self.ceiling();
        self.attempts = self.attempts.saturating_add(1);
        self.floor.saturating_add(self.jitter(ceiling.saturating_sub(self.floor)))
    }

    /// Takes into account how long the last connection lasted; [`Backoff::next_delay`] does it
    /// itself. Useful before reading [`Backoff::attempts`].
    pub fn settle(&mut self, now: Instant) {
        if let Some(at) = self.connected_at.take()
            && now.saturating_duration_since(at) >= self.reset_after
        {
            self.attempts = 0;
        }
    }

    /// How many waits were given out since the last healthy connection.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Counts an attempt whose wait was decided elsewhere (a `Retry-After`, say).
    pub fn count_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// An even draw from zero to `range`, both included, from this backoff's random source.
    pub fn jitter(&mut self, range: Duration) -> Duration {
        let nanos = u64::try_from(range.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.u64(0..=nanos))
    }

    fn ceiling(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.max.max(self.base))
    }
}

/// A seed that differs between processes and calls, for [`Backoff::new`].
pub fn random_seed() -> u64 {
    fastrand::u64(..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff(seed: u64) -> Backoff {
        Backoff::new(SECOND, 8 * SECOND, seed)
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_maximum() {
        let now = Instant::now();
        let mut longest = [Duration::ZERO; 6];
        let mut shortest = [Duration::MAX; 6];
        for seed in 0..2_000 {
            let mut backoff = backoff(seed);
            for step in 0..6 {
                let delay = backoff.next_delay(now);
                longest[step] = longest[step].max(delay);
                shortest[step] = shortest[step].min(delay);
            }
        }
        for (step, ceiling) in [1, 2, 4, 8, 8, 8].into_iter().enumerate() {
            let ceiling = ceiling * SECOND;
            assert!(longest[step] <= ceiling, "step {step} waited {:?}", longest[step]);
            assert!(longest[step] > ceiling * 9 / 10, "step {step} never came near its ceiling");
            assert!(shortest[step] < ceiling / 10, "step {step} does not use the whole range");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let now = Instant::now();
        let waits = |seed| {
            let mut backoff = backoff(seed);
            [(); 5].map(|()| backoff.next_delay(now))
        };
        assert_eq!(waits(3), waits(3));
        assert_ne!(waits(3), waits(4));
    }

    #[test]
    fn only_a_connection_that_lasts_starts_over() {
        let now = Instant::now();
        let mut backoff = backoff(1);
        backoff.next_delay(now);
        backoff.next_delay(now);
        backoff.connected(now);
        backoff.next_delay(now + 59 * SECOND);
        assert_eq!(backoff.attempts(), 3);
        backoff.connected(now);
        backoff.next_delay(now + 60 * SECOND);
        assert_eq!(backoff.attempts(), 1);
        // Failing attempts after it do not count as the old connection's health.
        backoff.next_delay(now + 600 * SECOND);
        assert_eq!(backoff.attempts(), 2);
    }

    #[test]
    fn the_floor_holds_even_above_the_ceiling() {
        let now = Instant::now();
        for seed in 0..200 {
            let mut backoff = Backoff::new(Duration::ZERO, Duration::ZERO, seed).with_floor(SECOND);
            assert_eq!(backoff.next_delay(now), SECOND);
            let mut backoff = Backoff::new(4 * SECOND, 8 * SECOND, seed).with_floor(3 * SECOND);
            let delay = backoff.next_delay(now);
            assert!((3 * SECOND..=4 * SECOND).contains(&delay), "{delay:?}");
        }
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX, 1);
        for _ in 0..100 {
            backoff.next_delay(Instant::now());
        }
        assert_eq!(backoff.attempts(), 100);
    }
}
