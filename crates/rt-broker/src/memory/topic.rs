//! One topic of the memory engine: its history, its stamps, the logs that it feeds.

use crate::claim::Leases;
use crate::engine::Page;
use crate::log::{Held, Log, Place, Reader, Snapshot, Woken};
use crate::{Bounds, Claim, Entry, Epoch, Error, Message, Position, Publication, Receipt, Start};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

#[derive(Debug)]
pub(super) struct Topic {
    /// When it was last used, as the engine counts uses.
    pub(super) used: u64,
    bounds: Bounds,
    epoch: Epoch,
    head: u64,
    /// The newest publication's time.
    last: u64,
    /// Nothing is stamped at or below this any more.
    marked: u64,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    evicted: (u64, u64),
    leases: Leases,
    logs: Vec<Weak<Log>>,
}

impl Topic {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            used: 0,
            bounds,
            epoch: Epoch::random(),
            head: 0,
            last: 0,
            marked: 0,
            entries: VecDeque::new(),
            bytes: 0,
            evicted: (0, 0),
            leases: Leases::default(),
            logs: Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn publish(&mut self, message: Message, now: u64) -> (Receipt, Vec<Woken>) {
        // Several publications may share a millisecond; none is at or below a watermark.
        let time = now.max(self.last).max(self.marked.saturating_add(1));
        self.last = time;
        self.head += 1;
        let position = Position::new(self.epoch, self.head);
        let live_only = message.is_live_only() || self.bounds.is_off();
        let entry = Entry::new(Publication::new(message, position, time), live_only);
        if live_only && entry.publication().data().is_some() {
            self.evicted = (self.head, time);
        }
        if !live_only {
            self.bytes += entry.publication().size();
            self.entries.push_back(entry.clone());
            self.trim(now);
        }
        let mut woken = Vec::with_capacity(self.logs.len());
        self.logs.retain(|log| {
            woken.extend(log.upgrade().map(|log| log.append(entry.clone())));
            log.strong_count() > 0
        });
        (Receipt::new(position, time), woken)
    }

    pub(super) fn watermark(&mut self, now: u64) -> u64 {
        self.marked = now.max(self.last).max(self.marked);
        self.marked
    }

    pub(super) fn read(&mut self, start: Start, limit: usize, now: u64) -> Page {
        self.trim(now);
        let (first, lost) = self.resolve(start);
        Page::new(self.entries.range(first..).take(limit).cloned().collect(), lost)
    }

    pub(super) fn claim(
        &mut self,
        start: Start,
        limit: usize,
        bytes: usize,
        now: u64,
    ) -> Result<Claim, Error> {
        let lease = self.bounds.lease.ok_or_else(Error::keeps_all)?;
        self.trim(now);
        self.leases.forget_through(self.evicted.0);
        let (first, lost) = self.resolve(start);
        let free = |entry: &&Arc<Entry>| self.leases.is_free(offset(entry), now);
        let (mut entries, mut size) = (Vec::new(), 0);
        for entry in self.entries.range(first..).filter(free).take(limit) {
            if !entries.is_empty() && size + entry.publication().size() > bytes {
                break;
            }
            size += entry.publication().size();
            entries.push(entry.clone());
        }
        let taken: Vec<u64> = entries.iter().map(offset).collect();
        let look_again = entries.is_empty().then(|| self.leases.next_end(now)).flatten();
        self.leases.take(&taken, now.saturating_add(lease));
        Ok(Claim::new(entries, lost, look_again))
    }

    /// Deletes what a claim took, and says how many bytes that freed.
    pub(super) fn confirm(&mut self, position: Position) -> usize {
        if position.epoch() != self.epoch {
            return 0;
        }
        let mut freed = 0;
        for confirmed in self.leases.confirm(position.offset()) {
            let index = self.entries.partition_point(|entry| offset(entry) < confirmed);
            if self.entries.get(index).is_some_and(|entry| offset(entry) == confirmed) {
                freed += self.entries.remove(index).map_or(0, |entry| entry.publication().size());
            }
        }
        self.bytes -= freed;
        freed
    }

    /// The index of the first entry that follows a start, and whether something before it is lost.
    fn resolve(&self, start: Start) -> (usize, bool) {
        let mut reader = Reader::new(None, usize::MAX);
        let (epoch, head, evicted) = (self.epoch, self.head, self.evicted);
        reader.resolve(start, &Place { epoch, head, evicted, held: &self.entries });
        let first = self.entries.partition_point(|entry| offset(entry) <= reader.after);
        (first, reader.gap.is_some())
    }

    pub(super) fn attach(&mut self, log: &Arc<Log>, now: u64) -> Woken {
        self.trim(now);
        self.logs.push(Arc::downgrade(log));
        log.open(self.snapshot())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            epoch: self.epoch,
            head: self.head,
            entries: self.entries.iter().cloned().collect(),
            evicted: self.evicted.0,
            evicted_time: self.evicted.1,
        }
    }

    /// Begins a new life without history.
    pub(super) fn restart(&mut self) -> Vec<Woken> {
        let fresh = Self::new(self.bounds);
        let old = std::mem::replace(self, fresh);
        (self.used, self.last, self.marked, self.logs) = (old.used, old.last, old.marked, old.logs);
        self.logs.iter().filter_map(Weak::upgrade).map(|log| log.reset(self.snapshot())).collect()
    }

    /// Whether dropping it would lose nothing that anyone could come back for.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn has_subscribers(&self) -> bool {
        self.logs.iter().filter_map(Weak::upgrade).any(|log| log.subscribers() > 0)
    }

    /// Closes all its logs, unless one has subscribers.
    pub(super) fn close_logs(&mut self) -> bool {
        !self.has_subscribers()
            && self.logs.iter().filter_map(Weak::upgrade).all(|log| log.close_unless_used())
    }

    /// Drops what is too old, and says whether nothing is left that anyone uses.
    pub(super) fn expire(&mut self, now: u64) -> bool {
        self.trim(now);
        self.logs.retain(|log| log.strong_count() > 0);
        self.entries.is_empty() && self.logs.is_empty()
    }

    pub(super) fn evict_oldest(&mut self) -> Option<usize> {
        if self.entries.len() < 2 {
            return None;
        }
        let oldest = self.entries.pop_front()?;
        let publication = oldest.publication();
        self.bytes -= publication.size();
        self.evicted = (publication.position().offset(), publication.time());
        Some(publication.size())
    }

    /// Keeps to the bounds; the newest stays, whatever its size, until it is too old.
    fn trim(&mut self, now: u64) {
        while self.entries.len() > self.bounds.count || self.bytes > self.bounds.bytes {
            if self.evict_oldest().is_none() {
                break;
            }
        }
        let Some(limit) = self.bounds.expired_at(now) else { return };
        while self.entries.front().is_some_and(|entry| entry.publication().time() <= limit) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.publication().size();
            self.evicted = (oldest.publication().position().offset(), oldest.publication().time());
        }
    }
}

impl Held for VecDeque<Arc<Entry>> {
    fn len(&self) -> usize {
        self.len()
    }

    fn at(&self, index: usize) -> Arc<Entry> {
        self[index].clone()
    }

    fn has_imported(&self) -> bool {
        // Only what lasts is imported into.
        false
    }
}

fn offset(entry: &Arc<Entry>) -> u64 {
    entry.publication().position().offset()
}
