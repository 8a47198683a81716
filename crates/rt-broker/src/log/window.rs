//! What a log holds, and its readers: a plain state machine without a lock or a clock.

use super::Snapshot;
use super::reader::{Held, Place, Reader};
use crate::{Batch, Bounds, Entry, Epoch, Error, Gap, GapReason, Position, Start};
use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

#[derive(Debug)]
pub(crate) enum State {
    Opening,
    Open,
    Failed(Error),
    Closed,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) entry: Arc<Entry>,
    /// Bytes ever appended before this entry, so that a stretch's size is a subtraction.
    pub(super) begin: u64,
    /// Held for who is connected only: it was never stored, or no longer is.
    pub(super) live: bool,
}

/// How many of the last entries it is remembered of how many subscribers they were for; those who
/// publish ask at once.
const REACHED: usize = 64;

#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) state: State,
    pub(super) bounds: Bounds,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) head: u64,
    pub(super) items: VecDeque<Item>,
    pub(super) stored: usize,
    pub(super) stored_bytes: usize,
    /// Offsets of the entries that are held for who is connected only, in order.
    pub(super) live: VecDeque<u64>,
    pub(super) live_bytes: usize,
    /// Held entries that are not for everyone.
    pub(super) private: usize,
    /// Held entries whose UUID does not carry their position.
    pub(super) imported: usize,
    /// Offset and time of the newest entry that is no longer stored: who comes back to before it
    /// has a gap. Who is connected may still be given it, from the live window.
    pub(crate) evicted: (u64, u64),
    /// The newest entry that was stored and is not even in the live window any more.
    pub(super) dropped: u64,
    /// The same of those that never were stored.
    pub(super) live_dropped: u64,
    /// How many subscribers each of the last entries was for.
    reached: VecDeque<(u64, u32)>,
    pub(super) written: u64,
    pub(crate) readers: Slab<Reader>,
    /// How many readers were ever added.
    added: u64,
    /// How many of the readers are cancelled.
    cancelled: usize,
    /// The batch last made: readers of a busy topic go in step.
    pub(super) cache: Option<Arc<Batch>>,
}

impl Window {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            state: State::Opening,
            bounds,
            epoch: None,
            head: 0,
            items: VecDeque::new(),
            stored: 0,
            stored_bytes: 0,
            live: VecDeque::new(),
            live_bytes: 0,
            private: 0,
            imported: 0,
            evicted: (0, 0),
            dropped: 0,
            live_dropped: 0,
            reached: VecDeque::new(),
            written: 0,
            readers: Slab::new(),
            added: 0,
            cancelled: 0,
            cache: None,
        }
    }

    pub(crate) fn open(&mut self, snapshot: Snapshot) -> Vec<Waker> {
        if !matches!(self.state, State::Opening) {
            return Vec::new();
        }
        self.state = State::Open;
        self.fill(snapshot);
        let mut readers = std::mem::take(&mut self.readers);
        let wakers = readers.iter_mut().filter_map(|(_, reader)| {
            if let Some(start) = reader.start.take() {
                self.resolve(reader, *start);
            }
            reader.waker.take()
        });
        let wakers = wakers.collect();
        self.readers = readers;
        wakers
    }

    pub(crate) fn reset(&mut self, snapshot: Snapshot) -> Vec<Waker> {
        let Some(old) = self.epoch else { return self.open(snapshot) };
        self.items.clear();
        self.cache = None;
        self.live.clear();
        self.reached.clear();
        (self.stored, self.stored_bytes, self.live_bytes) = (0, 0, 0);
        (self.private, self.imported, self.live_dropped) = (0, 0, 0);
        self.fill(snapshot);
        let Some(new) = self.epoch else { return Vec::new() };
        let (evicted, head) = (self.evicted.0, self.head);
        let told = |(_, reader): (usize, &mut Reader)| {
            let from = Position::new(old, reader.after).to_string();
            let resume = Position::new(new, evicted);
            reader.gap = Some(Box::new(Gap::new(GapReason::Epoch, Some(from), resume)));
            (reader.after, reader.live_from) = (evicted, head);
            reader.waker.take()
        };
        self.readers.iter_mut().filter_map(told).collect()
    }

    fn fill(&mut self, snapshot: Snapshot) {
        self.epoch = Some(snapshot.epoch);
        self.evicted = (snapshot.evicted, snapshot.evicted_time);
        self.dropped = snapshot.evicted;
        for entry in snapshot.entries {
            self.push(entry);
        }
        self.head = snapshot.head;
        self.trim();
    }

    pub(crate) fn append(&mut self, entry: Arc<Entry>) -> Vec<Waker> {
        let offset = entry.publication().position().offset();
        if !matches!(self.state, State::Open) || offset <= self.head {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.head, offset);
        let for_some_only = entry.publication().is_for_some_only();
        let mut reached = 0;
        let mut wakers = Vec::with_capacity(if for_some_only { 0 } else { self.readers.len() });
        for (_, reader) in &mut self.readers {
            if reader.cancelled {
                continue;
            }
            if for_some_only && !entry.publication().is_for(reader.client.as_deref()) {
                // Nobody is woken for what they are not given; who had seen all still has.
                if reader.after == before {
                    reader.after = offset;
                }
                continue;
            }
            reached += 1;
            wakers.extend(reader.waker.take());
        }
        self.expire(entry.publication().time());
        if self.reached.len() == REACHED {
            self.reached.pop_front();
        }
        self.reached.push_back((offset, reached));
        if entry.is_live_only() && entry.publication().data().is_some() {
            // Without history, who is not connected has missed it.
            self.evicted = (offset, entry.publication().time());
        }
        if !entry.is_live_only() || self.has_subscribers() {
            self.push(entry);
            self.trim();
        }
        wakers
    }

    pub(crate) fn fail(&mut self, error: &Error) -> Vec<Waker> {
        self.state = State::Failed(error.repeat());
        self.wake_all()
    }

    pub(crate) fn wake_all(&mut self) -> Vec<Waker> {
        self.readers.iter_mut().filter_map(|(_, reader)| reader.waker.take()).collect()
    }

    pub(crate) fn close_unless_used(&mut self) -> bool {
        if !self.has_subscribers() {
            self.state = State::Closed;
        }
        matches!(self.state, State::Closed)
    }

    pub(crate) fn is_opening(&self) -> bool {
        matches!(self.state, State::Opening)
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Opening | State::Open)
    }

    /// Adds a reader, or gives it back where the log is used no more.
    pub(crate) fn add(
        &mut self,
        mut reader: Reader,
        start: &Start,
        now: u64,
    ) -> Result<usize, Reader> {
        match self.state {
            State::Closed | State::Failed(_) => return Err(reader),
            State::Opening => reader.start = Some(Box::new(start.clone())),
            State::Open => {
                self.expire(now);
                self.resolve(&mut reader, start.clone());
            }
        }
        self.added += 1;
        reader.serial = self.added;
        Ok(self.readers.insert(reader))
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<Reader> {
        let removed = self.readers.try_remove(key)?;
        self.cancelled -= usize::from(removed.cancelled);
        self.let_go();
        Some(removed)
    }

    /// Cancels the reader under this key, if it still is the one with this serial number; gives its
    /// waker.
    pub(crate) fn cancel(&mut self, key: usize, serial: u64) -> Option<Waker> {
        let reader = self.readers.get_mut(key)?;
        if reader.serial != serial || reader.cancelled {
            return None;
        }
        reader.cancelled = true;
        let waker = reader.waker.take();
        self.cancelled += 1;
        self.let_go();
        waker
    }

    /// Frees what is held for subscribers only, once there are none.
    fn let_go(&mut self) {
        if !self.has_subscribers() {
            self.cache = None;
            while self.drop_oldest_live() {}
        }
    }

    pub(crate) fn failure(&self) -> Option<Error> {
        match &self.state {
            State::Failed(error) => Some(error.repeat()),
            _ => None,
        }
    }

    /// Has a reader woken by the next entry for it; gives the waker back that this one replaces.
    pub(crate) fn park(&mut self, key: usize, waker: &Waker) -> Option<Waker> {
        match &mut self.readers.get_mut(key)?.waker {
            Some(parked) if parked.will_wake(waker) => None,
            parked => parked.replace(waker.clone()),
        }
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.readers.len() - self.cancelled
    }

    pub(crate) fn has_subscribers(&self) -> bool {
        self.subscribers() > 0
    }

    pub(crate) fn reached(&self, position: Position) -> usize {
        if Some(position.epoch()) == self.epoch && position.offset() <= self.head {
            let of = |(offset, _): &&(u64, u32)| *offset == position.offset();
            return self.reached.iter().rev().find(of).map_or(0, |(_, reached)| *reached as usize);
        }
        self.subscribers()
    }

    fn resolve(&self, reader: &mut Reader, start: Start) {
        let Some(epoch) = self.epoch else { return };
        let (head, evicted) = (self.head, self.evicted);
        reader.resolve(start, &Place { epoch, head, evicted, held: self });
    }
}

impl Held for Window {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn at(&self, index: usize) -> Arc<Entry> {
        self.items[index].entry.clone()
    }

    fn is_stored(&self, index: usize) -> bool {
        !self.items[index].live
    }

    fn has_imported(&self) -> bool {
        self.imported > 0
    }
}

impl Item {
    pub(super) fn offset(&self) -> u64 {
        self.entry.publication().position().offset()
    }
}
