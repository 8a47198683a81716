//! All topics, and the transaction that changes them.
//!
//! The writer begins one, changes topics, has the changes written, and then either keeps them or
//! takes them back. Others look in between (at the watermark, at names): so changes to what they
//! see are harmless before they are written.

mod undo;

use super::codec::key_of;
use super::queue::Imported;
use super::store::{Changes, Store};
use super::topic::Topic;
use crate::local::{Idle, Keys};
use crate::{Bounds, Entry, Error, Message, Receipt};
use std::collections::HashMap;
use std::sync::Arc;

/// Longest name of a topic, in bytes: a key of the store has its limit, whoever calls the engine.
const MAX_NAME: usize = 16 << 10;
/// Records of several topics, and topics in them, before they are folded.
const DELTAS: usize = 64;
const UNFOLDED: usize = 512;

/// What is bounded over all topics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) topics: usize,
    pub(super) bytes: usize,
}

pub(super) struct Topics {
    pub(super) by_name: HashMap<Arc<str>, Topic>,
    pub(super) keys: Keys,
    limits: Limits,
    /// Bytes of all history together.
    pub(super) bytes: usize,
    tick: u64,
    idle: Idle,
    next_id: u64,
    /// No topic that is made later is stamped at or below this: marks were given for names that
    /// had no topic, or no longer have one.
    marked: u64,
    /// Numbers of the records of several topics, and the topics in them.
    deltas: Vec<u64>,
    unfolded: Vec<Arc<str>>,
    next_delta: u64,
    change: Change,
}

/// What the transaction under way has to remember.
#[derive(Default)]
struct Change {
    touched: Vec<Arc<str>>,
    /// Topics of this number and above were made in it.
    first_id: u64,
    dropped: Vec<(Arc<str>, Topic)>,
    /// Numbers whose publications are to be deleted.
    garbage: Vec<u64>,
    keys: Vec<(Arc<str>, Box<str>, Receipt)>,
    bytes: usize,
    newest: u64,
}

/// What a failed transaction may have left in the store.
#[derive(Default)]
pub(super) struct Traces {
    pub(super) topics: Vec<(Arc<str>, u64)>,
    pub(super) garbage: Vec<u64>,
    pub(super) keys: Vec<Vec<u8>>,
}

impl Topics {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            by_name: HashMap::new(),
            keys: Keys::default(),
            limits,
            bytes: 0,
            tick: 0,
            idle: Idle::default(),
            next_id: 1,
            marked: 0,
            deltas: Vec::new(),
            unfolded: Vec::new(),
            next_delta: 0,
            change: Change::default(),
        }
    }

    /// Takes over a topic or a number that the store has.
    pub(super) fn restore(&mut self, topic: Option<(Arc<str>, Topic)>, id: u64) {
        self.next_id = self.next_id.max(id.saturating_add(1));
        if let Some((name, topic)) = topic {
            self.bytes += topic.at.bytes;
            self.by_name.insert(name, topic);
        }
    }

    pub(super) fn begin(&mut self) {
        self.change = Change { bytes: self.bytes, first_id: self.next_id, ..Change::default() };
    }

    /// The topic, to be changed; made where there is none.
    pub(super) fn topic(
        &mut self,
        name: &str,
        now: u64,
        bounds: impl FnOnce() -> Bounds,
    ) -> Result<&mut Topic, Error> {
        if name.len() > MAX_NAME {
            return Err(Error::topic("it is longer than 16 KiB"));
        }
        if !self.by_name.contains_key(name) {
            while self.by_name.len() >= self.limits.topics {
                if !self.drop_idle(None) {
                    return Err(Error::full("as many as are allowed have subscribers"));
                }
            }
            let name: Arc<str> = name.into();
            let topic = Topic::new(self.next_id, bounds(), self.marked);
            self.by_name.insert(name, topic);
            self.next_id += 1;
        }
        self.note_use(name, now);
        self.existing(name).ok_or_else(|| Error::full("it was dropped"))
    }

    /// Notes that a topic is used.
    pub(super) fn note_use(&mut self, name: &str, now: u64) {
        self.tick += 1;
        if let Some(topic) = self.by_name.get_mut(name) {
            (topic.used, topic.used_at) = (self.tick, now);
        }
    }

    /// The topic, to be changed, if there is one.
    pub(super) fn existing(&mut self, name: &str) -> Option<&mut Topic> {
        let topic = self.by_name.get_mut(name)?;
        if topic.touch() {
            self.change.touched.push(name.into());
        }
        Some(topic)
    }

    /// The mark for a poll of this topic that times out at `now`.
    pub(super) fn watermark(&mut self, name: &str, now: u64) -> u64 {
        match self.by_name.get_mut(name) {
            Some(topic) => topic.watermark(now),
            None => {
                self.marked = self.marked.max(now);
                self.marked
            }
        }
    }

    /// The largest stamp of the transaction under way.
    pub(super) fn newest_stamp(&self) -> u64 {
        self.change.newest
    }

    /// The largest stamp or mark that was given out.
    pub(super) fn newest_mark(&self) -> u64 {
        self.by_name.values().map(Topic::newest_mark).fold(self.marked, u64::max)
    }

    /// Stamps and holds a message; keeps to the bound on all history.
    pub(super) fn publish(
        &mut self,
        name: &str,
        mut message: Message,
        now: u64,
        bounds: impl FnOnce() -> Bounds,
        store: &Store,
    ) -> Result<(Receipt, Option<Arc<Entry>>), Error> {
        let key = message.key.take();
        if let Some(first) = key.as_ref().and_then(|key| self.keys.find(name, key, now)) {
            return Ok((first, None));
        }
        let topic = self.topic(name, now, bounds)?;
        let before = topic.at.bytes;
        let (receipt, entry) = topic.publish(message, now, store)?;
        let after = topic.at.bytes;
        self.change.newest = self.change.newest.max(receipt.time());
        self.grown(name, before, after, store)?;
        if let Some(key) = key {
            self.keys.remember(name, &key, receipt);
            self.change.keys.push((name.into(), key, receipt));
        }
        Ok((receipt, Some(entry)))
    }

    /// Holds what was published elsewhere.
    pub(super) fn import(
        &mut self,
        event: Imported,
        now: u64,
        bounds: impl FnOnce() -> Bounds,
        store: &Store,
    ) -> Result<Arc<Entry>, Error> {
        let Imported { topic: name, message, time, uuid } = event;
        let topic = self.topic(&name, now, bounds)?;
        let before = topic.at.bytes;
        let entry = topic.import(message, (time, uuid), now, store)?;
        let after = topic.at.bytes;
        self.change.newest = self.change.newest.max(entry.publication().time());
        self.grown(&name, before, after, store)?;
        Ok(entry)
    }

    /// Counts what a topic has grown or shrunk by.
    pub(super) fn grown(
        &mut self,
        name: &str,
        before: usize,
        after: usize,
        store: &Store,
    ) -> Result<(), Error> {
        self.bytes = self.bytes + after - before;
        if self.bytes > self.limits.bytes { self.shrink(name, store) } else { Ok(()) }
    }

    /// Drops the least recently used topic that no log with subscribers stands on.
    fn drop_idle(&mut self, keep: Option<&str>) -> bool {
        for listed in [false, true] {
            while let Some((used, name)) = self.idle.next() {
                let unchanged = self.by_name.get(&name).is_some_and(|topic| topic.used == used);
                if unchanged && keep != Some(&*name) && self.close_and_remove(&name) {
                    return true;
                }
            }
            if !listed {
                let unused = self.by_name.iter().filter(|(_, topic)| !topic.has_subscribers());
                let listed = unused.map(|(name, t)| (!t.is_empty(), t.used, name.clone()));
                self.idle.list(listed);
            }
        }
        false
    }

    /// Drops a topic that has no subscribers.
    pub(super) fn close_and_remove(&mut self, name: &str) -> bool {
        let Some(topic) = self.by_name.get_mut(name) else { return false };
        if !topic.close_logs() {
            return false;
        }
        if let Some((name, topic)) = self.by_name.remove_entry(name) {
            self.bytes -= topic.at.bytes;
            self.marked = self.marked.max(topic.newest_mark());
            self.change.garbage.push(topic.id);
            self.change.dropped.push((name, topic));
        }
        true
    }

    /// Begins a new life of a topic.
    pub(super) fn restart(&mut self, name: &str) -> bool {
        let id = self.next_id;
        let Some((name, old)) = self.by_name.remove_entry(name) else { return false };
        let mut topic = old.restarted(id);
        topic.touch();
        self.next_id += 1;
        self.bytes -= old.at.bytes;
        self.change.garbage.push(old.id);
        self.change.touched.push(name.clone());
        self.by_name.insert(name.clone(), topic);
        self.change.dropped.push((name, old));
        true
    }

    /// Brings all history together below the bound: unused topics go first, then the oldest of the
    /// topic that is growing.
    pub(super) fn shrink(&mut self, growing: &str, store: &Store) -> Result<(), Error> {
        while self.bytes > self.limits.bytes && self.drop_idle(Some(growing)) {}
        let Some(topic) = self.by_name.get_mut(growing) else { return Ok(()) };
        while self.bytes > self.limits.bytes {
            let before = topic.at.bytes;
            if !topic.evict_oldest(store)? {
                break;
            }
            self.bytes -= before - topic.at.bytes;
        }
        Ok(())
    }

    /// Collects what is to be written.
    pub(super) fn write(&mut self, changes: &mut Changes) {
        for (name, _) in &self.change.dropped {
            if !self.by_name.contains_key(name) {
                changes.remove_topic(name);
            }
        }
        self.change.garbage.iter().for_each(|id| changes.put_garbage(*id));
        self.write_records(changes);
        for (name, key, receipt) in &self.change.keys {
            changes.put_key(&key_of(name, key, receipt.time()), receipt.position());
        }
    }

    /// One record of many topics costs much less than many records; they are folded into those that
    /// stand by their names once there are enough of them.
    fn write_records(&mut self, changes: &mut Changes) {
        if !self.change.dropped.is_empty() {
            // One that was dropped and made again is there twice, and is to be written once.
            self.change.touched.sort_unstable();
            self.change.touched.dedup();
        }
        let fold = self.deltas.len() >= DELTAS || self.unfolded.len() >= UNFOLDED;
        let together = self.change.touched.len() > 1 && !fold;
        let mut delta = Vec::new();
        for name in &self.change.touched {
            // It may have been dropped again, and made again.
            let Some(topic) = self.by_name.get_mut(name) else { continue };
            topic.write(changes);
            if !(together && topic.named) {
                changes.put_topic(name, &topic.record());
                topic.named = true;
                continue;
            }
            delta.extend(topic.record().encode());
            if !topic.unfolded {
                topic.unfolded = true;
                self.unfolded.push(name.clone());
            }
        }
        if !delta.is_empty() {
            self.next_delta += 1;
            self.deltas.push(self.next_delta);
            changes.put_delta(self.next_delta, delta);
        }
        if fold {
            for name in self.unfolded.drain(..) {
                let Some(topic) = self.by_name.get_mut(&name) else { continue };
                topic.unfolded = false;
                if !topic.is_touched() {
                    changes.put_topic(&name, &topic.record());
                }
            }
            self.deltas.drain(..).for_each(|number| changes.remove_delta(number));
        }
    }

    /// Puts every record by its name, and removes the newer ones with these numbers.
    pub(super) fn write_all(&mut self, numbers: &[u64], changes: &mut Changes) {
        for (name, topic) in &mut self.by_name {
            (topic.named, topic.unfolded) = (true, false);
            changes.put_topic(name, &topic.record());
        }
        self.unfolded.clear();
        self.deltas.clear();
        for number in numbers {
            self.next_delta = self.next_delta.max(*number);
            changes.remove_delta(*number);
        }
    }

    /// The changes are written; gives the numbers whose publications are to be deleted.
    pub(super) fn commit(&mut self) -> Vec<u64> {
        let change = std::mem::take(&mut self.change);
        for name in &change.touched {
            if let Some(topic) = self.by_name.get_mut(name) {
                topic.committed();
            }
        }
        change.garbage
    }
}
