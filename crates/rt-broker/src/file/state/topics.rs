//! All topics by their names, and the bounds over all of them.
//!
//! The writer changes topics in transactions: [`Topics::begin`], any number of changes, whose records
//! go into one commit of the journal, and then [`Topics::commit`] or [`Topics::roll_back`]. The
//! lock around them is not held while the journal is written. Others may look at a topic meanwhile
//! (at its watermark, at the names), and nothing that they see depends on whether it is written.

use super::change::{Change, Held, Limits};
use super::index_entry::IndexEntry;
use super::segments::Segments;
use super::topic::{Topic, frame};
use crate::bounds::Bounds;
use crate::engine::history::Receipt;
use crate::entry::Entry;
use crate::error::Error;
use crate::file::store::Commit;
use crate::file::store::message_codec::Origin;
use crate::file::store::record::{KeyRecord, Kind};
use crate::local::BoundsOf;
use crate::local::keys::Keys;
use crate::message::Message;
use crate::position::Offset;
use crate::retention::IdleTopics;
use crate::timestamp::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Longest name of a topic, in bytes.
const MAX_NAME: usize = 16 << 10;

pub(in crate::file) struct Topics {
    by_name: HashMap<Arc<str>, Topic>,
    names: HashMap<u64, Arc<str>>,
    pub(in crate::file) keys: Keys,
    pub(in crate::file) segments: Segments,
    bounds: BoundsOf,
    limits: Limits,
    /// All that is held, in bytes and in publications.
    pub(super) held: Held,
    pub(super) uses: u64,
    idle: IdleTopics,
    pub(super) next_id: u64,
    /// No topic that is made later is stamped at or below this: marks were given for names that had
    /// no topic, or no longer have one.
    marked: Timestamp,
    change: Change,
}

/// A message with what is needed to publish it.
pub(in crate::file) struct Publish {
    pub(in crate::file) topic: Box<str>,
    pub(in crate::file) message: Message,
    /// Where it came from, if it is imported.
    pub(in crate::file) origin: Option<Origin>,
}

/// The result of a publish, once its transaction is committed.
pub(in crate::file) struct Published {
    pub(in crate::file) topic: Arc<str>,
    pub(in crate::file) receipt: Receipt,
    /// The publication; none where its idempotency key had been used.
    pub(in crate::file) entry: Option<Arc<Entry>>,
}

impl Topics {
    pub(in crate::file) fn new(bounds: BoundsOf, limits: Limits) -> Self {
        Self {
            by_name: HashMap::new(),
            names: HashMap::new(),
            keys: Keys::default(),
            segments: Segments::default(),
            bounds,
            limits,
            held: Held::default(),
            uses: 0,
            idle: IdleTopics::default(),
            next_id: 1,
            marked: Timestamp::ZERO,
            change: Change::default(),
        }
    }

    pub(in crate::file) fn bounds_of(&self, name: &str) -> Bounds {
        (self.bounds)(name)
    }

    /// The totals over all topics.
    pub(in crate::file) fn held(&self) -> Held {
        self.held
    }

    pub(in crate::file) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(in crate::file) fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    pub(in crate::file) fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.by_name.get_mut(name)
    }

    pub(in crate::file) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Topic)> {
        self.by_name.iter()
    }

    pub(in crate::file) fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut Topic)> {
        self.by_name.iter_mut()
    }

    /// The names of all topics, sorted.
    pub(in crate::file) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.by_name.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// The name of the topic with this number.
    pub(in crate::file) fn name_of(&self, id: u64) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    pub(in crate::file) fn begin(&mut self) {
        let (first_id, held) = (self.next_id, self.held);
        self.change = Change { first_id, held, ..Change::default() };
    }

    /// Keeps the changes of the transaction.
    pub(in crate::file) fn commit(&mut self) {
        let change = std::mem::take(&mut self.change);
        let segments = &mut self.segments;
        change.added.iter().for_each(|segment| segments.add(*segment));
        change.recorded.into_iter().for_each(|(segment, name)| segments.record(segment, name));
        for name in &change.touched {
            if let Some(topic) = self.by_name.get_mut(name) {
                topic.commit(|segment| segments.free(segment));
            }
        }
        for (_, mut topic) in change.dropped {
            self.names.remove(&topic.id);
            topic.commit(|segment| segments.free(segment));
            topic.held.after(Offset::ZERO).for_each(|slot| segments.free(slot.location.segment));
        }
    }

    /// Takes the changes of the transaction back.
    pub(in crate::file) fn roll_back(&mut self) {
        let change = std::mem::take(&mut self.change);
        // What was made goes first: what was dropped may have had the same name. Marks that were
        // given meanwhile hold for whatever has the name next.
        let made = |topic: &Topic| topic.id >= change.first_id;
        for (_, topic) in self.by_name.extract_if(|_, topic| made(topic)) {
            self.marked = self.marked.max(topic.newest_mark());
            self.names.remove(&topic.id);
        }
        for (name, mut topic) in change.dropped {
            if !made(&topic) {
                topic.roll_back();
                topic.mark(self.marked);
                self.by_name.insert(name, topic);
            }
        }
        for name in &change.touched {
            if let Some(topic) = self.by_name.get_mut(name) {
                topic.roll_back();
            }
        }
        for (name, key) in &change.keys {
            self.keys.take_back(name, key);
        }
        self.held = change.held;
    }

    /// The largest stamp of the transaction under way.
    pub(in crate::file) fn newest_stamp(&self) -> Timestamp {
        self.change.newest
    }

    /// The largest stamp or mark that was given out.
    pub(in crate::file) fn newest_mark(&self) -> Timestamp {
        self.by_name.values().map(Topic::newest_mark).fold(self.marked, Timestamp::max)
    }

    /// The mark for a poll of this topic that times out at `now`.
    pub(in crate::file) fn watermark(&mut self, name: &str, now: Timestamp) -> Timestamp {
        match self.by_name.get_mut(name) {
            Some(topic) => topic.watermark(now),
            None => {
                self.marked = self.marked.max(now);
                self.marked
            }
        }
    }

    /// Notes that a topic is used.
    pub(in crate::file) fn note_use(&mut self, name: &str, now: Timestamp) {
        self.uses += 1;
        if let Some(topic) = self.by_name.get_mut(name) {
            (topic.last_use, topic.used_at) = (self.uses, now);
        }
    }

    /// Makes the topic where there is none.
    pub(in crate::file) fn ensure(
        &mut self,
        name: &str,
        now: Timestamp,
        commit: &mut Commit,
    ) -> Result<Arc<str>, Error> {
        if name.len() > MAX_NAME {
            return Err(Error::topic("it is longer than 16 KiB"));
        }
        let known = self.by_name.get_key_value(name).map(|(name, _)| name.clone());
        let name = match known {
            Some(name) => name,
            None => {
                while self.by_name.len() >= self.limits.topics {
                    if !self.drop_idle(None, commit) {
                        return Err(Error::full("as many as are allowed have subscribers"));
                    }
                }
                let topic = Topic::new(self.next_id, (self.bounds)(name), self.marked);
                let name: Arc<str> = name.into();
                self.insert(name.clone(), topic);
                self.change_topic(&name, |topic, commit| topic.record(&name, commit), commit);
                name
            }
        };
        self.note_use(&name, now);
        Ok(name)
    }

    pub(super) fn insert(&mut self, name: Arc<str>, mut topic: Topic) {
        self.next_id = self.next_id.max(topic.id.saturating_add(1));
        topic.name_bytes = name.len();
        self.held.replace(Held::default(), Held::of(&topic));
        self.names.insert(topic.id, name.clone());
        self.by_name.insert(name, topic);
    }

    /// Changes a topic, if there is one, within the transaction, and counts what it holds.
    pub(in crate::file) fn change_topic<T>(
        &mut self,
        name: &Arc<str>,
        change: impl FnOnce(&mut Topic, &mut Commit) -> T,
        commit: &mut Commit,
    ) -> Option<T> {
        let topic = self.by_name.get_mut(name)?;
        if topic.begin() {
            self.change.touched.push(name.clone());
        }
        let (before, recorded) = (Held::of(topic), topic.head.recorded_in);
        let changed = change(topic, commit);
        let after = Held::of(topic);
        if topic.head.recorded_in != recorded
            && let Some(segment) = topic.head.recorded_in
        {
            self.change.recorded.push((segment, name.clone()));
        }
        self.held.replace(before, after);
        Some(changed)
    }

    /// Stamps and holds a message, and keeps to the bounds over all topics.
    pub(in crate::file) fn publish(
        &mut self,
        publish: Publish,
        now: Timestamp,
        commit: &mut Commit,
    ) -> Result<Published, Error> {
        let Publish { topic, mut message, origin } = publish;
        let key = message.key.take();
        if let Some(first) = key.as_ref().and_then(|key| self.keys.find(&topic, key, now)) {
            return Ok(Published { topic: (*topic).into(), receipt: first, entry: None });
        }
        let name = self.ensure(&topic, now, commit)?;
        let segment = commit.next_location().segment;
        let publish = |topic: &mut Topic, commit: &mut Commit| {
            if topic.head.recorded_in != Some(segment) {
                // Each segment names the topics whose publications it has.
                topic.record(&name, commit);
            }
            (topic.id, topic.publish(message, origin, now, commit))
        };
        let (id, entry) = self.change_topic(&name, publish, commit).ok_or_else(dropped)?;
        if !entry.is_live_only() {
            self.change.added.push(segment);
        }
        let publication = entry.publication();
        let (position, time) = (publication.position(), publication.time());
        self.change.newest = self.change.newest.max(time);
        self.shrink(&name, commit);
        let receipt = Receipt::new(position, time);
        if let Some(key) = key {
            commit.push(frame(Kind::Key, id, position.offset(), time), |body| {
                KeyRecord { epoch: position.epoch(), topic: &name, key: &key }.encode(body);
            });
            self.segments.keep_key(commit.next_location().segment, time);
            self.keys.remember(&name, &key, receipt);
            self.change.keys.push((name.clone(), key));
        }
        Ok(Published { topic: name, receipt, entry: Some(entry) })
    }

    /// A held publication has another place now, after its old segment.
    pub(in crate::file) fn moved(&mut self, name: &str, slot: IndexEntry, from: u32) {
        if let Some(topic) = self.by_name.get_mut(name)
            && topic.held.get(slot.offset).is_some_and(|held| held.location.segment == from)
        {
            topic.held.insert(slot);
            self.segments.free(from);
            self.segments.add(slot.location.segment);
        }
    }

    /// A held publication cannot be read.
    pub(in crate::file) fn lose(&mut self, name: &str, offset: Offset) {
        if let Some(topic) = self.by_name.get_mut(name)
            && let Some(slot) = topic.lose(offset)
        {
            self.held.bytes -= slot.size as usize;
            self.held.publications -= 1;
            self.segments.free(slot.location.segment);
        }
    }

    /// Drops the least recently used topic that no log with subscribers stands on.
    pub(in crate::file) fn drop_idle(&mut self, keep: Option<&str>, commit: &mut Commit) -> bool {
        while let Some(name) = self.idle.next(&self.by_name, keep) {
            if self.drop_unused(&name, commit) {
                return true;
            }
        }
        false
    }

    /// Drops a topic, unless it has subscribers.
    pub(in crate::file) fn drop_unused(&mut self, name: &str, commit: &mut Commit) -> bool {
        let closed = self.by_name.get_mut(name).is_some_and(Topic::close_logs);
        if closed && let Some((name, topic)) = self.by_name.remove_entry(name) {
            self.held.replace(Held::of(&topic), Held::default());
            self.marked = self.marked.max(topic.newest_mark());
            topic.push(Kind::Dropped, commit, |_| {});
            self.change.dropped.push((name, topic));
        }
        closed
    }

    /// Begins a new life of a topic, without history.
    pub(in crate::file) fn restart(&mut self, name: &str, commit: &mut Commit) {
        let Some((name, old)) = self.by_name.remove_entry(name) else { return };
        self.held.replace(Held::of(&old), Held::default());
        old.push(Kind::Dropped, commit, |_| {});
        self.insert(name.clone(), old.restarted(self.next_id));
        self.change.dropped.push((name.clone(), old));
        self.change_topic(&name, |topic, commit| topic.record(&name, commit), commit);
    }

    /// Brings all that is held below the bounds: unused topics go first, then the oldest of the
    /// topic that is growing.
    pub(in crate::file) fn shrink(&mut self, growing: &Arc<str>, commit: &mut Commit) {
        while self.is_over() && self.drop_idle(Some(growing), commit) {}
        if !self.is_over() {
            return;
        }
        let (held, limits) = (self.held, self.limits);
        let evict = |topic: &mut Topic, commit: &mut Commit| {
            let (before, mut now, mut evicted) = (Held::of(topic), held, false);
            while limits.are_exceeded_by(now) && topic.held.evict_oldest().is_some() {
                now = held;
                now.replace(before, Held::of(topic));
                evicted = true;
            }
            if evicted {
                topic.push(Kind::Evicted, commit, |_| {});
            }
        };
        self.change_topic(growing, evict, commit);
    }

    /// Whether more is held than the bounds over all topics allow.
    pub(in crate::file) fn is_over(&self) -> bool {
        self.limits.are_exceeded_by(self.held)
    }

    /// Whether there are more topics than the bound allows.
    pub(in crate::file) fn are_too_many(&self) -> bool {
        self.by_name.len() > self.limits.topics
    }
}

fn dropped() -> Error {
    Error::full("the topic was dropped")
}
