//! What a reader is given next: entries, a gap, or nothing yet.

use super::Reader;
use super::window::{Item, Window};
use crate::{Batch, Delivery, Entry, Epoch, Error, Gap, GapReason, Position};
use std::collections::VecDeque;
use std::sync::Arc;

/// A batch ends with the entry that takes it past this many bytes: large enough that a follower who
/// fell behind costs few writes, small enough to stay in a connection's send buffer.
const BATCH_BYTES: u64 = 64 << 10;

/// What a reader is given.
#[derive(Debug)]
pub(crate) enum Read {
    Nothing,
    Batch(Arc<Batch>),
    Gap(Gap),
    Failed(Error),
}

impl Window {
    pub(crate) fn read(&mut self, key: usize) -> Read {
        if let Some(error) = self.failure() {
            return Read::Failed(error);
        }
        let Some(epoch) = self.epoch else { return Read::Nothing };
        let Some(reader) = self.readers.get_mut(key).filter(|reader| !reader.cancelled) else {
            return Read::Nothing;
        };
        if let Some(gap) = reader.gap.take() {
            return Read::Gap(*gap);
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

    /// Everything that a reader is to be given by now.
    pub(crate) fn read_all(&mut self, key: usize) -> Result<Vec<Delivery>, Error> {
        let mut all = Vec::new();
        loop {
            match self.read(key) {
                Read::Batch(batch) => all.push(Delivery::Batch(batch)),
                Read::Gap(gap) => all.push(Delivery::Gap(gap)),
                Read::Failed(error) => return Err(error),
                Read::Nothing => return Ok(all),
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
}

/// The first item after an offset. Offsets follow each other as a rule, so that the place is known
/// without a search through all that is held.
fn index_after(items: &VecDeque<Item>, after: u64) -> usize {
    let (Some(first), Some(last)) = (items.front(), items.back()) else { return 0 };
    if last.offset() <= after {
        return items.len();
    }
    let guess = after.saturating_sub(first.offset()) as usize;
    match items.get(guess) {
        Some(item) if item.offset() == after => guess + 1,
        _ => items.partition_point(|item| item.offset() <= after),
    }
}
