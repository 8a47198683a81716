//! Who is connected, until when.

use crate::{NodeId, PresenceEntry};
use std::collections::HashMap;

type Key = (Box<str>, NodeId);

/// Presence entries by topic; each ends at its time unless it is set again.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    topics: HashMap<Box<str>, HashMap<Key, (PresenceEntry, u64)>>,
}

impl Presence {
    pub(crate) fn set(&mut self, topic: &str, entry: PresenceEntry, until: u64) {
        let key = (entry.client.clone(), entry.node);
        if let Some(clients) = self.topics.get_mut(topic) {
            clients.insert(key, (entry, until));
        } else {
            self.topics.insert(topic.into(), HashMap::from([(key, (entry, until))]));
        }
    }

    pub(crate) fn remove(&mut self, topic: &str, node: NodeId, client: &str) {
        let Some(clients) = self.topics.get_mut(topic) else { return };
        clients.remove(&(client.into(), node));
        if clients.is_empty() {
            self.topics.remove(topic);
        }
    }

    pub(crate) fn list(&self, topic: &str, now: u64) -> Vec<PresenceEntry> {
        let clients = self.topics.get(topic).into_iter().flat_map(HashMap::values);
        clients.filter(|(_, until)| *until > now).map(|(entry, _)| entry.clone()).collect()
    }

    pub(crate) fn expire(&mut self, now: u64) {
        self.topics.retain(|_, clients| {
            clients.retain(|_, (_, until)| *until > now);
            !clients.is_empty()
        });
    }
}
