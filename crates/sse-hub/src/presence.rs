//! Who is in a zone, on this node and on the others.

use crate::Client;
use crate::hub::Inner;
use rt_broker::PresenceEntry;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long a presence entry lives in a shared engine, and how often it is refreshed: a node that
/// dies is forgotten within a minute, and one refresh may be missed.
const TTL: Duration = Duration::from_secs(60);
const REFRESH: Duration = Duration::from_secs(20);

/// A client that is present in a zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Present {
    /// Its id.
    pub id: String,
    /// When its oldest connection began, in milliseconds since the Unix epoch.
    pub connected_since: u64,
    /// How many connections it has, on all nodes together.
    pub connections: usize,
}

/// Tells a shared engine who came and who left.
///
/// One task does all of it, and looks at who is there when it gets to a client: so a client that
/// comes and goes quickly never leaves its entry behind.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    changes: OnceLock<UnboundedSender<Arc<Client>>>,
}

impl Updates {
    /// Starts the task, once, where the engine has other nodes to tell.
    pub(crate) fn start(&self, hub: &Arc<Inner>) {
        if hub.options.broker.engine().capabilities().shared {
            self.changes.get_or_init(|| {
                let (sender, receiver) = unbounded_channel();
                tokio::spawn(run(Arc::downgrade(hub), receiver));
                sender
            });
        }
    }

    pub(crate) fn changed(&self, client: &Arc<Client>) {
        if let Some(changes) = self.changes.get() {
            let _ = changes.send(client.clone());
        }
    }
}

async fn run(hub: Weak<Inner>, mut changes: UnboundedReceiver<Arc<Client>>) {
    let mut refresh = tokio::time::interval(REFRESH);
    refresh.tick().await;
    loop {
        tokio::select! {
            change = changes.recv() => {
                let (Some(client), Some(hub)) = (change, hub.upgrade()) else { return };
                report(&hub, client.zone().as_str(), client.id().as_str()).await;
            }
            _ = refresh.tick() => {
                let Some(hub) = hub.upgrade() else { return };
                for zone in hub.clients.zones() {
                    for (client, _) in hub.clients.in_zone(zone.as_str()) {
                        report(&hub, client.zone().as_str(), client.id().as_str()).await;
                    }
                }
            }
        }
    }
}

async fn report(hub: &Inner, zone: &str, id: &str) {
    let (broker, same) = (&hub.options.broker, hub.clients.of(zone, id));
    let reported = match same.iter().map(|client| client.connected_since()).min() {
        Some(since) => {
            let mut entry = PresenceEntry::new(id, broker.node(), since);
            entry.connections = u32::try_from(same.len()).unwrap_or(u32::MAX);
            broker.engine().presence().set(zone, entry, TTL).await
        }
        None => broker.engine().presence().remove(zone, broker.node(), id).await,
    };
    if let Err(error) = reported {
        tracing::warn!(%error, zone, client = id, "presence could not be told");
    }
}

/// Everyone in a zone: this node's own from memory, the other nodes' from the engine.
pub(crate) async fn list(hub: &Inner, zone: &str) -> Result<Vec<Present>, rt_broker::Error> {
    let own = hub.clients.in_zone(zone);
    let own = own.into_iter().map(|(client, connections)| Present {
        id: client.id().to_string(),
        connected_since: client.connected_since().as_millis(),
        connections,
    });
    let mut present: HashMap<String, Present> =
        own.map(|present| (present.id.clone(), present)).collect();
    let broker = &hub.options.broker;
    if broker.engine().capabilities().shared {
        let others = broker.engine().presence().list(zone).await?;
        for other in others.into_iter().filter(|entry| entry.node != broker.node()) {
            let entry = present.entry(other.client.to_string()).or_insert_with(|| Present {
                id: other.client.to_string(),
                connected_since: other.since.as_millis(),
                connections: 0,
            });
            entry.connections += other.connections as usize;
            entry.connected_since = entry.connected_since.min(other.since.as_millis());
        }
    }
    let mut present: Vec<_> = present.into_values().collect();
    present.sort_unstable_by(|a, b| (a.connected_since, &a.id).cmp(&(b.connected_since, &b.id)));
    Ok(present)
}
