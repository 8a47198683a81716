//! Delete after retrieval: who holds what, until when.

use crate::{Entry, Position};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one poller has taken from a topic whose publications are
/// [deleted after retrieval](crate::Bounds::delete_after_retrieval).
///
/// They are its own until the lease ends. The position of the last of them, given to
/// [`Engine::confirm`](crate::Engine::confirm), deletes them; without that others are given them
/// once the lease has ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claim {
    /// Oldest first; empty where there is nothing to take now.
    pub entries: Vec<Arc<Entry>>,
    /// Whether something between the start and the first entry is no longer held.
    pub lost: bool,
    /// When the next lease of somebody else ends, in milliseconds of the engine's clock: the time to
    /// look again where there was nothing.
    pub look_again: Option<u64>,
    /// The time of the oldest publication behind the start that somebody else holds, where there was
    /// nothing to take: it may come back, so a poller that goes by time must not move on past it.
    pub held_since: Option<u64>,
    /// The newest position that left the history before it was taken, as the topic's bounds have it.
    pub evicted: Option<Position>,
}

impl Claim {
    /// For engines.
    #[must_use]
    pub fn new(entries: Vec<Arc<Entry>>, lost: bool, look_again: Option<u64>) -> Self {
        Self { entries, lost, look_again, held_since: None, evicted: None }
    }
}

/// The leases of one topic, by offset. Pure: time is an argument.
#[derive(Debug, Default)]
pub(crate) struct Leases(BTreeMap<u64, Lease>);

#[derive(Debug)]
struct Lease {
    until: u64,
    /// The last offset of the claim that it is part of, by which it is confirmed.
    last: u64,
}

impl Leases {
    /// Whether nobody holds this offset at `now`.
    pub(crate) fn is_free(&self, offset: u64, now: u64) -> bool {
        self.0.get(&offset).is_none_or(|lease| lease.until <= now)
    }

    /// Leases these offsets, in ascending order, as one claim.
    pub(crate) fn take(&mut self, offsets: &[u64], until: u64) {
        let Some(&last) = offsets.last() else { return };
        self.0.extend(offsets.iter().map(|&offset| (offset, Lease { until, last })));
    }

    /// The offsets of the claim whose last one this is, but for what was taken over after the lease
    /// had ended.
    pub(crate) fn of_claim(&self, last: u64) -> Vec<u64> {
        let of_claim = self.0.range(..=last).filter(|(_, lease)| lease.last == last);
        of_claim.map(|(&offset, _)| offset).collect()
    }

    /// Ends the claim whose last offset this is, and gives its offsets, to be deleted. One that was
    /// taken over after its lease had ended keeps what is leased anew.
    pub(crate) fn confirm(&mut self, last: u64) -> Vec<u64> {
        let offsets = self.of_claim(last);
        self.0.retain(|_, lease| lease.last != last);
        offsets
    }

    /// When the first of the leases that hold at `now` ends.
    pub(crate) fn next_end(&self, now: u64) -> Option<u64> {
        self.0.values().map(|lease| lease.until).filter(|&until| until > now).min()
    }

    /// Forgets what is no longer held.
    pub(crate) fn forget_through(&mut self, offset: u64) {
        if self.0.first_key_value().is_some_and(|(&first, _)| first <= offset) {
            self.0 = match offset.checked_add(1) {
                Some(next) => self.0.split_off(&next),
                None => BTreeMap::new(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_its_holders_until_it_is_confirmed_or_ends() {
        let mut leases = Leases::default();
        leases.take(&[1, 2, 4], 100);
        leases.take(&[5], 200);
        assert!(!leases.is_free(4, 99) && leases.is_free(4, 100) && leases.is_free(3, 0));
        assert_eq!((leases.next_end(0), leases.next_end(100)), (Some(100), Some(200)));
        assert!(leases.confirm(2).is_empty(), "2 is not the end of a claim");
        assert_eq!(leases.confirm(4), [1, 2, 4]);
        assert!(leases.confirm(4).is_empty(), "confirmed once");
        assert!(!leases.is_free(5, 199));
    }

    #[test]
    fn what_was_taken_over_is_not_the_first_holders_any_more() {
        let mut leases = Leases::default();
        leases.take(&[1, 2], 100);
        leases.take(&[2, 3], 300);
        assert_eq!(leases.confirm(2), [1], "2 is leased anew");
        assert_eq!(leases.confirm(3), [2, 3]);
        leases.take(&[7, 8], 100);
        leases.forget_through(7);
        assert!(leases.is_free(7, 0) && !leases.is_free(8, 0));
    }
}
