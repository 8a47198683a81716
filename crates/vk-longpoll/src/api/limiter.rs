//! So many calls a second.
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// No second has more than so many calls: the one after those starts a second after the first.
///
/// Who waits stands in a line, and leaves it when it gives up. A turn is given by the clock, by
/// whoever looks next: one that stands in line and is not polled holds nobody up.
#[derive(Debug)]
pub(super) struct Limiter {
    line: Mutex<Line>,
    /// Somebody gave up: those behind may come sooner.
    shorter: Notify,
}

#[derive(Debug)]
struct Line {
    a_second: usize,
    /// When the last turns were: as many as fit into a second.
    turns: VecDeque<Instant>,
    /// Numbers, each larger than the one before, and when they asked.
    waiting: VecDeque<(u64, Instant)>,
    next: u64,
}

/// A second by the server's clock: calls that left in time may arrive closer together.
const SECOND: Duration = Duration::from_millis(1_050);

impl Limiter {
    /// `a_second` of 0 is no limit.
    pub(super) fn new(a_second: u32) -> Self {
        let a_second = usize::try_from(a_second).unwrap_or(usize::MAX);
        let (turns, waiting) = (VecDeque::new(), VecDeque::new());
        Self {
            line: Mutex::new(Line { a_second, turns, waiting, next: 0 }),
            shorter: Notify::new(),
        }
    }

    /// Waits for this call's turn. Calls take their turns in the order in which they ask.
    pub(super) async fn turn(&self) {
        let number = self.line().join(Instant::now());
        let place = Place { limiter: self, number };
        loop {
            let shorter = self.shorter.notified();
            let Some(turn) = self.line().turn_of(place.number, Instant::now()) else { return };
            tokio::select! {
                () = tokio::time::sleep_until(turn) => {}
                () = shorter => {}
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn join(&mut self, now: Instant) -> u64 {
        self.next += 1;
        self.waiting.push_back((self.next, now));
        self.next
    }

    /// When this one's turn will be; `None` when it has come.
    fn turn_of(&mut self, number: u64, now: Instant) -> Option<Instant> {
        if self.a_second == 0 {
            self.waiting.clear();
            return None;
        }
        while let Some((_, asked)) = self.waiting.front() {
            let is_full = self.turns.len() >= self.a_second;
            let free = self.turns.front().filter(|_| is_full).map(|first| *first + SECOND);
            let turn = free.map_or(*asked, |free| free.max(*asked));
            if turn > now {
                break;
            }
            if is_full {
                self.turns.pop_front();
            }
            self.turns.push_back(turn);
            self.waiting.pop_front();
        }
        let before = self.place(number)?;
        // As many turns as fit into a second, and the same again a second later.
        let seconds = u32::try_from(before / self.a_second + 1).unwrap_or(u32::MAX);
        Some(self.turns[before % self.a_second] + SECOND * seconds)
    }

    /// How many stand before this one.
    fn place(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |(number, _)| *number).ok()
    }
}

/// A place in the line.
struct Place<'a> {
    limiter: &'a Limiter,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.limiter.line();
        if let Some(at) = line.place(self.number) {
            line.waiting.remove(at);
            self.limiter.shorter.notify_waiters();
        }
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

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_given_up_take_no_turn() {
        let (limiter, start) = (Limiter::new(3), Instant::now());
        let a_tenth = Duration::from_millis(100);
        let mut through = 0;
        for n in 1..=600 {
            let hasty = tokio::time::timeout(a_tenth, limiter.turn());
            through += u32::from(hasty.await.is_ok());
            tokio::time::sleep_until(start + a_tenth * n).await;
        }
        // Nearly three a second are made all the same, and the next one soon.
        assert!(through > 150, "{through}");
        let asked = Instant::now();
        limiter.turn().await;
        assert!(asked.elapsed() <= SECOND, "{:?}", asked.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_behind_calls_that_are_given_up_moves_forward() {
        let (limiter, start) = (Limiter::new(1), Instant::now());
        limiter.turn().await;
        let hasty = || tokio::time::timeout(Duration::from_millis(100), limiter.turn());
        let (a, b, (), c) = tokio::join!(hasty(), hasty(), limiter.turn(), hasty());
        assert!(a.is_err() && b.is_err() && c.is_err());
        assert_eq!(start.elapsed(), SECOND);
    }

    /// A loop's own call, while its reader waits for another call.
    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_not_polled_holds_nobody_up() {
        let (limiter, start) = (Limiter::new(1), Instant::now());
        limiter.turn().await;
        let mut left = std::pin::pin!(limiter.turn());
        tokio::select! {
            biased;
            () = &mut left => unreachable!(),
            () = std::future::ready(()) => {}
        }
        limiter.turn().await;
        assert_eq!(start.elapsed(), SECOND * 2);
        left.await;
        assert_eq!(start.elapsed(), SECOND * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_taken_in_the_order_of_asking() {
        let (limiter, order) = (Limiter::new(2), Mutex::new(Vec::new()));
        let calls = (0..9).map(|n| {
            let (limiter, order) = (&limiter, &order);
            async move {
                limiter.turn().await;
                order.lock().unwrap().push(n);
            }
        });
        futures_util::future::join_all(calls).await;
        assert_eq!(*order.lock().unwrap(), (0..9).collect::<Vec<_>>());
    }
}
