//! One topic of the file engine: its stamps and bounds, the logs that it feeds.
//!
//! All changes are made within a transaction of [`Topics`](super::topics::Topics): they count as
//! soon as they are made, are written together, and are taken back if that fails.

mod logs;

use super::codec::{self, Record};
use super::store::{Changes, Store};
use crate::claim::Leases;
use crate::log::Log;
use crate::{Bounds, Entry, Epoch, Error, Message, Position, Publication, Receipt};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use uuid::Uuid;

/// How many of the oldest publications are looked up at once.
const LOOK_UP: usize = 256;
/// How many are known without looking: twice the default bound on the count.
const KNOWN: usize = 512;

/// What changes with each publication, and is written with it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Counters {
    pub(super) head: u64,
    /// The newest publication's time.
    pub(super) last: u64,
    pub(super) evicted: (u64, u64),
    pub(super) count: usize,
    pub(super) bytes: usize,
    /// The newest imported publication.
    pub(super) imported: u64,
    /// The time that the newest of them was published at elsewhere.
    pub(super) imported_time: u64,
}

/// What bounds need to know of a publication.
#[derive(Clone, Copy, Debug)]
struct Size {
    offset: u64,
    time: u64,
    bytes: usize,
}

pub(super) struct Topic {
    /// When it was last used, as the engine counts uses, and in its clock.
    pub(super) used: u64,
    pub(super) used_at: u64,
    pub(super) id: u64,
    pub(super) epoch: Epoch,
    pub(super) bounds: Bounds,
    pub(super) at: Counters,
    pub(super) leases: Leases,
    /// How often its record was made; never taken back.
    version: u64,
    /// Its record stands by its name.
    pub(super) named: bool,
    /// A newer one stands among those of other topics.
    pub(super) unfolded: bool,
    /// What it was when the transaction under way first touched it.
    saved: Option<Counters>,
    /// The first stamp of the transaction under way.
    stamped: Option<u64>,
    /// Nothing is stamped at or below this any more.
    marked: u64,
    /// The oldest that are held: of what is written all, or as many as were looked up.
    oldest: VecDeque<Size>,
    knows_all: bool,
    /// Published in the transaction under way, oldest first.
    fresh: VecDeque<(Size, Vec<u8>)>,
    /// Written ones that it deletes.
    gone: Vec<u64>,
    logs: Vec<Weak<Log>>,
}

impl Topic {
    /// A new one, that is stamped above `marked`.
    pub(super) fn new(id: u64, bounds: Bounds, marked: u64) -> Self {
        let (epoch, at) = (Epoch::random(), Counters::default());
        let record = Record { id, epoch, at, version: 0 };
        Self { marked, named: false, ..Self::stored(&record, bounds) }
    }

    pub(super) fn stored(record: &Record, bounds: Bounds) -> Self {
        Self {
            used: 0,
            used_at: 0,
            id: record.id,
            epoch: record.epoch,
            bounds,
            at: record.at,
            leases: Leases::default(),
            version: record.version,
            named: true,
            unfolded: false,
            saved: None,
            stamped: None,
            marked: 0,
            oldest: VecDeque::new(),
            knows_all: record.at.count == 0,
            fresh: VecDeque::new(),
            gone: Vec::new(),
            logs: Vec::new(),
        }
    }

    /// Its record as it is to be written now.
    pub(super) fn record(&mut self) -> Record {
        self.version += 1;
        Record { id: self.id, epoch: self.epoch, at: self.at, version: self.version }
    }

    pub(super) fn is_touched(&self) -> bool {
        self.saved.is_some()
    }

    /// Begins to change it; says whether it is the first time in this transaction.
    pub(super) fn touch(&mut self) -> bool {
        let first = self.saved.is_none();
        self.saved.get_or_insert(self.at);
        first
    }

    /// Stamps and holds a message.
    pub(super) fn publish(
        &mut self,
        message: Message,
        now: u64,
        store: &Store,
    ) -> Result<(Receipt, Arc<Entry>), Error> {
        // Several publications may share a millisecond; none is at or below a watermark.
        let time = now.max(self.at.last).max(self.marked.saturating_add(1));
        self.stamped.get_or_insert(time);
        let live_only = message.is_live_only() || self.bounds.is_off();
        let entry = self.append(message, time, None, live_only);
        if !live_only {
            self.trim(now, store)?;
        }
        Ok((Receipt::new(entry.publication().position(), time), entry))
    }

    /// Holds a message that was published elsewhere, with its UUID and its time.
    pub(super) fn import(
        &mut self,
        message: Message,
        (time, uuid): (u64, Uuid),
        now: u64,
        store: &Store,
    ) -> Result<Arc<Entry>, Error> {
        self.at.imported_time = self.at.imported_time.max(time);
        let time = time.max(self.at.last).max(self.marked.saturating_add(1));
        self.stamped.get_or_insert(time);
        let entry = self.append(message, time, Some(uuid), self.bounds.is_off());
        self.at.imported = self.at.head;
        self.trim(now, store)?;
        Ok(entry)
    }

    fn append(
        &mut self,
        message: Message,
        time: u64,
        uuid: Option<Uuid>,
        live_only: bool,
    ) -> Arc<Entry> {
        self.at.last = time;
        self.at.head += 1;
        let offset = self.at.head;
        let value = if live_only { Vec::new() } else { codec::encode(&message, time, uuid) };
        let mut publication = Publication::new(message, Position::new(self.epoch, offset), time);
        if let Some(uuid) = uuid {
            publication = publication.with_imported_uuid(uuid);
        }
        if live_only && publication.data().is_some() {
            self.at.evicted = (offset, time);
        }
        if !live_only {
            let bytes = publication.size();
            self.at.count += 1;
            self.at.bytes += bytes;
            self.fresh.push_back((Size { offset, time, bytes }, value));
        }
        Entry::new(publication, live_only)
    }

    /// The mark for a poll that times out at `now`; nothing will be stamped at or below it.
    pub(super) fn watermark(&mut self, now: u64) -> u64 {
        match self.stamped {
            // What is being written is not in the logs yet.
            Some(first) => first.saturating_sub(1),
            None => {
                self.marked = now.max(self.at.last).max(self.marked);
                self.marked
            }
        }
    }

    pub(super) fn newest_mark(&self) -> u64 {
        self.marked.max(self.at.last)
    }

    /// Keeps to the bounds; the newest stays, whatever its size, until it is too old.
    pub(super) fn trim(&mut self, now: u64, store: &Store) -> Result<(), Error> {
        while self.at.count > self.bounds.count || self.at.bytes > self.bounds.bytes {
            if !self.evict_oldest(store)? {
                break;
            }
        }
        let Some(limit) = self.bounds.expired_at(now) else { return Ok(()) };
        while self.first(store)?.is_some_and(|first| first.time <= limit) {
            self.evict_first();
        }
        Ok(())
    }

    /// Drops the oldest unless it is the only one.
    pub(super) fn evict_oldest(&mut self, store: &Store) -> Result<bool, Error> {
        if self.at.count < 2 || self.first(store)?.is_none() {
            return Ok(false);
        }
        self.evict_first();
        Ok(true)
    }

    /// Whether nothing is known yet of what it holds, so that looking costs a read.
    pub(super) fn must_look(&self) -> bool {
        self.at.count > 0 && self.oldest.is_empty()
    }

    /// Whether its oldest publication is too old.
    pub(super) fn is_due(&mut self, now: u64, store: &Store) -> Result<bool, Error> {
        let Some(limit) = self.bounds.expired_at(now) else { return Ok(false) };
        Ok(self.first(store)?.is_some_and(|first| first.time <= limit))
    }

    /// Whether there is anything to [trim](Self::trim).
    pub(super) fn exceeds(&mut self, now: u64, store: &Store) -> Result<bool, Error> {
        let (at, bounds) = (self.at, self.bounds);
        let many = at.count > 1 && (at.count > bounds.count || at.bytes > bounds.bytes);
        Ok(many || self.is_due(now, store)?)
    }

    fn first(&mut self, store: &Store) -> Result<Option<Size>, Error> {
        if self.oldest.is_empty() && !self.knows_all {
            let written = self.saved.unwrap_or(self.at).head;
            let from = self.at.evicted.0.saturating_add(1);
            let entries = store.entries((self.id, self.epoch), (from, written), LOOK_UP)?;
            self.knows_all = entries.len() < LOOK_UP;
            self.oldest.extend(entries.iter().map(|entry| {
                let publication = entry.publication();
                let (offset, time) = (publication.position().offset(), publication.time());
                Size { offset, time, bytes: publication.size() }
            }));
            self.oldest.retain(|size| !self.gone.contains(&size.offset));
        }
        Ok(self.oldest.front().copied().or(self.fresh.front().map(|(size, _)| *size)))
    }

    fn evict_first(&mut self) {
        let written = self.oldest.pop_front();
        let Some(size) = written.or_else(|| self.fresh.pop_front().map(|(size, _)| size)) else {
            return;
        };
        if written.is_some() {
            self.gone.push(size.offset);
        }
        self.at.count -= 1;
        self.at.bytes -= size.bytes;
        self.at.evicted = (size.offset, size.time);
    }

    /// Deletes one out of the middle.
    pub(super) fn delete(&mut self, offset: u64, bytes: usize) {
        self.oldest.retain(|size| size.offset != offset);
        self.gone.push(offset);
        self.at.count -= 1;
        self.at.bytes -= bytes;
    }

    /// What of the transaction under way has to be written besides the record.
    pub(super) fn write(&mut self, changes: &mut Changes) {
        for (size, value) in &mut self.fresh {
            changes.put_event(self.id, size.offset, std::mem::take(value));
        }
        for offset in &self.gone {
            changes.remove_event(self.id, *offset);
        }
    }

    /// The transaction is written.
    pub(super) fn committed(&mut self) {
        let fresh = self.fresh.len();
        self.knows_all &= fresh == 0 || self.oldest.len() + fresh <= KNOWN;
        if self.knows_all {
            self.oldest.extend(self.fresh.iter().map(|(size, _)| *size));
        }
        // What is stamped stays above the marks until the logs have it.
        self.end();
    }

    /// The transaction could not be written: all is as before.
    pub(super) fn rolled_back(&mut self) {
        if let Some(saved) = self.saved {
            self.at = saved;
        }
        self.oldest.clear();
        self.knows_all = self.at.count == 0;
        self.stamped = None;
        self.end();
    }

    fn end(&mut self) {
        self.fresh.clear();
        self.gone.clear();
        self.saved = None;
    }

    /// Begins a new life under a new number, without history.
    pub(super) fn restarted(&self, id: u64) -> Self {
        let mut fresh = Self::new(id, self.bounds, self.marked);
        (fresh.used, fresh.used_at) = (self.used, self.used_at);
        fresh.at.last = self.at.last;
        fresh.logs.clone_from(&self.logs);
        fresh
    }

    /// Begins a new epoch with what the store has.
    pub(super) fn begin_epoch(&mut self, at: Counters) {
        self.epoch = Epoch::random();
        self.at = Counters { last: at.last.max(self.at.last), ..at };
        self.oldest.clear();
        self.knows_all = at.count == 0;
        self.leases = Leases::default();
    }

    /// Counts what the store holds, of which a record says up to where it was evicted: a change
    /// that failed may be in it nevertheless.
    pub(super) fn recount(&mut self, written: Option<&Record>, store: &Store) -> Result<(), Error> {
        if let Some(record) = written.filter(|record| record.id == self.id) {
            let (offset, time) = record.at.evicted;
            let (known, known_time) = self.at.evicted;
            let offset = offset.min(self.at.head).max(known);
            self.at.evicted = (offset, time.min(self.at.last).max(known_time));
        }
        let range = (self.at.evicted.0.saturating_add(1), self.at.head);
        (self.at.count, self.at.bytes) = store.count((self.id, self.epoch), range)?;
        self.oldest.clear();
        self.knows_all = self.at.count == 0;
        Ok(())
    }

    /// Nothing is stamped at or below this any more.
    pub(super) fn mark(&mut self, time: u64) {
        self.marked = self.marked.max(time);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at.count == 0
    }
}
