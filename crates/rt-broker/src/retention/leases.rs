//! Leases of a topic that deletes after retrieval.

use crate::position::Offset;
use crate::timestamp::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The leases of one topic.
///
/// Offsets are claimed in their order, so everything up to `taken_through` was claimed once, and what
/// of it can be claimed again is in `returned`. No claim looks through what others have.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    by_offset: BTreeMap<Offset, Lease>,
    /// The leases that have not ended yet.
    by_end: BTreeSet<(Timestamp, Offset)>,
    /// The first offset of each claim, by its last one.
    claims: BTreeMap<Offset, Offset>,
    taken_through: Offset,
    returned: BTreeSet<Offset>,
}

#[derive(Debug)]
struct Lease {
    until: Timestamp,
    /// The last offset of the claim that the lease is part of, by which the claim is confirmed.
    last: Offset,
}

impl Leases {
    /// Ends the leases that hold until `now` at most: their offsets can be claimed again. Until
    /// somebody does, the claim can still be confirmed.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while let Some(&(until, offset)) = self.by_end.first()
            && until <= now
        {
            self.by_end.pop_first();
            self.returned.insert(offset);
        }
    }

    /// The offsets after this one that were claimed once and can be claimed again, in their order.
    pub(crate) fn returned_after(&self, after: Offset) -> impl Iterator<Item = Offset> {
        self.returned.range(after.next()..).copied()
    }

    /// Every offset after this one was never claimed.
    pub(crate) fn taken_through(&self) -> Offset {
        self.taken_through
    }

    /// Notes offsets, in ascending order, that were not claimed although later ones are.
    pub(crate) fn pass_over(&mut self, offsets: Vec<Offset>) {
        self.taken_through = self.taken_through.max(offsets.last().copied().unwrap_or_default());
        self.returned.extend(offsets);
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
        self.taken_through = self.taken_through.max(last);
        for offset in offsets {
            self.returned.remove(&offset);
            if let Some(before) = self.by_offset.insert(offset, Lease { until, last }) {
                self.by_end.remove(&(before.until, offset));
            }
            self.by_end.insert((until, offset));
        }
    }

    /// The offsets of the claim whose last one this is. Those that somebody else claimed after the
    /// lease had ended are not among them.
    pub(crate) fn of_claim(&self, last: Offset) -> Vec<Offset> {
        let Some(&first) = self.claims.get(&last) else { return Vec::new() };
        let of_claim = self.by_offset.range(first..=last).filter(|(_, lease)| lease.last == last);
        of_claim.map(|(&offset, _)| offset).collect()
    }

    /// Ends the claim whose last offset this is, and returns its offsets, which are to be removed.
    pub(crate) fn confirm(&mut self, last: Offset) -> Vec<Offset> {
        let offsets = self.of_claim(last);
        offsets.iter().for_each(|offset| self.remove(*offset));
        self.claims.remove(&last);
        offsets
    }

    /// Ends the claim whose last offset this is: its offsets can be claimed again.
    #[cfg(feature = "file")]
    pub(crate) fn release(&mut self, last: Offset) {
        let offsets = self.confirm(last);
        self.returned.extend(offsets);
    }

    /// When the first of the leases that have not ended ends.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// Forgets an offset that is no longer held.
    pub(crate) fn remove(&mut self, offset: Offset) {
        self.returned.remove(&offset);
        if let Some(lease) = self.by_offset.remove(&offset) {
            self.by_end.remove(&(lease.until, offset));
        }
    }

    /// Forgets what is no longer held, up to an offset.
    pub(crate) fn forget_through(&mut self, offset: Offset) {
        while let Some((&first, _)) = self.by_offset.first_key_value()
            && first <= offset
        {
            self.remove(first);
        }
        while self.returned.first().is_some_and(|first| *first <= offset) {
            self.returned.pop_first();
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

    /// Whether an offset of 1 to 9 can be claimed.
    fn is_free(leases: &mut Leases, offset: u64, now: u64) -> bool {
        leases.expire(at(now));
        let offset = Offset::new(offset);
        offset > leases.taken_through()
            || leases.returned_after(Offset::ZERO).any(|returned| returned == offset)
    }

    fn confirm(leases: &mut Leases, last: u64) -> Vec<u64> {
        leases.confirm(Offset::new(last)).into_iter().map(Offset::get).collect()
    }

    #[test]
    fn a_claim_holds_until_it_is_confirmed_or_its_lease_ends() {
        let mut leases = Leases::default();
        take(&mut leases, &[1, 2, 4], 100);
        take(&mut leases, &[5], 200);
        assert!(!is_free(&mut leases, 4, 99) && is_free(&mut leases, 6, 99));
        assert_eq!(leases.next_end(), Some(at(100)));
        assert!(is_free(&mut leases, 4, 100) && !is_free(&mut leases, 5, 100));
        assert_eq!(leases.next_end(), Some(at(200)));
        assert!(confirm(&mut leases, 2).is_empty(), "2 is not the end of a claim");
        assert_eq!(confirm(&mut leases, 4), [1, 2, 4]);
        assert!(confirm(&mut leases, 4).is_empty(), "a claim is confirmed once");
        assert!(!is_free(&mut leases, 5, 199));
    }

    #[test]
    fn what_another_claim_took_over_is_no_longer_part_of_the_first() {
        let mut leases = Leases::default();
        take(&mut leases, &[1, 2], 100);
        leases.expire(at(100));
        take(&mut leases, &[2, 3], 300);
        assert_eq!(confirm(&mut leases, 2), [1], "2 belongs to the second claim");
        assert_eq!(confirm(&mut leases, 3), [2, 3]);
        take(&mut leases, &[7, 8], 100);
        leases.forget_through(Offset::new(7));
        leases.expire(at(100));
        let returned: Vec<_> = leases.returned_after(Offset::ZERO).collect();
        assert_eq!(returned, [Offset::new(8)], "7 is no longer held");
    }
}
