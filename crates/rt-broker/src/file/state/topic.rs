//! One topic: what it holds, by the places of its publications in the journal.

use super::index_entry::IndexEntry;
use crate::bounds::Bounds;
use crate::entry::Entry;
use crate::file::store::Commit;
use crate::file::store::FrameHead;
use crate::file::store::message_codec::{self, Origin};
use crate::file::store::record::{self, Kind, TopicRecord, TopicSummary};
use crate::log::Log;
use crate::log::snapshot::Snapshot;
use crate::log::wakers::{Appended, Wakers};
use crate::message::Message;
use crate::node::NodeId;
use crate::position::{Epoch, Offset, Position};
use crate::publication::Publication;
use crate::retention::{Evicted, Id, IdleTopic, Retention};
use crate::start::Lookup;
use crate::timestamp::Timestamp;
use std::ops::RangeInclusive;
use std::sync::{Arc, Weak};

/// A topic in memory. Its changes are a transaction, from the first one after a commit until
/// [`commit`](Self::commit) or [`roll_back`](Self::roll_back).
#[derive(Debug)]
pub(in crate::file) struct Topic {
    /// The number by which the journal knows this life of the topic.
    pub(in crate::file) id: u64,
    pub(in crate::file) head: Head,
    pub(in crate::file) held: Retention<IndexEntry>,
    /// Ranges whose publications could not be read, in ascending order.
    pub(in crate::file) lost: Vec<RangeInclusive<Offset>>,
    pub(in crate::file) name_bytes: usize,
    pub(in crate::file) last_use: u64,
    pub(in crate::file) used_at: Timestamp,
    /// Its head before the transaction.
    saved: Option<Head>,
    /// The first stamp of the transaction, until the logs have what was stamped.
    stamped: Option<Timestamp>,
    /// Nothing is stamped at or below this any more.
    marked: Timestamp,
    logs: Vec<Weak<Log>>,
}

/// The parts of a topic that each publication changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::file) struct Head {
    pub(in crate::file) epoch: Epoch,
    /// The newest publication, held or not.
    pub(in crate::file) offset: Offset,
    pub(in crate::file) time: Timestamp,
    /// The newest time of an imported publication, where it was published.
    pub(in crate::file) imported: Option<Timestamp>,
    /// The segment of its newest record, if it has one.
    pub(in crate::file) recorded_in: Option<u32>,
}

impl Topic {
    /// A topic without publications. Nothing in it is stamped at or below `marked`.
    pub(in crate::file) fn new(id: u64, bounds: Bounds, marked: Timestamp) -> Self {
        let head = Head {
            epoch: Epoch::random(),
            offset: Offset::ZERO,
            time: Timestamp::ZERO,
            imported: None,
            recorded_in: None,
        };
        Self::recovered(id, head, Retention::new(bounds), marked)
    }

    /// A topic as the journal has it.
    pub(in crate::file) fn recovered(
        id: u64,
        head: Head,
        held: Retention<IndexEntry>,
        marked: Timestamp,
    ) -> Self {
        Self {
            id,
            head,
            held,
            lost: Vec::new(),
            name_bytes: 0,
            last_use: 0,
            used_at: Timestamp::ZERO,
            saved: None,
            stamped: None,
            marked,
            logs: Vec::new(),
        }
    }

    /// Begins a transaction; returns whether none was open.
    pub(in crate::file) fn begin(&mut self) -> bool {
        let begun = self.saved.is_none();
        if begun {
            self.saved = Some(self.head);
            self.held.begin();
        }
        begun
    }

    /// Keeps the changes, and passes the number of each segment in which less is held now to
    /// `freed`. What was stamped stays above the marks until the logs have it.
    pub(in crate::file) fn commit(&mut self, mut freed: impl FnMut(u32)) {
        if self.saved.take().is_some_and(|saved| saved.epoch != self.head.epoch) {
            self.held.end_leases();
            self.lost.clear();
        }
        self.held.commit(|slot| freed(slot.location.segment));
        let evicted = self.held.evicted().offset;
        self.lost.retain(|range| *range.end() > evicted);
    }

    /// Takes the changes back.
    pub(in crate::file) fn roll_back(&mut self) {
        if let Some(saved) = self.saved.take() {
            self.head = saved;
        }
        self.held.roll_back();
        self.stamped = None;
    }

    /// Stamps a message and holds it. The caller has begun a transaction.
    ///
    /// An imported message keeps the time of its origin, if the topic has nothing newer.
    pub(in crate::file) fn publish(
        &mut self,
        message: Message,
        origin: Option<Origin>,
        now: Timestamp,
        commit: &mut Commit,
    ) -> Arc<Entry> {
        // A time ahead of the clock would move the clock of all later lives.
        let wanted = origin.as_ref().map_or(now, |origin| origin.time.min(now));
        // Several publications may share a millisecond; none is at or below a watermark.
        let time = wanted.max(self.head.time).max(self.marked.next());
        let offset = self.head.offset.next();
        self.stamped.get_or_insert(time);
        (self.head.time, self.head.offset) = (time, offset);
        if let Some(origin) = &origin {
            self.head.imported = self.head.imported.max(Some(origin.time));
        }
        let live_only = message.is_live_only() || self.held.bounds().is_off();
        if !live_only {
            let (size, location) = (message.size() as u32, commit.next_location());
            self.held.push(IndexEntry { offset, time, size, location });
            self.held.trim(now, drop);
        } else if !message.is_live_only() {
            self.held.note_evicted(Evicted { offset, time });
        }
        let kind = if live_only { Kind::LiveOnly } else { Kind::Publication };
        self.push(kind, commit, |body| {
            if live_only {
                message_codec::encode_origin_time(origin.as_ref(), body);
            } else {
                message_codec::encode_message(&message, origin.as_ref(), body);
            }
        });
        let mut publication = Publication::new(message, self.position(offset), time);
        if let Some(origin) = origin {
            publication = publication.with_external_id(origin.id);
        }
        Entry::new(publication, live_only)
    }

    /// Evicts what exceeds the bounds. The caller has begun a transaction.
    pub(in crate::file) fn trim(&mut self, now: Timestamp, commit: &mut Commit) {
        self.held.trim(now, drop);
        self.push(Kind::Evicted, commit, |_| {});
    }

    /// Deletes publications. The caller has begun a transaction.
    pub(in crate::file) fn delete(&mut self, offsets: &[Offset], commit: &mut Commit) {
        let held = |offset: &Offset| self.held.remove(*offset).is_some();
        let deleted: Vec<Offset> = offsets.iter().copied().filter(held).collect();
        if !deleted.is_empty() {
            self.push(Kind::Deleted, commit, |body| record::encode_offsets(&deleted, body));
        }
    }

    /// Writes the topic's own record. The caller has begun a transaction.
    pub(in crate::file) fn record(&mut self, name: &str, commit: &mut Commit) {
        self.head.recorded_in = Some(commit.next_location().segment);
        let Head { epoch, imported, .. } = self.head;
        // Twice: without a name all that the topic holds would be lost.
        for _ in 0..2 {
            self.push(Kind::Topic, commit, |body| TopicRecord::encode(epoch, imported, name, body));
        }
    }

    /// Writes a record that begins with the topic's summary.
    pub(in crate::file) fn push(
        &self,
        kind: Kind,
        commit: &mut Commit,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        let (offset, time) = (self.head.offset, self.head.time);
        let evicted = self.held.evicted();
        let summary = TopicSummary { evicted, count: self.held.len() as u64 };
        commit.push(frame(kind, self.id, offset, time), |out| {
            summary.encode(offset, time, out);
            body(out);
        });
    }

    /// Begins a new epoch with what is held. The caller has begun a transaction, and writes the
    /// record.
    pub(in crate::file) fn begin_epoch(&mut self) {
        self.head.epoch = Epoch::random();
    }

    /// The mark for a poll that times out at `now`: nothing is stamped at or below it any more.
    pub(in crate::file) fn watermark(&mut self, now: Timestamp) -> Timestamp {
        match self.stamped {
            // What is being written is not in the logs yet.
            Some(first) => first.previous(),
            None => {
                self.marked = self.newest_mark().max(now);
                self.marked
            }
        }
    }

    /// The largest stamp or mark that was given out.
    pub(in crate::file) fn newest_mark(&self) -> Timestamp {
        self.marked.max(self.head.time)
    }

    /// Stamps nothing at or below this time any more.
    pub(in crate::file) fn mark(&mut self, time: Timestamp) {
        self.marked = self.marked.max(time);
    }

    pub(in crate::file) fn position(&self, offset: Offset) -> Position {
        Position::new(self.head.epoch, offset)
    }

    /// The held publications after an offset that are not too old.
    pub(in crate::file) fn young(
        &self,
        after: Offset,
        now: Timestamp,
    ) -> impl Iterator<Item = IndexEntry> + use<'_> {
        let bounds = self.held.bounds();
        let held = self.held.after(after).copied();
        held.filter(move |slot| !bounds.is_too_old(slot.time, now))
    }

    /// Whether a range between an offset and what is held after it could not be read.
    pub(in crate::file) fn is_lost_after(&self, after: Offset, held: &[IndexEntry]) -> bool {
        let first = held.first().map_or(Offset::MAX, |slot| slot.offset);
        self.lost.iter().any(|range| *range.end() > after && *range.start() < first)
    }

    /// The part of what is held after an offset that ends where a range is lost.
    pub(in crate::file) fn until_lost(&self, mut held: Vec<IndexEntry>) -> Vec<IndexEntry> {
        if let Some(first) = held.first().map(|slot| slot.offset)
            && let Some(lost) = self.lost.iter().find(|range| *range.start() > first)
        {
            held.truncate(held.partition_point(|slot| slot.offset < *lost.start()));
        }
        held
    }

    /// Removes what could not be read. Open logs have it in memory, so they are not told.
    pub(in crate::file) fn lose(&mut self, offset: Offset) -> Option<IndexEntry> {
        let slot = self.held.remove(offset)?;
        match self.lost.iter_mut().find(|range| range.end().next() == offset) {
            Some(range) => *range = *range.start()..=offset,
            None => {
                let at = self.lost.partition_point(|range| *range.start() < offset);
                self.lost.insert(at, offset..=offset);
            }
        }
        Some(slot)
    }

    /// Appends a committed publication to the logs. Adds up how many subscribers of `node` it is
    /// for.
    pub(in crate::file) fn append_to_logs(
        &mut self,
        entry: &Arc<Entry>,
        node: Option<NodeId>,
        wakers: &mut Vec<Wakers>,
    ) -> usize {
        self.stamped = None;
        let publication = entry.publication();
        let offset = publication.position().offset();
        // Its own commit may have evicted it already.
        if self.held.get(offset).is_some() {
            self.held.index(offset, publication.ids());
        }
        let mut sum = 0;
        self.logs.retain(|log| {
            let Some(log) = log.upgrade() else { return false };
            let Appended { reached, wakers: woken, .. } = log.append(entry.clone());
            wakers.push(woken);
            sum += if Some(log.node()) == node { reached } else { 0 };
            true
        });
        sum
    }

    /// The snapshot for a log that is opened now.
    pub(in crate::file) fn snapshot(&self, entries: Vec<Arc<Entry>>) -> Snapshot {
        let mut snapshot = Snapshot::empty(self.head.epoch);
        (snapshot.head, snapshot.evicted) = (self.head.offset, self.held.evicted());
        snapshot.lost.clone_from(&self.lost);
        snapshot.entries = entries;
        snapshot
    }

    pub(in crate::file) fn attach(&mut self, log: &Arc<Log>) {
        self.logs.push(Arc::downgrade(log));
    }

    /// The logs that stand on it.
    pub(in crate::file) fn logs(&mut self) -> Vec<Arc<Log>> {
        self.logs.retain(|log| log.strong_count() > 0);
        self.logs.iter().filter_map(Weak::upgrade).collect()
    }

    /// Closes all its logs, unless one has subscribers.
    pub(in crate::file) fn close_logs(&mut self) -> bool {
        !self.has_subscribers() && self.logs().iter().all(|log| log.close_unless_used())
    }

    /// A new life of the topic, without history.
    pub(in crate::file) fn restarted(&self, id: u64) -> Self {
        let mut restarted = Self::new(id, self.held.bounds(), self.newest_mark());
        (restarted.last_use, restarted.used_at) = (self.last_use, self.used_at);
        restarted.head.time = self.head.time;
        restarted.logs.clone_from(&self.logs);
        restarted
    }
}

/// The head of a frame about a topic.
pub(in crate::file) fn frame(kind: Kind, topic: u64, offset: Offset, time: Timestamp) -> FrameHead {
    FrameHead { kind: kind as u8, topic, offset: offset.get(), time: time.as_millis() }
}

impl IdleTopic for Topic {
    fn last_use(&self) -> u64 {
        self.last_use
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn has_subscribers(&self) -> bool {
        self.logs.iter().filter_map(Weak::upgrade).any(|log| log.subscribers() > 0)
    }
}

impl Lookup for Topic {
    fn epoch(&self) -> Epoch {
        self.head.epoch
    }

    fn head(&self) -> Offset {
        self.head.offset
    }

    fn evicted(&self) -> Evicted {
        self.held.evicted()
    }

    fn by_id(&self, id: Id<'_>) -> Option<Offset> {
        self.held.find(id)
    }

    fn by_time(&self, time: Timestamp) -> Option<Offset> {
        self.held.last_by(time)
    }
}
