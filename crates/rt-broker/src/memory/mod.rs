//! The engine in this process's memory.

mod builder;
mod topic;

use crate::engine::{BoxFuture, ControlHandler, Engine, Health, NodeId, Page, PresenceEntry};
use crate::local::{BoundsOf, Clock, Control, Idle, Keys, Presence};
use crate::{Bounds, Claim, Error, Log, Message, Position, Promises, Receipt, Start};
use bytes::Bytes;
use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use topic::Topic;

pub use builder::MemoryEngineBuilder;

/// Keeps everything in memory: the fastest, and gone with the process.
///
/// Several [`Broker`](crate::Broker)s over one engine behave as several nodes do, which is how
/// what spans nodes is tested without a network.
pub struct MemoryEngine {
    topics: Mutex<Topics>,
    presence: Mutex<Presence>,
    control: Control,
    clock: Clock,
    bounds: BoundsOf,
    max_topics: usize,
    max_bytes: usize,
    shared: bool,
}

#[derive(Default)]
struct Topics {
    by_name: HashMap<Arc<str>, Topic>,
    /// Bytes of all history together.
    bytes: usize,
    /// Nothing is stamped at or below this in a topic that is made from now on: the newest stamp or
    /// mark of those that are gone, whose pollers may come back with it.
    marked: u64,
    /// Counts uses, to find what was least recently used.
    tick: u64,
    keys: Keys,
    idle: Idle,
}

impl MemoryEngine {
    /// The defaults: 250 publications and 1 MiB a topic, 100,000 topics, 256 MiB in all.
    #[must_use]
    pub fn builder() -> MemoryEngineBuilder {
        MemoryEngineBuilder::new()
    }

    /// The bytes of all history held now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish_now(&self, name: &str, mut message: Message) -> Result<Receipt, Error> {
        let now = self.now();
        let key = message.key.take();
        let mut topics = self.lock();
        if let Some(first) = key.as_ref().and_then(|key| topics.keys.find(name, key, now)) {
            return Ok(first);
        }
        let topic = self.topic(&mut topics, name)?;
        let before = topic.bytes();
        let (receipt, woken) = topic.publish(message, now);
        let after = topic.bytes();
        topics.bytes = topics.bytes + after - before;
        if topics.bytes > self.max_bytes {
            topics.shrink(self.max_bytes, name);
        }
        if let Some(key) = &key {
            topics.keys.remember(name, key, receipt);
        }
        drop(topics);
        drop(woken);
        Ok(receipt)
    }

    fn topic<'a>(&self, topics: &'a mut Topics, name: &str) -> Result<&'a mut Topic, Error> {
        topics.tick += 1;
        let tick = topics.tick;
        if !topics.by_name.contains_key(name) {
            while topics.by_name.len() >= self.max_topics {
                if !topics.drop_idle(None) {
                    return Err(Error::full("as many as are allowed have subscribers"));
                }
            }
            let topic = Topic::new((self.bounds)(name), topics.marked);
            topics.by_name.insert(name.into(), topic);
        }
        let topic = topics.by_name.get_mut(name).ok_or_else(|| Error::full("it was dropped"))?;
        topic.used = tick;
        Ok(topic)
    }
}

impl Topics {
    /// Does something with a topic, and keeps count of what it holds meanwhile.
    fn counted<T>(&mut self, name: &str, act: impl FnOnce(&mut Topic) -> T) -> Option<T> {
        let topic = self.by_name.get_mut(name)?;
        let before = topic.bytes();
        let done = act(topic);
        self.bytes = self.bytes + topic.bytes() - before;
        Some(done)
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

    fn close_and_remove(&mut self, name: &str) -> bool {
        let Some(topic) = self.by_name.get_mut(name) else { return false };
        if !topic.close_logs() {
            return false;
        }
        self.bytes -= topic.bytes();
        self.marked = self.marked.max(topic.newest_stamp());
        self.by_name.remove(name);
        true
    }

    /// Brings all history together below `max`: unused topics go first, then the oldest of the
    /// topic that is growing.
    fn shrink(&mut self, max: usize, growing: &str) {
        while self.bytes > max && self.drop_idle(Some(growing)) {}
        if let Some(topic) = self.by_name.get_mut(growing) {
            while self.bytes > max
                && let Some(freed) = topic.evict_oldest()
            {
                self.bytes -= freed;
            }
        }
    }
}

impl Engine for MemoryEngine {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(ready(self.publish_now(topic, message)))
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        let now = self.now();
        let mut topics = self.lock();
        let lost = matches!(start, Start::After(_) | Start::Id(_));
        let page = topics.counted(topic, |topic| topic.read(start, limit, now));
        let page = page.unwrap_or_else(|| Page::new(Vec::new(), lost));
        Box::pin(ready(Ok(page)))
    }

    fn claim<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
        bytes: usize,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        let now = self.now();
        let mut topics = self.lock();
        let made = self.topic(&mut topics, topic).map(drop);
        let claim = topics.counted(topic, |topic| topic.claim(start, limit, bytes, now));
        let dropped = || Err(Error::full("it was dropped"));
        Box::pin(ready(made.and_then(|()| claim.unwrap_or_else(dropped))))
    }

    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let mut topics = self.lock();
        topics.counted(topic, |topic| topic.confirm(position));
        Box::pin(ready(Ok(())))
    }

    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        let now = self.now();
        let mut topics = self.lock();
        let made = self.topic(&mut topics, topic).map(drop);
        let woken = topics.counted(topic, |topic| topic.attach(&log, now));
        drop(topics);
        drop(woken);
        Box::pin(ready(made))
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }

    fn watermark(&self, topic: &str) -> u64 {
        let now = self.now();
        let mut topics = self.lock();
        match topics.by_name.get_mut(topic) {
            Some(topic) => topic.watermark(now),
            None => {
                topics.marked = topics.marked.max(now);
                topics.marked
            }
        }
    }

    fn bounds(&self, topic: &str) -> Bounds {
        (self.bounds)(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.lock().by_name.keys().cloned().collect()
    }

    fn knows(&self, topic: &str) -> bool {
        self.lock().by_name.contains_key(topic)
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let mut topics = self.lock();
        let mut woken = Vec::new();
        if let Some(removed) = topics.by_name.get_mut(topic) {
            let freed = removed.bytes();
            woken = removed.restart();
            topics.bytes -= freed;
        }
        drop(topics);
        drop(woken);
        Box::pin(ready(Ok(())))
    }

    fn presence_set<'a>(
        &'a self,
        topic: &'a str,
        entry: PresenceEntry,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let until = self.now().saturating_add(ttl.as_millis() as u64);
        self.presence().set(topic, entry, until);
        Box::pin(ready(Ok(())))
    }

    fn presence_remove<'a>(
        &'a self,
        topic: &'a str,
        node: NodeId,
        client: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.presence().remove(topic, node, client);
        Box::pin(ready(Ok(())))
    }

    fn presence<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<PresenceEntry>, Error>> {
        let present = self.presence().list(topic, self.now());
        Box::pin(ready(Ok(present)))
    }

    fn control_send<'a>(
        &'a self,
        from: NodeId,
        message: Bytes,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.control.send(from, &message);
        Box::pin(ready(Ok(())))
    }

    fn control_receive<'a>(
        &'a self,
        node: NodeId,
        handler: &'a ControlHandler,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.control.receive(node, handler);
        Box::pin(ready(Ok(())))
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        Box::pin(ready(Health::Ok))
    }

    fn promises(&self) -> Promises {
        Promises { shared: self.shared, ..Promises::local() }
    }

    fn sweep(&self) {
        let now = self.now();
        self.presence().expire(now);
        let mut topics = self.lock();
        topics.keys.forget(now);
        let (mut freed, mut marked) = (0, topics.marked);
        topics.by_name.retain(|_, topic| {
            let before = topic.bytes();
            let keep = !topic.expire(now);
            freed += before - if keep { topic.bytes() } else { 0 };
            if !keep {
                marked = marked.max(topic.newest_stamp());
            }
            keep
        });
        topics.bytes -= freed;
        topics.marked = marked;
    }
}

impl MemoryEngine {
    fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for MemoryEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEngine").finish_non_exhaustive()
    }
}
