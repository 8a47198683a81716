//! Presence: the clients that are connected to the brokers of this process.

use super::Clock;
use crate::boxed_future::BoxFuture;
use crate::engine::presence::{Presence, PresenceEntry};
use crate::error::Error;
use crate::node::NodeId;
use crate::timestamp::Timestamp;
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Presence entries in memory.
pub(crate) struct LocalPresence {
    topics: Mutex<HashMap<Box<str>, HashMap<Key, ExpiringEntry>>>,
    clock: Clock,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    client: Box<str>,
    node: NodeId,
}

struct ExpiringEntry {
    entry: PresenceEntry,
    until: Timestamp,
}

impl LocalPresence {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { topics: Mutex::default(), clock }
    }

    /// Drops the entries that have expired.
    pub(crate) fn sweep(&self) {
        let now = (self.clock)();
        self.lock().retain(|_, clients| {
            clients.retain(|_, expiring| expiring.until > now);
            !clients.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, HashMap<Key, ExpiringEntry>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence for LocalPresence {
    fn set<'a>(
        &'a self,
        topic: &'a str,
        entry: PresenceEntry,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let until = (self.clock)().after(ttl);
        let key = Key { client: entry.client.clone(), node: entry.node };
        self.lock().entry(topic.into()).or_default().insert(key, ExpiringEntry { entry, until });
        Box::pin(ready(Ok(())))
    }

    fn remove<'a>(
        &'a self,
        topic: &'a str,
        node: NodeId,
        client: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let mut topics = self.lock();
        if let Some(clients) = topics.get_mut(topic) {
            clients.remove(&Key { client: client.into(), node });
            if clients.is_empty() {
                topics.remove(topic);
            }
        }
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<PresenceEntry>, Error>> {
        let now = (self.clock)();
        let topics = self.lock();
        let clients = topics.get(topic).into_iter().flat_map(HashMap::values);
        let present = clients.filter(|expiring| expiring.until > now);
        Box::pin(ready(Ok(present.map(|expiring| expiring.entry.clone()).collect())))
    }
}
