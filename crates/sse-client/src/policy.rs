//! When to try again: no I/O, and time is an argument.
use std::time::{Duration, Instant};

use rt_common::Backoff;

use crate::RetryPolicy;
use crate::retry_policy::MaxRetries;

/// The state of one stream's reconnects.
#[derive(Debug)]
pub(crate) struct Policy {
    config: RetryPolicy,
    backoff: Backoff,
    /// The wait of a policy without backoff and jitter.
    fixed: Option<Duration>,
}

impl Policy {
    pub(crate) fn new(config: RetryPolicy) -> Self {
        let seed = config.seed.unwrap_or_else(rt_common::backoff::random_seed);
        // A base of zero would never grow: a server that is down would be asked ten times a second.
        let base = config.base.max(config.min);
        let backoff = Backoff::new(base, config.max, seed)
            .with_floor(config.min)
            .with_reset_after(config.reset_after);
        let fixed = config.fixed.then_some(base);
        Self { config, backoff, fixed }
    }

    /// A connection is open since `now`.
    pub(crate) fn opened(&mut self, now: Instant) {
        self.backoff.connected(now);
    }

    /// The connection is over; the server was last heard at `heard`.
    pub(crate) fn closed(&mut self, heard: Instant) {
        self.backoff.settle(heard);
    }

    /// The server sent a `retry` field.
    pub(crate) fn server_retry(&mut self, wish: Duration) {
        let wish = self.bounded(wish);
        self.fixed = self.fixed.map(|_| wish);
        // Twice, because the wait is never below the wish and the jitter needs room above it.
        self.backoff.set_base(wish.saturating_mul(2));
        self.backoff.set_floor(wish);
    }

    /// The attempt or the connection failed at `now`: returns how long to wait, or `Err` with the
    /// number of retries made if there is none left. `default_max_retries` is the bound on retries
    /// unless the user set one.
    pub(crate) fn failed(
        &mut self,
        now: Instant,
        retry_after: Option<Duration>,
        default_max_retries: Option<u32>,
    ) -> Result<Duration, u32> {
        self.backoff.settle(now);
        let retries = self.backoff.attempts();
        let max = match self.config.max_retries {
            MaxRetries::Default => default_max_retries,
            MaxRetries::Unlimited => None,
            MaxRetries::AtMost(max) => Some(max),
        };
        if max.is_some_and(|max| retries >= max) {
            return Err(retries);
        }
        Ok(match (retry_after, self.fixed) {
            (None, None) => self.backoff.next_delay(now),
            (None, Some(wait)) => {
                self.backoff.count_attempt();
                wait
            }
            (Some(wish), _) => {
                self.backoff.count_attempt();
                let wish = self.bounded(wish);
                wish + self.backoff.jitter(wish / 10)
            }
        })
    }

    fn bounded(&self, wish: Duration) -> Duration {
        wish.min(self.config.server_max).max(self.config.min)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The waits of many policies for the same story.
    fn waits(tell: impl Fn(&mut Policy) -> Duration) -> (Duration, Duration) {
        let waits = (0..500).map(|seed| tell(&mut Policy::new(RetryPolicy::new().seed(seed))));
        waits.fold((Duration::MAX, Duration::ZERO), |(low, high), wait| {
            (low.min(wait), high.max(wait))
        })
    }

    fn assert_range(got: (Duration, Duration), low: Duration, high: Duration) {
        let slack = (high - low) / 10;
        assert!(got.0 >= low && got.0 <= low + slack, "{got:?} is not {low:?} to {high:?}");
        assert!(got.1 <= high && got.1 >= high - slack, "{got:?} is not {low:?} to {high:?}");
    }

    #[test]
    fn waits_grow_to_their_maximum() {
        let now = Instant::now();
        for (failures, high) in [(0, 1), (1, 2), (4, 16), (5, 30), (40, 30)] {
            let got = waits(|policy| {
                for _ in 0..failures {
                    policy.failed(now, None, None).unwrap();
                }
                policy.failed(now, None, None).unwrap()
            });
            assert_range(got, Duration::from_millis(100), high * SECOND);
        }
    }

    #[test]
    fn the_servers_retry_is_the_base_and_the_least() {
        let now = Instant::now();
        for (wish, low) in [(4 * SECOND, 4 * SECOND), (Duration::ZERO, Duration::from_millis(100))]
        {
            let got = waits(|policy| {
                policy.server_retry(wish);
                policy.failed(now, None, None).unwrap()
            });
            assert_range(got, low, 2 * low);
        }
        let endless = waits(|policy| {
            policy.server_retry(Duration::MAX);
            policy.failed(now, None, None).unwrap()
        });
        assert_range(endless, 300 * SECOND, 600 * SECOND);
    }

    #[test]
    fn retry_after_is_obeyed_and_capped() {
        let now = Instant::now();
        for (asked, low) in [(20 * SECOND, 20 * SECOND), (4_000 * SECOND, 300 * SECOND)] {
            let got = waits(|policy| policy.failed(now, Some(asked), None).unwrap());
            assert_range(got, low, low + low / 10);
        }
        let got = waits(|policy| policy.failed(now, Some(Duration::ZERO), None).unwrap());
        assert!(got.0 >= Duration::from_millis(100), "{got:?}");
    }

    #[test]
    fn retries_are_counted_until_a_healthy_connection() {
        let now = Instant::now();
        let mut policy = Policy::new(RetryPolicy::new().max_retries(2));
        policy.failed(now, None, None).unwrap();
        policy.opened(now);
        // It lasted less than a minute: it counts on, Retry-After or not.
        policy.failed(now + 59 * SECOND, Some(SECOND), None).unwrap();
        assert_eq!(policy.failed(now + 60 * SECOND, None, None), Err(2));

        let mut policy = Policy::new(RetryPolicy::new().max_retries(2));
        policy.failed(now, None, None).unwrap();
        policy.failed(now, None, None).unwrap();
        policy.opened(now);
        policy.failed(now + 60 * SECOND, None, None).expect("a minute of health starts over");
        policy.failed(now + 60 * SECOND, None, None).unwrap();
        assert_eq!(policy.failed(now + 60 * SECOND, None, None), Err(2));

        let mut single = Policy::new(RetryPolicy::new().max_retries(0));
        assert_eq!(single.failed(now, None, None), Err(0));
    }

    #[test]
    fn a_fixed_wait_neither_grows_nor_varies() {
        let now = Instant::now();
        let mut policy = Policy::new(RetryPolicy::fixed(3 * SECOND));
        for _ in 0..20 {
            assert_eq!(policy.failed(now, None, None), Ok(3 * SECOND));
        }
        policy.server_retry(7 * SECOND);
        assert_eq!(policy.failed(now, None, None), Ok(7 * SECOND));
        let wish = policy.failed(now, Some(20 * SECOND), None).unwrap();
        assert!((20 * SECOND..=22 * SECOND).contains(&wish), "{wish:?}");
        assert_eq!(policy.failed(now, None, None), Ok(7 * SECOND));
        let mut soon = Policy::new(RetryPolicy::fixed(Duration::ZERO));
        assert_eq!(soon.failed(now, None, None), Ok(Duration::from_millis(100)));
        let mut brief = Policy::new(RetryPolicy::fixed(SECOND).max_retries(1));
        brief.failed(now, None, None).unwrap();
        assert_eq!(brief.failed(now, None, None), Err(1));
    }

    #[test]
    fn the_users_bound_on_retries_replaces_the_usual_one() {
        let now = Instant::now();
        for (policy, usual, retries) in [
            (RetryPolicy::new(), Some(2), Some(2)),
            (RetryPolicy::new(), None, None),
            (RetryPolicy::new().max_retries(3), Some(2), Some(3)),
            (RetryPolicy::new().max_retries(None), Some(2), None),
        ] {
            let mut policy = Policy::new(policy);
            let made = (0..50).take_while(|_| policy.failed(now, None, usual).is_ok()).count();
            assert_eq!(made, retries.unwrap_or(50), "{policy:?}");
        }
    }

    #[test]
    fn a_base_of_zero_grows_too() {
        let now = Instant::now();
        let high = (0..200).map(|seed| {
            let mut policy = Policy::new(RetryPolicy::new().base(Duration::ZERO).seed(seed));
            assert_eq!(policy.failed(now, None, None), Ok(Duration::from_millis(100)));
            for _ in 0..4 {
                policy.failed(now, None, None).unwrap();
            }
            policy.failed(now, None, None).unwrap()
        });
        assert!(high.max().unwrap() > 2 * SECOND);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Opened,
        Retry(u64),
        Failed(Option<u64>),
        Later(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Opened),
            any::<u64>().prop_map(Step::Retry),
            (0..100_000_u64).prop_map(Step::Retry),
            proptest::option::of(any::<u64>()).prop_map(Step::Failed),
            (0..100_000_u64).prop_map(Step::Later),
        ]
    }

    proptest! {
        /// Whatever happens, no wait is shorter than the least or longer than the bounds allow,
        /// and no more retries are made in a row than asked for.
        #[test]
        fn waits_stay_in_bounds(seed: u64, steps in proptest::collection::vec(step(), 0..60)) {
            let mut policy = Policy::new(RetryPolicy::new().seed(seed).max_retries(5));
            let mut now = Instant::now();
            let mut in_a_row = 0;
            for step in steps {
                match step {
                    Step::Opened => policy.opened(now),
                    Step::Retry(ms) => policy.server_retry(Duration::from_millis(ms)),
                    Step::Later(ms) => {
                        now += Duration::from_millis(ms);
                        if ms >= 60_000 {
                            in_a_row = 0;
                        }
                    }
                    Step::Failed(after) => match policy.failed(now, after.map(Duration::from_secs), None) {
                        Ok(wait) => {
                            in_a_row += 1;
                            prop_assert!(wait >= Duration::from_millis(100), "{:?}", wait);
                            prop_assert!(wait <= 600 * SECOND, "{:?}", wait);
                        }
                        Err(retries) => prop_assert_eq!(retries, 5),
                    },
                }
                prop_assert!(in_a_row <= 10, "at most five before and five after a reset");
            }
        }
    }
}
