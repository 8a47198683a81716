//! The hub itself: what it holds, and the calls that are not sending or registering.

use crate::builder::HubBuilder;
use crate::clients::Clients;
use crate::presence::Updates;
use crate::{Client, ClientId, CloseReason, HubService, Present, Zone};
use metrics::{Counter, Gauge, counter, gauge};
use rt_broker::Broker;
use std::fmt;
use std::sync::Arc;

/// Zones with clients, over a [`Broker`]. A cheap clone.
#[derive(Clone)]
pub struct Hub {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: HubBuilder,
    pub(crate) clients: Clients,
    pub(crate) presence: Updates,
    pub(crate) counters: Counters,
}

/// Made once: a look-up by name a delivery would cost more than the delivery's own work.
pub(crate) struct Counters {
    pub(crate) connections: Gauge,
    pub(crate) deliveries: Counter,
    pub(crate) packets: Counter,
    pub(crate) gaps: Counter,
    pub(crate) refused: Counter,
}

impl Hub {
    /// A hub with all defaults, over a broker in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder(Broker::in_memory()).build()
    }

    /// A hub over a broker.
    #[must_use]
    pub fn builder(broker: Broker) -> HubBuilder {
        HubBuilder::new(broker)
    }

    pub(crate) fn from_builder(options: HubBuilder) -> Self {
        let counters = Counters {
            connections: gauge!("sse_hub_connections"),
            deliveries: counter!("sse_hub_deliveries_total"),
            packets: counter!("sse_hub_packets_total"),
            gaps: counter!("sse_hub_gaps_total"),
            refused: counter!("sse_hub_refused_total"),
        };
        let presence = Updates::default();
        let clients = Clients::default();
        Self { inner: Arc::new(Inner { options, clients, presence, counters }) }
    }

    /// The broker under it.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.inner.options.broker
    }

    /// This hub as a [`tower_service::Service`], which takes the zone from the query's `zone`.
    #[must_use]
    pub fn service(&self) -> HubService {
        HubService::new(self.clone())
    }

    /// How many streams are open on this node.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inner.clients.count()
    }

    /// The zones that have clients on this node, in any order.
    #[must_use]
    pub fn zones(&self) -> Vec<Arc<str>> {
        self.inner.clients.zones()
    }

    /// Who is in a zone, on any node, oldest first.
    ///
    /// # Errors
    /// Where the engine cannot tell.
    pub async fn presence(&self, zone: &Zone) -> Result<Vec<Present>, rt_broker::Error> {
        crate::presence::list(&self.inner, zone.as_str()).await
    }

    /// Closes the streams of one client on this node and says how many there were.
    ///
    /// The client is sent an event `close` with `{"reason": …}`; when it then comes back as a
    /// browser does, with that event's id, it is answered 204, which ends its tries.
    pub fn close(&self, zone: &Zone, id: &ClientId, reason: impl Into<String>) -> usize {
        let reason = CloseReason::Closed(reason.into());
        let clients = self.inner.clients.of(zone.as_str(), id.as_str());
        clients.iter().filter(|client| client.close(reason.clone())).count()
    }

    /// Ends every stream, and takes no more: call it before a server is drained, which would wait
    /// for its open streams for ever. Each client is told to come back within a few seconds.
    pub fn shutdown(&self) {
        for client in self.inner.clients.shut_down() {
            client.close(CloseReason::Shutdown);
        }
    }
}

impl Inner {
    pub(crate) fn connected(&self, client: &Client) {
        self.counters.connections.increment(1);
        tracing::debug!(zone = client.zone(), client = client.id(), "client connected");
        if let Some(callback) = &self.options.connected {
            callback(client);
        }
    }

    pub(crate) fn disconnected(&self, client: &Arc<Client>, reason: &CloseReason) {
        self.clients.remove(client);
        self.presence.changed(client);
        self.counters.connections.decrement(1);
        tracing::debug!(zone = client.zone(), client = client.id(), ?reason, "client disconnected");
        if let Some(callback) = &self.options.disconnected {
            callback(client, reason);
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("connections", &self.connections()).finish_non_exhaustive()
    }
}
