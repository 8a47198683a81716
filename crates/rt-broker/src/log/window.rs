//! The state of a log, its entries and its readers: a state machine without a lock, a clock or I/O.

use super::held::{Held, Next};
use super::reader::Reader;
use super::snapshot::Snapshot;
use super::wakers::{Appended, Wakers};
use crate::batch::Batch;
use crate::bounds::Bounds;
use crate::delivery::{Delivery, Gap, GapReason};
use crate::entry::Entry;
use crate::error::Error;
use crate::position::{Epoch, Offset, Position};
use crate::retention::Retained;
use crate::start::{Lookup, Start};
use crate::timestamp::Timestamp;
use slab::Slab;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::task::Waker;

/// A log's entries and readers, and the next delivery of each reader.
#[derive(Debug)]
pub(crate) struct Window {
    state: State,
    bounds: Bounds,
    readers: Slab<Reader>,
    /// The number of readers ever added.
    added: u64,
    /// The number of readers that are cancelled.
    cancelled: usize,
    /// The newest batch. Readers of a busy topic are often at the same position and share it.
    cache: Option<Arc<Batch>>,
}

#[derive(Debug)]
enum State {
    Opening,
    Open(Box<Held>),
    Failed(Error),
    /// Keeps the epoch, for the positions of readers that were cancelled before.
    Closed(Option<Epoch>),
}

impl Window {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            state: State::Opening,
            bounds,
            readers: Slab::new(),
            added: 0,
            cancelled: 0,
            cache: None,
        }
    }

    pub(super) fn open(&mut self, snapshot: Snapshot) -> Wakers {
        if !matches!(self.state, State::Opening) {
            return Wakers::default();
        }
        let held = Held::new(self.bounds, snapshot, self.has_subscribers());
        for (_, reader) in &mut self.readers {
            if let Some(start) = reader.start.take() {
                begin(reader, &start, &held);
            }
        }
        self.state = State::Open(held.into());
        self.wake_all()
    }

    pub(super) fn reset(&mut self, snapshot: Snapshot) -> Wakers {
        let State::Open(old) = &self.state else { return self.open(snapshot) };
        let old = old.epoch;
        let held = Held::new(self.bounds, snapshot, self.has_subscribers());
        let after = held.evicted().offset;
        for (_, reader) in &mut self.readers {
            let from = Position::new(old, reader.after).to_string();
            let resume = Position::new(held.epoch, after);
            reader.gap = Some(Box::new(Gap::new(GapReason::Epoch, from, resume)));
            (reader.after, reader.live_from) = (after, held.head);
        }
        self.cache = None;
        self.state = State::Open(held.into());
        self.wake_all()
    }

    pub(super) fn append(&mut self, entry: Arc<Entry>) -> Appended {
        let connected = self.has_subscribers();
        let State::Open(held) = &mut self.state else { return Appended::default() };
        if entry.offset() <= held.head {
            return Appended::default();
        }
        let for_some_only = entry.publication().is_for_some_only();
        let mut reached = 0;
        let mut wakers = Vec::with_capacity(if for_some_only { 0 } else { self.readers.len() });
        for (_, reader) in &mut self.readers {
            if reader.cancelled {
                continue;
            }
            if for_some_only && !entry.publication().is_for(reader.client.as_deref()) {
                // The entry is not for this reader: it is not woken, and if it had caught up it still
                // has.
                if reader.after == held.head {
                    reader.after = entry.offset();
                }
                continue;
            }
            reached += 1;
            wakers.extend(reader.waker.take());
        }
        held.append(entry, connected);
        Appended { reached, wakers: Wakers::new(wakers) }
    }

    pub(super) fn lose(&mut self, range: RangeInclusive<Offset>) -> Wakers {
        let State::Open(held) = &mut self.state else { return Wakers::default() };
        held.lose(range);
        self.cache = None;
        self.wake_all()
    }

    pub(super) fn fail(&mut self, error: &Error) -> Wakers {
        self.state = State::Failed(error.repeat());
        self.wake_all()
    }

    pub(super) fn wake_all(&mut self) -> Wakers {
        Wakers::new(self.readers.iter_mut().filter_map(|(_, reader)| reader.waker.take()).collect())
    }

    pub(super) fn close_unless_used(&mut self) -> bool {
        if !self.has_subscribers() && !matches!(self.state, State::Closed(_)) {
            let epoch = match &self.state {
                State::Open(held) => Some(held.epoch),
                _ => None,
            };
            self.state = State::Closed(epoch);
        }
        matches!(self.state, State::Closed(_))
    }

    pub(super) fn is_opening(&self) -> bool {
        matches!(self.state, State::Opening)
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Opening | State::Open(_))
    }

    pub(super) fn subscribers(&self) -> usize {
        self.readers.len() - self.cancelled
    }

    fn has_subscribers(&self) -> bool {
        self.subscribers() > 0
    }

    /// Adds a reader and returns its key, or returns the reader if the log is closed or has failed.
    pub(crate) fn add(
        &mut self,
        mut reader: Reader,
        start: &Start,
        now: Timestamp,
    ) -> Result<usize, Reader> {
        let connected = self.has_subscribers();
        match &mut self.state {
            State::Closed(_) | State::Failed(_) => return Err(reader),
            State::Opening => reader.start = Some(Box::new(start.clone())),
            State::Open(held) => {
                held.expire(now, connected);
                begin(&mut reader, start, held);
            }
        }
        self.added += 1;
        reader.serial = self.added;
        Ok(self.readers.insert(reader))
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<Reader> {
        let removed = self.readers.try_remove(key)?;
        self.cancelled -= usize::from(removed.cancelled);
        self.drop_live_unless_used();
        Some(removed)
    }

    /// Returns the serial number of the reader under this key.
    pub(crate) fn serial(&self, key: usize) -> u64 {
        self.readers.get(key).map_or(0, |reader| reader.serial)
    }

    /// Cancels the reader under this key, if it still is the one with this serial number. Returns
    /// its waker.
    pub(crate) fn cancel(&mut self, key: usize, serial: u64) -> Option<Waker> {
        let reader = self.readers.get_mut(key)?;
        if reader.serial != serial || reader.cancelled {
            return None;
        }
        reader.cancelled = true;
        let waker = reader.waker.take();
        self.cancelled += 1;
        self.drop_live_unless_used();
        waker
    }

    /// Drops the entries that are held for connected subscribers only, once there are none.
    fn drop_live_unless_used(&mut self) {
        if self.has_subscribers() {
            return;
        }
        self.cache = None;
        if let State::Open(held) = &mut self.state {
            held.drop_live();
        }
    }

    /// Registers the waker that the next entry for a reader wakes. Returns the waker that it
    /// replaces.
    pub(crate) fn park(&mut self, key: usize, waker: &Waker) -> Option<Waker> {
        match &mut self.readers.get_mut(key)?.waker {
            Some(parked) if parked.will_wake(waker) => None,
            parked => parked.replace(waker.clone()),
        }
    }

    /// Returns the position that a reader resumes from, or `None` while the log is opening.
    pub(crate) fn position(&self, key: usize) -> Result<Option<Position>, Error> {
        let epoch = match &self.state {
            State::Failed(error) => return Err(error.repeat()),
            State::Open(held) => Some(held.epoch),
            State::Opening => None,
            State::Closed(epoch) => *epoch,
        };
        let after = self.readers.get(key).map(|reader| reader.after);
        Ok(epoch.zip(after).map(|(epoch, after)| Position::new(epoch, after)))
    }

    /// Returns the gap that a reader receives first.
    pub(crate) fn pending_gap(&self, key: usize) -> Option<Gap> {
        self.readers.get(key)?.gap.as_deref().cloned()
    }

    /// Returns the next delivery for a reader, if there is one.
    pub(crate) fn read(&mut self, key: usize) -> Result<Option<Delivery>, Error> {
        let held = match &self.state {
            State::Failed(error) => return Err(error.repeat()),
            State::Open(held) => held,
            State::Opening | State::Closed(_) => return Ok(None),
        };
        let Some(reader) = self.readers.get_mut(key).filter(|reader| !reader.cancelled) else {
            return Ok(None);
        };
        if let Some(gap) = reader.gap.take() {
            return Ok(Some(Delivery::Gap(*gap)));
        }
        let at = |offset| Position::new(held.epoch, offset);
        while reader.after < held.head {
            let (after, live_from) = (reader.after, reader.live_from);
            if let Some(resume) = held.resume_slow(after, live_from, reader.max_lag) {
                reader.after = resume;
                reader.live_from = live_from.max(held.live_dropped());
                let gap = Gap::new(GapReason::Slow, at(after).to_string(), at(resume));
                return Ok(Some(Delivery::Gap(gap)));
            }
            match held.next(after) {
                Next::Nothing => reader.after = held.head,
                Next::Lost(range) => {
                    let from = at(after.max(range.start().previous())).to_string();
                    reader.after = *range.end();
                    let gap = Gap::new(GapReason::Lost, from, at(reader.after));
                    return Ok(Some(Delivery::Gap(gap)));
                }
                Next::Entries(range) => {
                    let batch = batch(held, reader, range, &mut self.cache);
                    reader.after = batch.through.offset();
                    if !batch.entries().is_empty() {
                        return Ok(Some(Delivery::Batch(batch)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Returns all deliveries that there are for a reader now.
    pub(crate) fn read_all(&mut self, key: usize) -> Result<Vec<Delivery>, Error> {
        std::iter::from_fn(|| self.read(key).transpose()).collect()
    }
}

/// Places a reader at its start.
fn begin(reader: &mut Reader, start: &Start, held: &Held) {
    let resolved = start.resolve(held);
    reader.live_from = held.head;
    reader.after = resolved.after;
    reader.gap = resolved.gap.map(Box::new);
}

/// Returns the entries of a range that are for a reader. Readers at the same position share one
/// batch.
fn batch(
    held: &Held,
    reader: &Reader,
    range: Range<usize>,
    cache: &mut Option<Arc<Batch>>,
) -> Arc<Batch> {
    let (after, live_from) = (reader.after, reader.live_from);
    let last = held.entries(range.clone()).next_back().map_or(after, Retained::offset);
    let through = Position::new(held.epoch, last);
    let shared = held.is_for_all(after, live_from);
    if let Some(cached) = cache
        && shared
        && (cached.shared, cached.after, cached.through) == (true, after, through)
    {
        return cached.clone();
    }
    let is_for = |entry: &Arc<Entry>| {
        let replayed = entry.offset() <= live_from;
        entry.publication().is_for(reader.client.as_deref()) && !(replayed && entry.is_live_only())
    };
    let entries = held.entries(range).filter(|entry| shared || is_for(entry)).cloned().collect();
    let batch = Batch::new(after, through, shared, entries);
    if shared {
        *cache = Some(batch.clone());
    }
    batch
}

#[cfg(test)]
mod tests;
