//! What a log holds, and its readers: a plain state machine without a lock or a clock.

use super::{Reader, Snapshot};
use crate::{Batch, Bounds, Entry, Epoch, Error, Gap, GapReason, LIVE_WINDOW, Position};
use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// A batch ends with the entry that takes it past this many bytes: large enough that a follower who
/// fell behind costs few writes, small enough to stay in a connection's send buffer.
const BATCH_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) enum State {
    Opening,
    Open,
    Failed(Error),
    Closed,
}

#[derive(Debug)]
struct Item {
    entry: Arc<Entry>,
    /// Bytes ever appended before this entry, so that a stretch's size is a subtraction.
    begin: u64,
    /// Held for who is connected only: it was never stored, or no longer is.
    live: bool,
}

/// How many of the last entries it is remembered of how many subscribers they were for; those who
/// publish ask at once.
const REACHED: usize = 64;

/// What a reader is given.
#[derive(Debug)]
pub(crate) enum Read {
    Nothing,
    Batch(Arc<Batch>),
    Gap(Gap),
    Failed(Error),
}

#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) state: State,
    bounds: Bounds,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) head: u64,
    items: VecDeque<Item>,
    stored: usize,
    stored_bytes: usize,
    /// Offsets of the entries that are held for who is connected only, in order.
    live: VecDeque<u64>,
    live_bytes: usize,
    /// Held entries that are not for everyone.
    private: usize,
    /// Offset and time of the newest entry that is no longer stored: who comes back to before it
    /// has a gap. Who is connected may still be given it, from the live window.
    pub(crate) evicted: (u64, u64),
    /// The newest entry that was stored and is not even in the live window any more.
    dropped: u64,
    /// The same of those that never were stored.
    live_dropped: u64,
    /// How many subscribers each of the last entries was for.
    reached: VecDeque<(u64, u32)>,
    written: u64,
    pub(crate) readers: Slab<Reader>,
    /// The batch last made: readers of a busy topic go in step.
    cache: Option<Arc<Batch>>,
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
            evicted: (0, 0),
            dropped: 0,
            live_dropped: 0,
            reached: VecDeque::new(),
            written: 0,
            readers: Slab::new(),
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
            self.resolve(reader);
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
        (self.private, self.live_dropped) = (0, 0);
        self.fill(snapshot);
        let Some(new) = self.epoch else { return Vec::new() };
        let (evicted, head) = (self.evicted.0, self.head);
        let told = |(_, reader): (usize, &mut Reader)| {
            let from = Position::new(old, reader.after).to_string();
            let resume = Position::new(new, evicted);
            reader.gap = Some(Gap::new(GapReason::Epoch, Some(from), resume));
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
        if !entry.is_live_only() || !self.readers.is_empty() {
            self.push(entry);
            self.trim();
        }
        wakers
    }

    pub(crate) fn fail(&mut self, error: &Error) -> Vec<Waker> {
        self.state = State::Failed(error.repeat());
        self.readers.iter_mut().filter_map(|(_, reader)| reader.waker.take()).collect()
    }

    pub(crate) fn close_unless_used(&mut self) -> bool {
        if self.readers.is_empty() {
            self.state = State::Closed;
        }
        matches!(self.state, State::Closed)
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Opening | State::Open)
    }

    /// Adds a reader, or gives it back where the log is used no more.
    pub(crate) fn add(&mut self, mut reader: Reader, now: u64) -> Result<usize, Reader> {
        match self.state {
            State::Closed | State::Failed(_) => return Err(reader),
            State::Opening => {}
            State::Open => {
                self.expire(now);
                self.resolve(&mut reader);
            }
        }
        Ok(self.readers.insert(reader))
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<Reader> {
        let removed = self.readers.try_remove(key);
        if self.readers.is_empty() {
            self.cache = None;
            while self.drop_oldest_live() {}
        }
        removed
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

    pub(crate) fn read(&mut self, key: usize) -> Read {
        if let Some(error) = self.failure() {
            return Read::Failed(error);
        }
        let Some(epoch) = self.epoch else { return Read::Nothing };
        let Some(reader) = self.readers.get_mut(key) else { return Read::Nothing };
        if let Some(gap) = reader.gap.take() {
            return Read::Gap(gap);
        }
        loop {
            if self.readers[key].after >= self.head {
                return Read::Nothing;
            }
            if let Some(after) = self.lost(&self.readers[key]) {
                let reader = &mut self.readers[key];
                let from = Position::new(epoch, reader.after).to_string();
                reader.after = after;
                reader.live_from = reader.live_from.max(self.live_dropped);
                let resume = Position::new(epoch, after);
                return Read::Gap(Gap::new(GapReason::Slow, Some(from), resume));
            }
            let first = index_after(&self.items, self.readers[key].after);
            let Some(item) = self.items.get(first) else {
                self.readers[key].after = self.head;
                return Read::Nothing;
            };
            let within = item.begin + BATCH_BYTES;
            let end = match self.written <= within {
                true => self.items.len(),
                false => self.items.partition_point(|item| item.begin < within),
            };
            let batch = self.batch(key, epoch, first, end);
            self.readers[key].after = batch.through.offset();
            if !batch.entries().is_empty() {
                return Read::Batch(batch);
            }
        }
    }

    /// Where a reader has to go on that lost something: evicted before it was read, stored or live,
    /// or more than may wait for it once it had caught up.
    fn lost(&self, reader: &Reader) -> Option<u64> {
        let caught_up = reader.after >= reader.live_from;
        let live_lost = reader.after.max(reader.live_from) < self.live_dropped;
        let mut after = reader.after.max(self.dropped);
        let first = index_after(&self.items, after);
        let fits = |item: &Item| self.written - item.begin <= reader.max_lag as u64;
        if caught_up && self.items.get(first).is_some_and(|item| !fits(item)) {
            let keep = self.items.partition_point(|item| !fits(item)).min(self.items.len() - 1);
            // One entry alone is given whatever its size.
            if keep > first {
                after = self.items[keep - 1].offset();
            }
        }
        (live_lost || after > reader.after).then_some(after)
    }

    /// The entries `first..end` that are for a reader: the same batch for all who are in step.
    fn batch(&mut self, key: usize, epoch: Epoch, first: usize, end: usize) -> Arc<Batch> {
        let reader = &self.readers[key];
        let (after, live_from) = (reader.after, reader.live_from);
        let through = Position::new(epoch, self.items[end - 1].offset());
        let shared = self.private == 0 && (self.live.is_empty() || after >= live_from);
        if let Some(cached) = &self.cache
            && shared
            && (cached.shared, cached.after, cached.through) == (true, after, through)
        {
            return cached.clone();
        }
        let is_for = |entry: &Arc<Entry>| {
            let publication = entry.publication();
            let replayed = publication.position().offset() <= live_from;
            publication.is_for(reader.client.as_deref()) && !(replayed && entry.is_live_only())
        };
        let entries = self.items.range(first..end).map(|item| &item.entry);
        let entries = entries.filter(|entry| shared || is_for(entry)).cloned().collect();
        let batch = Batch::new(after, through, shared, entries);
        if shared {
            self.cache = Some(batch.clone());
        }
        batch
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.readers.len()
    }

    pub(crate) fn reached(&self, position: Position) -> usize {
        if Some(position.epoch()) == self.epoch && position.offset() <= self.head {
            let of = |(offset, _): &&(u64, u32)| *offset == position.offset();
            return self.reached.iter().rev().find(of).map_or(0, |(_, reached)| *reached as usize);
        }
        self.subscribers()
    }

    pub(crate) fn last_at_or_before(&self, time: u64) -> u64 {
        let index = self.items.partition_point(|item| item.entry.publication().time() <= time);
        index.checked_sub(1).map_or(self.evicted.0, |index| self.items[index].offset())
    }

    /// The newest held publication with this id of its own.
    pub(crate) fn find_id(&self, id: &str) -> Option<u64> {
        let own = |item: &&Item| !item.live && item.entry.publication().id() == Some(id);
        self.items.iter().rev().find(own).map(Item::offset)
    }

    fn push(&mut self, entry: Arc<Entry>) {
        let size = entry.publication().size();
        let live = entry.is_live_only();
        if live {
            self.live.push_back(entry.publication().position().offset());
            self.live_bytes += size;
        } else {
            self.stored += 1;
            self.stored_bytes += size;
        }
        self.private += usize::from(entry.publication().is_for_some_only());
        let begin = self.written;
        self.written += size as u64;
        self.items.push_back(Item { entry, begin, live });
    }

    /// Keeps to the bounds; of each kind the newest stays, whatever its size.
    fn trim(&mut self) {
        let Bounds { count, bytes, .. } = self.bounds;
        while self.stored > 1 && (self.stored > count || self.stored_bytes > bytes) {
            self.evict();
        }
        let Bounds { count, bytes, .. } = LIVE_WINDOW;
        while self.live.len() > 1 && (self.live.len() > count || self.live_bytes > bytes) {
            self.drop_oldest_live();
        }
    }

    /// Drops what is stored and too old at `now`.
    pub(crate) fn expire(&mut self, now: u64) {
        let Some(limit) = self.bounds.expired_at(now) else { return };
        let old = |item: &Item| item.entry.publication().time() <= limit;
        while self.first_stored().is_some_and(|index| old(&self.items[index])) {
            self.evict();
        }
    }

    fn first_stored(&self) -> Option<usize> {
        self.items.iter().position(|item| !item.live)
    }

    /// Takes the oldest stored entry out of the history. Who is connected keeps it for as long as
    /// the live window has room: a short history must not make gaps for those who read along.
    fn evict(&mut self) {
        let Some(index) = self.first_stored() else { return };
        let item = &mut self.items[index];
        item.live = true;
        let (offset, publication) = (item.offset(), item.entry.publication());
        let size = publication.size();
        self.evicted = (offset, publication.time());
        self.stored -= 1;
        self.stored_bytes -= size;
        self.live_bytes += size;
        let at = self.live.partition_point(|live| *live < offset);
        self.live.insert(at, offset);
        if self.readers.is_empty() {
            self.drop_oldest_live();
        }
    }

    /// Drops the oldest entry that is held for who is connected only.
    fn drop_oldest_live(&mut self) -> bool {
        let Some(offset) = self.live.pop_front() else { return false };
        let index = self.items.partition_point(|item| item.offset() < offset);
        let Some(item) = self.items.remove(index) else { return false };
        let publication = item.entry.publication();
        self.live_bytes -= publication.size();
        self.private -= usize::from(publication.is_for_some_only());
        match item.entry.is_live_only() {
            true => self.live_dropped = offset,
            false => self.dropped = offset,
        }
        true
    }
}

impl Item {
    fn offset(&self) -> u64 {
        self.entry.publication().position().offset()
    }
}

fn index_after(items: &VecDeque<Item>, after: u64) -> usize {
    match items.back() {
        Some(last) if last.offset() > after => items.partition_point(|i| i.offset() <= after),
        _ => items.len(),
    }
}
