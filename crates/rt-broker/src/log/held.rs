//! The entries of a log, in its history or kept for connected subscribers only.

use super::snapshot::Snapshot;
use crate::bounds::{Bounds, LIVE_WINDOW};
use crate::entry::Entry;
use crate::position::{Epoch, Offset};
use crate::retention::{Budget, Evicted, Id, IdIndex, Retained, index_after};
use crate::start::Lookup;
use crate::timestamp::Timestamp;
use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// A batch ends with the entry that takes it past this many bytes: large enough that a subscriber
/// that fell behind costs few writes, small enough to stay in a connection's send buffer.
const BATCH_BYTES: u64 = 64 << 10;

/// The entries of a log in one epoch, and the lost ranges between them.
///
/// An entry is in the history, or it is *live*: never stored, or evicted from the history. Live
/// entries are kept for connected subscribers, so that a short history makes no gap for those that
/// keep up.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) epoch: Epoch,
    /// The offset of the newest publication.
    pub(super) head: Offset,
    items: VecDeque<Item>,
    history: Budget,
    live: Budget,
    /// The offsets of the live entries, in order.
    live_offsets: VecDeque<Offset>,
    /// Entries up to this offset are live, so the search for the oldest one of the history begins
    /// after it.
    live_through: Offset,
    /// The offset of the newest entry that was in the history and is no longer held, not even live.
    dropped: Offset,
    /// The offset of the newest live-only entry that is no longer held.
    live_dropped: Offset,
    /// The ranges that the engine could not read, in order. Ranges that touch are one.
    lost: Vec<RangeInclusive<Offset>>,
    /// The ids of the entries in the history.
    ids: IdIndex,
    /// The number of entries that are for some subscribers only.
    private: usize,
    /// The bytes of all entries ever held.
    written: u64,
}

#[derive(Debug)]
struct Item {
    entry: Arc<Entry>,
    /// [`Held::written`] before this entry, so that the size of a stretch is a subtraction.
    begin: u64,
    live: bool,
}

/// The next part of a log after an offset.
pub(super) enum Next {
    Nothing,
    /// Publications that the engine could not read.
    Lost(RangeInclusive<Offset>),
    /// Entries, by their indices; never empty.
    Entries(Range<usize>),
}

impl Held {
    /// Creates the entries of a topic's epoch. `connected`, here and below, is whether the log has
    /// subscribers.
    pub(super) fn new(bounds: Bounds, snapshot: Snapshot, connected: bool) -> Self {
        let mut held = Self {
            epoch: snapshot.epoch,
            head: snapshot.head,
            items: VecDeque::with_capacity(snapshot.entries.len()),
            history: Budget::new(bounds),
            live: Budget::new(LIVE_WINDOW),
            live_offsets: VecDeque::new(),
            live_through: Offset::ZERO,
            dropped: snapshot.evicted.offset,
            live_dropped: Offset::ZERO,
            lost: Vec::new(),
            ids: IdIndex::default(),
            private: 0,
            written: 0,
        };
        held.history.note_evicted(snapshot.evicted);
        for entry in snapshot.entries {
            held.push(entry);
        }
        for range in snapshot.lost {
            held.lose(range);
        }
        held.trim(connected);
        held
    }

    /// Adds the newest entry, at the head.
    pub(super) fn append(&mut self, entry: Arc<Entry>, connected: bool) {
        self.head = entry.offset();
        self.expire(entry.time(), connected);
        if entry.is_live_only() && entry.publication().data().is_some() {
            // Without history, a subscriber that is not connected has missed it.
            self.history.note_evicted(Evicted { offset: entry.offset(), time: entry.time() });
        }
        if !entry.is_live_only() || connected {
            self.push(entry);
            self.trim(connected);
        }
    }

    fn push(&mut self, entry: Arc<Entry>) {
        let live = entry.is_live_only();
        if live {
            self.live.add(&entry);
            self.live_offsets.push_back(entry.offset());
        } else {
            self.history.add(&entry);
            entry.publication().ids().for_each(|id| self.ids.insert(id, entry.offset()));
        }
        self.private += usize::from(entry.publication().is_for_some_only());
        let begin = self.written;
        self.written += entry.size() as u64;
        self.items.push_back(Item { entry, begin, live });
    }

    /// Evicts and drops entries until the bounds hold. The newest entry of each kind stays, whatever
    /// its size.
    fn trim(&mut self, connected: bool) {
        while self.history.is_exceeded() && self.evict(connected) {}
        while self.live.is_exceeded() && self.drop_oldest_live() {}
    }

    /// Evicts the entries that are too old at `now` from the history.
    pub(super) fn expire(&mut self, now: Timestamp, connected: bool) {
        let bounds = self.history.bounds();
        let is_old = |held: &Self, index: usize| bounds.is_too_old(held.items[index].time(), now);
        while self.first_of_history().is_some_and(|index| is_old(self, index)) {
            self.evict(connected);
        }
    }

    fn first_of_history(&self) -> Option<usize> {
        let first = self.index_after(self.live_through);
        let mut rest = self.items.range(first..);
        rest.position(|item| !item.live).map(|index| first + index)
    }

    /// Evicts the oldest entry of the history, which becomes live.
    fn evict(&mut self, connected: bool) -> bool {
        let Some(index) = self.first_of_history() else { return false };
        let item = &mut self.items[index];
        item.live = true;
        self.history.evict(item);
        self.live.add(item);
        let offset = item.offset();
        self.live_through = offset;
        self.ids.remove(offset);
        let at = self.live_offsets.partition_point(|live| *live < offset);
        self.live_offsets.insert(at, offset);
        if !connected {
            self.drop_oldest_live();
        }
        true
    }

    /// Drops all live entries, once there are no subscribers.
    pub(super) fn drop_live(&mut self) {
        while self.drop_oldest_live() {}
    }

    fn drop_oldest_live(&mut self) -> bool {
        let Some(offset) = self.live_offsets.pop_front() else { return false };
        let Some(item) = self.remove(self.index_after(offset.previous())) else { return false };
        self.live.remove(&item);
        match item.entry.is_live_only() {
            true => self.live_dropped = offset,
            false => self.dropped = offset,
        }
        let dropped = self.dropped;
        self.lost.retain(|range| *range.end() > dropped);
        true
    }

    fn remove(&mut self, index: usize) -> Option<Item> {
        let item = self.items.remove(index)?;
        self.private -= usize::from(item.entry.publication().is_for_some_only());
        Some(item)
    }

    /// Marks a range as lost. Entries in it are no longer held.
    pub(super) fn lose(&mut self, range: RangeInclusive<Offset>) {
        let (mut start, mut end) = range.into_inner();
        start = start.max(self.dropped.next());
        if start > end {
            return;
        }
        let first = self.index_after(start.previous());
        while self.items.get(first).is_some_and(|item| item.offset() <= end) {
            let Some(item) = self.remove(first) else { break };
            if item.live {
                self.live.remove(&item);
                self.live_offsets.retain(|offset| *offset != item.offset());
            } else {
                self.history.remove(&item);
                self.ids.remove(item.offset());
            }
        }
        self.head = self.head.max(end);
        self.lost.retain(|other| {
            let apart = *other.start() > end.next() || start > other.end().next();
            if !apart {
                (start, end) = (start.min(*other.start()), end.max(*other.end()));
            }
            apart
        });
        let at = self.lost.partition_point(|other| *other.end() < start);
        self.lost.insert(at, start..=end);
    }

    /// Returns the next part after an offset: a lost range, or the entries up to the next lost range.
    pub(super) fn next(&self, after: Offset) -> Next {
        let first = self.index_after(after);
        let lost = self.lost.get(self.lost.partition_point(|range| *range.end() <= after));
        let Some(item) = self.items.get(first) else {
            return lost.map_or(Next::Nothing, |range| Next::Lost(range.clone()));
        };
        let limit = item.begin + BATCH_BYTES;
        let end = match self.written <= limit {
            true => self.items.len(),
            false => self.items.partition_point(|item| item.begin < limit),
        };
        match lost {
            Some(range) if *range.start() < item.offset() => Next::Lost(range.clone()),
            Some(range) => Next::Entries(first..end.min(self.index_after(*range.start()))),
            None => Next::Entries(first..end),
        }
    }

    /// Returns the offset from which a reader that is too slow must resume, if it is: its next entry
    /// is gone, or more than `max_lag` bytes wait. The second holds only for a reader that had caught
    /// up.
    pub(super) fn resume_slow(
        &self,
        after: Offset,
        live_from: Offset,
        max_lag: usize,
    ) -> Option<Offset> {
        let live_lost = after.max(live_from) < self.live_dropped;
        let mut resume = after.max(self.dropped);
        let first = self.index_after(resume);
        let fits = |item: &Item| self.written - item.begin <= max_lag as u64;
        if after >= live_from && self.items.get(first).is_some_and(|item| !fits(item)) {
            let keep = self.items.partition_point(|item| !fits(item)).min(self.items.len() - 1);
            // A single entry is delivered whatever its size.
            if keep > first {
                resume = self.items[keep - 1].offset();
            }
        }
        (live_lost || resume > after).then_some(resume)
    }

    pub(super) fn entries(
        &self,
        range: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.items.range(range).map(|item| &item.entry)
    }

    /// Returns the offset of the newest live-only entry that is no longer held.
    pub(super) fn live_dropped(&self) -> Offset {
        self.live_dropped
    }

    /// Returns whether every entry after `after` is for every reader at that offset.
    pub(super) fn is_for_all(&self, after: Offset, live_from: Offset) -> bool {
        self.private == 0 && (self.live_offsets.is_empty() || after >= live_from)
    }

    fn index_after(&self, offset: Offset) -> usize {
        index_after(&self.items, offset)
    }
}

impl Lookup for Held {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn head(&self) -> Offset {
        self.head
    }

    fn evicted(&self) -> Evicted {
        self.history.evicted()
    }

    fn by_id(&self, id: Id<'_>) -> Option<Offset> {
        let offset = self.ids.find(id)?;
        let item = self.items.get(self.index_after(offset.previous()))?;
        item.entry.publication().has_id(id).then_some(offset)
    }

    fn by_time(&self, time: Timestamp) -> Option<Offset> {
        let index = self.items.partition_point(|item| item.time() <= time);
        index.checked_sub(1).map(|last| self.items[last].offset())
    }
}

impl Retained for Item {
    fn offset(&self) -> Offset {
        self.entry.offset()
    }

    fn time(&self) -> Timestamp {
        self.entry.time()
    }

    fn size(&self) -> usize {
        self.entry.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::position::Position;
    use crate::publication::Publication;

    #[test]
    fn a_lost_range_is_dropped_with_the_history_around_it() {
        let snapshot = Snapshot::empty(Epoch::random());
        let mut held = Held::new(Bounds::new().count(2), snapshot, false);
        for n in 0..100 {
            let offset = Offset::new(3 * n + 1);
            let position = Position::new(held.epoch, offset);
            let publication = Publication::new(Message::text("x"), position, Timestamp::ZERO);
            held.append(Entry::new(publication, false), false);
            held.lose(offset.next()..=offset.next());
        }
        assert!(held.lost.len() <= 3, "{:?}", held.lost);
    }
}
