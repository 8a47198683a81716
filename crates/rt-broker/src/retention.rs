//! A topic's held publications: bounds, evictions and claims.
//!
//! All of it is plain data without a lock, a clock or I/O: time is an argument. The engine in memory
//! and the engine in a folder hold a [`Retention`] per topic; a node's window keeps to its bounds
//! with the same [`Budget`].

mod budget;
mod idle;
mod ids;
mod leases;

pub use budget::Evicted;
pub(crate) use budget::{Budget, Retained};
pub(crate) use idle::{IdleTopic, IdleTopics};
pub(crate) use ids::{Id, IdIndex};
pub(crate) use leases::Leases;

use crate::bounds::Bounds;
use crate::position::Offset;
use crate::timestamp::Timestamp;
use std::collections::VecDeque;

/// The publications that a topic holds, or what stands for them, in the order of their offsets.
#[derive(Debug)]
pub(crate) struct Retention<T> {
    budget: Budget,
    items: VecDeque<T>,
    leases: Leases,
    ids: IdIndex,
    undo: Option<Box<Undo<T>>>,
}

/// The state that undoes the changes since [`Retention::begin`].
#[derive(Debug)]
struct Undo<T> {
    budget: Budget,
    /// The newest item then; what was pushed later follows it.
    newest: Offset,
    removed: Vec<T>,
}

/// The result of a claim.
#[derive(Debug)]
pub(crate) struct Claimed<T> {
    /// The claimed items, oldest first.
    pub(crate) items: Vec<T>,
    /// When to look again, where there was nothing to claim.
    pub(crate) look_again: Option<Timestamp>,
    /// The time of the oldest item that somebody else has claimed, where there was nothing to claim.
    pub(crate) held_since: Option<Timestamp>,
}

/// How much one claim takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClaimLimits {
    /// The offset after which to look.
    pub(crate) after: Offset,
    /// The most items.
    pub(crate) count: usize,
    /// About the most bytes; one item is claimed whatever its size.
    pub(crate) bytes: usize,
}

impl<T: Retained + Clone> Retention<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            budget: Budget::new(bounds),
            items: VecDeque::new(),
            leases: Leases::default(),
            ids: IdIndex::default(),
            undo: None,
        }
    }

    /// Makes the changes from here on a transaction: either [`commit`](Self::commit) or
    /// [`roll_back`](Self::roll_back) ends it. Does nothing where one is open.
    pub(crate) fn begin(&mut self) {
        let newest = self.items.back().map(Retained::offset).unwrap_or_default();
        let undo = || Box::new(Undo { budget: self.budget, newest, removed: Vec::new() });
        self.undo.get_or_insert_with(undo);
    }

    /// Keeps the changes since [`begin`](Self::begin), and passes the items that they removed to
    /// `removed`.
    pub(crate) fn commit(&mut self, mut removed: impl FnMut(T)) {
        for item in self.undo.take().into_iter().flat_map(|undo| undo.removed) {
            self.forget(item.offset());
            removed(item);
        }
    }

    /// Takes back the changes since [`begin`](Self::begin).
    pub(crate) fn roll_back(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        while self.items.back().is_some_and(|item| item.offset() > undo.newest) {
            self.items.pop_back();
        }
        for item in undo.removed.into_iter().filter(|item| item.offset() <= undo.newest) {
            let index = index_after(&self.items, item.offset());
            self.items.insert(index, item);
        }
        self.budget = undo.budget;
    }

    /// Adds the newest item. It may exceed the bounds until the next [`trim`](Self::trim).
    pub(crate) fn push(&mut self, item: T) {
        self.budget.add(&item);
        self.items.push_back(item);
    }

    /// Indexes an item by its ids.
    pub(crate) fn index<'a>(&mut self, offset: Offset, ids: impl Iterator<Item = Id<'a>>) {
        ids.for_each(|id| self.ids.insert(id, offset));
    }

    /// Adds an item at its place among those held, or replaces the one with its offset.
    pub(crate) fn insert(&mut self, item: T) {
        if let Some(index) = self.index_of(item.offset()) {
            self.budget.remove(&self.items[index]);
            self.budget.add(&item);
            self.items[index] = item;
        } else if item.offset() > self.evicted().offset {
            self.budget.add(&item);
            self.items.insert(self.index_after(item.offset()), item);
        }
    }

    /// Evicts what exceeds the bounds at `now` and passes it to `evicted`, oldest first.
    pub(crate) fn trim(&mut self, now: Timestamp, mut evicted: impl FnMut(T)) {
        while self.items.front().is_some_and(|oldest| self.budget.must_evict(oldest, now)) {
            self.evict_front().into_iter().for_each(&mut evicted);
        }
    }

    /// Whether [`trim`](Self::trim) would evict anything.
    pub(crate) fn exceeds(&self, now: Timestamp) -> bool {
        self.items.front().is_some_and(|oldest| self.budget.must_evict(oldest, now))
    }

    /// Evicts the oldest item, unless it is the only one.
    pub(crate) fn evict_oldest(&mut self) -> Option<T> {
        if self.items.len() < 2 { None } else { self.evict_front() }
    }

    /// Takes everything up to and with `evicted` as evicted, as a store has recorded it.
    pub(crate) fn evict_through(&mut self, evicted: Evicted) {
        while self.items.front().is_some_and(|oldest| oldest.offset() <= evicted.offset) {
            self.evict_front();
        }
        self.note_evicted(evicted);
    }

    /// Notes that a publication that never was an item is missed by later subscribers.
    pub(crate) fn note_evicted(&mut self, evicted: Evicted) {
        self.budget.note_evicted(evicted);
    }

    /// Removes an item for another reason than a bound: it was confirmed, or cannot be read.
    pub(crate) fn remove(&mut self, offset: Offset) -> Option<T> {
        let index = self.index_of(offset)?;
        let item = self.items.remove(index)?;
        self.budget.remove(&item);
        self.removed(&item);
        Some(item)
    }

    fn evict_front(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        self.budget.evict(&item);
        self.removed(&item);
        Some(item)
    }

    fn removed(&mut self, item: &T) {
        match &mut self.undo {
            Some(undo) => undo.removed.push(item.clone()),
            None => self.forget(item.offset()),
        }
    }

    fn forget(&mut self, offset: Offset) {
        self.ids.remove(offset);
        self.leases.remove(offset);
        self.leases.forget_through(self.budget.evicted().offset);
    }

    /// Claims the oldest items that nobody else has claimed, for as long as the topic's leases last.
    pub(crate) fn claim(&mut self, limits: ClaimLimits, now: Timestamp) -> Claimed<T> {
        self.leases.expire(now);
        let returned = self.leases.returned_after(limits.after).filter_map(|at| self.get(at));
        let never_claimed = self.after(limits.after.max(self.leases.taken_through()));
        let (mut items, mut bytes) = (Vec::<T>::new(), 0);
        for item in returned.chain(never_claimed).take(limits.count) {
            if !items.is_empty() && bytes + item.size() > limits.bytes {
                break;
            }
            bytes += item.size();
            items.push(item.clone());
        }
        if items.is_empty() {
            let held_since = self.after(limits.after).next().map(Retained::time);
            return Claimed { items, look_again: self.leases.next_end(), held_since };
        }
        let until = now.after(self.budget.bounds().lease().unwrap_or_default());
        // What a later start passes over stays free for an earlier one.
        let passed_over = self.after(self.leases.taken_through()).map(Retained::offset);
        let passed_over = passed_over.take_while(|offset| *offset <= limits.after);
        let passed_over: Vec<Offset> = passed_over.collect();
        self.leases.pass_over(passed_over);
        self.leases.take(items.iter().map(Retained::offset), until);
        Claimed { items, look_again: None, held_since: None }
    }

    /// Ends all claims: what was claimed can be claimed again.
    pub(crate) fn end_leases(&mut self) {
        self.leases = Leases::default();
    }

    /// The offsets of the claim whose last item this is, without what somebody else claimed after
    /// the lease had ended.
    pub(crate) fn claimed_by(&self, last: Offset) -> Vec<Offset> {
        self.leases.of_claim(last)
    }

    /// Ends the claim whose last item this is: its items can be claimed again.
    #[cfg(feature = "file")]
    pub(crate) fn release(&mut self, last: Offset) {
        self.leases.release(last);
    }

    /// Ends the claim whose last item this is, and removes its items.
    pub(crate) fn confirm(&mut self, last: Offset) -> Vec<T> {
        let confirmed = self.leases.confirm(last);
        confirmed.into_iter().filter_map(|offset| self.remove(offset)).collect()
    }

    /// The items after an offset, oldest first.
    pub(crate) fn after(&self, offset: Offset) -> impl Iterator<Item = &T> + use<'_, T> {
        self.items.range(self.index_after(offset)..)
    }

    /// The item with this offset.
    pub(crate) fn get(&self, offset: Offset) -> Option<&T> {
        self.index_of(offset).map(|index| &self.items[index])
    }

    /// The offset of the newest item stamped at or before `time`.
    pub(crate) fn last_by(&self, time: Timestamp) -> Option<Offset> {
        let index = self.items.partition_point(|item| item.time() <= time);
        index.checked_sub(1).map(|last| self.items[last].offset())
    }

    /// The offset of the newest item with this id.
    pub(crate) fn find(&self, id: Id<'_>) -> Option<Offset> {
        self.ids.find(id)
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.budget.bounds()
    }

    pub(crate) fn set_bounds(&mut self, bounds: Bounds) {
        self.budget.set_bounds(bounds);
    }

    /// The bytes held, as bounds count them.
    pub(crate) fn bytes(&self) -> usize {
        self.budget.bytes()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The newest publication that is no longer held.
    pub(crate) fn evicted(&self) -> Evicted {
        self.budget.evicted()
    }

    /// The position of the first item after an offset.
    fn index_after(&self, offset: Offset) -> usize {
        index_after(&self.items, offset)
    }

    fn index_of(&self, offset: Offset) -> Option<usize> {
        let index = self.index_after(offset).checked_sub(1)?;
        (self.items[index].offset() == offset).then_some(index)
    }
}

/// The index of the first item after an offset. Offsets usually follow each other, so the index is
/// known without a search.
pub(crate) fn index_after<T: Retained>(items: &VecDeque<T>, after: Offset) -> usize {
    let (Some(first), Some(last)) = (items.front(), items.back()) else { return 0 };
    if last.offset() <= after {
        return items.len();
    }
    let guess = after.get().saturating_sub(first.offset().get());
    match usize::try_from(guess).ok().and_then(|guess| items.get(guess)) {
        Some(item) if item.offset() == after => guess as usize + 1,
        _ => items.partition_point(|item| item.offset() <= after),
    }
}

#[cfg(test)]
mod tests;
