//! So many calls a second.
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// No second has more than so many calls: the one after those starts a second after the first.
#[derive(Debug)]
pub(super) struct Limiter {
    // When the last calls were, or will be, made: as many as fit into a second.
    last: Mutex<VecDeque<Instant>>,
    a_second: usize,
}

/// A second by the server's clock: calls that left in time may arrive closer together.
const SECOND: Duration = Duration::from_millis(1_050);

impl Limiter {
    /// `a_second` of 0 is no limit.
    pub(super) fn new(a_second: u32) -> Self {
        let a_second = usize::try_from(a_second).unwrap_or(usize::MAX);
        Self { last: Mutex::new(VecDeque::new()), a_second }
    }

    /// Waits for this call's turn. Calls take their turns in the order in which they ask.
    pub(super) async fn turn(&self) {
        let turn = self.reserve(Instant::now());
        tokio::time::sleep_until(turn).await;
    }

    fn reserve(&self, now: Instant) -> Instant {
        if self.a_second == 0 {
            return now;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let free = if last.len() < self.a_second { None } else { last.pop_front() };
        let turn = free.map_or(now, |first| (first + SECOND).max(now));
        last.push_back(turn);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_has_as_many_calls_as_it_may() {
        let (limiter, start) = (Limiter::new(3), Instant::now());
        let mut turns = Vec::new();
        for _ in 0..8 {
            limiter.turn().await;
            turns.push((Instant::now() - start).as_millis());
        }
        assert_eq!(turns, [0, 0, 0, 1050, 1050, 1050, 2100, 2100]);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let start = Instant::now();
        for _ in 0..3 {
            limiter.turn().await;
        }
        assert_eq!(Instant::now(), start);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_at_the_same_time_share_the_limit_and_none_may_be_without() {
        let (limiter, start) = (Limiter::new(2), Instant::now());
        tokio::join!(limiter.turn(), limiter.turn(), limiter.turn(), limiter.turn());
        assert_eq!((Instant::now() - start).as_millis(), 1050);
        let unlimited = Limiter::new(0);
        for _ in 0..100 {
            unlimited.turn().await;
        }
        assert_eq!((Instant::now() - start).as_millis(), 1050);
    }
}
