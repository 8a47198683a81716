//! Claims of a topic that deletes after retrieval: who has which publications, until when.

use crate::position::Offset;
use crate::timestamp::Timestamp;
use std::collections::BTreeMap;

/// The leases of one topic.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    by_offset: BTreeMap<Offset, Lease>,
    /// The first offset of each claim, by its last one.
    claims: BTreeMap<Offset, Offset>,
}

#[derive(Debug)]
struct Lease {
    until: Timestamp,
    /// The last offset of the claim that the lease is part of, by which the claim is confirmed.
    last: Offset,
}

impl Leases {
    /// Whether nobody has this offset at `now`.
    pub(crate) fn is_free(&self, offset: Offset, now: Timestamp) -> bool {
        self.by_offset.get(&offset).is_none_or(|lease| lease.until <= now)
    }

    /// Leases these offsets, in ascending order, as one claim.
    pub(crate) fn take(
        &mut self,
        offsets: impl DoubleEndedIterator<Item = Offset> + Clone,
        until: Timestamp,
    ) {
        let (Some(first), Some(last)) = (offsets.clone().next(), offsets.clone().next_back())
        else {
            return;
        };
        self.claims.insert(last, first);
        self.by_offset.extend(offsets.map(|offset| (offset, Lease { until, last })));
    }

    /// The offsets of the claim whose last one this is. Those that somebody else claimed after the
    /// lease had ended are not among them.
    pub(crate) fn of_claim(&self, last: Offset) -> Vec<Offset> {
        let Some(&first) = self.claims.get(&last) else { return Vec::new() };
        let of_claim = self.by_offset.range(first..=last).filter(|(_, lease)| lease.last == last);
        of_claim.map(|(&offset, _)| offset).collect()
    }

    /// Ends the claim whose last offset this is, and returns its offsets.
    pub(crate) fn confirm(&mut self, last: Offset) -> Vec<Offset> {
        let offsets = self.of_claim(last);
        for offset in &offsets {
            self.by_offset.remove(offset);
        }
        self.claims.remove(&last);
        offsets
    }

    /// When the first of the leases that hold at `now` ends.
    pub(crate) fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.by_offset.values().map(|lease| lease.until).filter(|&until| until > now).min()
    }

    /// Forgets the leases of what is no longer held.
    pub(crate) fn forget_through(&mut self, offset: Offset) {
        while self.by_offset.first_key_value().is_some_and(|(&first, _)| first <= offset) {
            self.by_offset.pop_first();
        }
        while self.claims.first_key_value().is_some_and(|(&last, _)| last <= offset) {
            self.claims.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(leases: &mut Leases, offsets: &[u64], until: u64) {
        leases.take(offsets.iter().map(|&offset| Offset::new(offset)), at(until));
    }

    fn at(time: u64) -> Timestamp {
        Timestamp::from_millis(time)
    }

    fn is_free(leases: &Leases, offset: u64, now: u64) -> bool {
        leases.is_free(Offset::new(offset), at(now))
    }

    fn confirm(leases: &mut Leases, last: u64) -> Vec<u64> {
        leases.confirm(Offset::new(last)).into_iter().map(Offset::get).collect()
    }

    #[test]
    fn a_claim_holds_until_it_is_confirmed_or_its_lease_ends() {
        let mut leases = Leases::default();
        take(&mut leases, &[1, 2, 4], 100);
        take(&mut leases, &[5], 200);
        assert!(!is_free(&leases, 4, 99) && is_free(&leases, 4, 100) && is_free(&leases, 3, 0));
        assert_eq!(leases.next_end(at(0)), Some(at(100)));
        assert_eq!(leases.next_end(at(100)), Some(at(200)));
        assert!(confirm(&mut leases, 2).is_empty(), "2 is not the end of a claim");
        assert_eq!(confirm(&mut leases, 4), [1, 2, 4]);
        assert!(confirm(&mut leases, 4).is_empty(), "a claim is confirmed once");
        assert!(!is_free(&leases, 5, 199));
    }

    #[test]
    fn what_another_claim_took_over_is_no_longer_part_of_the_first() {
        let mut leases = Leases::default();
        take(&mut leases, &[1, 2], 100);
        take(&mut leases, &[2, 3], 300);
        assert_eq!(confirm(&mut leases, 2), [1], "2 belongs to the second claim");
        assert_eq!(confirm(&mut leases, 3), [2, 3]);
        take(&mut leases, &[7, 8], 100);
        leases.forget_through(Offset::new(7));
        assert!(is_free(&leases, 7, 0) && !is_free(&leases, 8, 0));
    }
}
