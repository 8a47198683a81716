//! The topics of the memory engine.

use super::topic::{PublishOutcome, Topic};
use crate::bounds::Bounds;
use crate::boxed_future::BoxFuture;
use crate::claim::{Claim, ClaimRequest};
use crate::engine::history::{History, Page, Receipt};
use crate::error::Error;
use crate::local::keys::Keys;
use crate::local::{BoundsOf, Clock};
use crate::log::Log;
use crate::message::Message;
use crate::node::NodeId;
use crate::position::Position;
use crate::retention::IdleTopics;
use crate::start::Start;
use crate::timestamp::Timestamp;
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The history of all topics in memory.
pub(super) struct MemoryHistory {
    pub(super) topics: Mutex<Topics>,
    pub(super) clock: Clock,
    pub(super) bounds_of: BoundsOf,
    pub(super) max_topics: usize,
    pub(super) max_bytes: usize,
}

#[derive(Default)]
pub(super) struct Topics {
    by_name: HashMap<Arc<str>, Topic>,
    /// The bytes of all history together.
    bytes: usize,
    /// The newest stamp or watermark of the topics that were dropped. Their pollers may resume from
    /// it, so a topic that is created later stamps nothing at or before it.
    watermark: Timestamp,
    /// The number of uses so far, to find the least recently used topic.
    tick: u64,
    keys: Keys,
    idle: IdleTopics,
}

impl MemoryHistory {
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Drops publications that are too old, and topics that are empty and unused.
    pub(super) fn sweep(&self) {
        let now = self.now();
        let mut topics = self.lock();
        topics.keys.forget(now);
        let (mut bytes, mut watermark) = (0, topics.watermark);
        topics.by_name.retain(|_, topic| {
            let unused = topic.expire(now);
            if unused {
                watermark = watermark.max(topic.newest_stamp());
            } else {
                bytes += topic.bytes();
            }
            !unused
        });
        topics.bytes = bytes;
        topics.watermark = watermark;
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish_now(
        &self,
        name: &str,
        mut message: Message,
        from: NodeId,
    ) -> Result<Receipt, Error> {
        let now = self.now();
        let key = message.key.take();
        let mut topics = self.lock();
        if let Some(first) = key.as_ref().and_then(|key| topics.keys.find(name, key, now)) {
            return Ok(first);
        }
        let PublishOutcome { receipt, wakers } =
            self.with(&mut topics, name, |topic| topic.publish(message, from, now))?;
        if topics.bytes > self.max_bytes {
            topics.shrink(self.max_bytes, name);
        }
        if let Some(key) = &key {
            topics.keys.remember(name, key, receipt);
        }
        drop(topics);
        drop(wakers);
        Ok(receipt)
    }

    /// Calls `act` with a topic, which is created if there is none.
    fn with<T>(
        &self,
        topics: &mut Topics,
        name: &str,
        act: impl FnOnce(&mut Topic) -> T,
    ) -> Result<T, Error> {
        topics.tick += 1;
        let tick = topics.tick;
        if !topics.by_name.contains_key(name) {
            while topics.by_name.len() >= self.max_topics {
                if !topics.drop_idle(None) {
                    return Err(Error::full("as many as are allowed have subscribers"));
                }
            }
            let topic = Topic::new((self.bounds_of)(name), topics.watermark);
            topics.by_name.insert(name.into(), topic);
        }
        let used = topics.counted(name, |topic| {
            topic.note_use(tick);
            act(topic)
        });
        used.ok_or_else(|| Error::full("it was dropped"))
    }
}

impl Topics {
    /// Calls `act` with a topic, if there is one, and updates the total of bytes.
    fn counted<T>(&mut self, name: &str, act: impl FnOnce(&mut Topic) -> T) -> Option<T> {
        let topic = self.by_name.get_mut(name)?;
        let before = topic.bytes();
        let done = act(topic);
        self.bytes = self.bytes + topic.bytes() - before;
        Some(done)
    }

    /// Drops the least recently used topic without subscribers, and returns whether there was one.
    fn drop_idle(&mut self, keep: Option<&str>) -> bool {
        while let Some(name) = self.idle.next(&self.by_name, keep) {
            let Some(topic) = self.by_name.get(&name) else { continue };
            if topic.close_logs() {
                self.bytes -= topic.bytes();
                self.watermark = self.watermark.max(topic.newest_stamp());
                self.by_name.remove(&name);
                return true;
            }
        }
        false
    }

    /// Reduces all history to `max` bytes: drops unused topics first, then the oldest publications of
    /// the topic that is growing.
    fn shrink(&mut self, max: usize, growing: &str) {
        while self.bytes > max && self.drop_idle(Some(growing)) {}
        while self.bytes > max && self.counted(growing, Topic::evict_oldest) == Some(true) {}
    }
}

impl History for MemoryHistory {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
        from: NodeId,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(ready(self.publish_now(topic, message, from)))
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        let now = self.now();
        let page = self.lock().counted(topic, |topic| topic.read(&start, limit, now));
        // A read does not create a topic.
        let empty = || Topic::new(self.bounds(topic), Timestamp::ZERO).read(&start, limit, now);
        Box::pin(ready(Ok(page.unwrap_or_else(empty))))
    }

    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        let now = self.now();
        let mut topics = self.lock();
        let woken = self.with(&mut topics, topic, |topic| topic.attach(&log, now));
        drop(topics);
        Box::pin(ready(woken.map(drop)))
    }

    fn claim<'a>(
        &'a self,
        topic: &'a str,
        request: ClaimRequest,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        let now = self.now();
        let claim = self.with(&mut self.lock(), topic, |topic| topic.claim(&request, now));
        Box::pin(ready(claim.flatten()))
    }

    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.lock().counted(topic, |topic| topic.confirm(position));
        Box::pin(ready(Ok(())))
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let mut topics = self.lock();
        let woken = topics.counted(topic, Topic::restart);
        drop(topics);
        drop(woken);
        Box::pin(ready(Ok(())))
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn watermark(&self, topic: &str) -> Timestamp {
        let now = self.now();
        let mut topics = self.lock();
        match topics.by_name.get_mut(topic) {
            Some(topic) => topic.watermark(now),
            None => {
                topics.watermark = topics.watermark.max(now);
                topics.watermark
            }
        }
    }

    fn bounds(&self, topic: &str) -> Bounds {
        (self.bounds_of)(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.lock().by_name.keys().cloned().collect()
    }

    fn knows(&self, topic: &str) -> bool {
        self.lock().by_name.contains_key(topic)
    }
}
