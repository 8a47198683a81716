//! The hub itself: what it holds, and the calls that are not sending or registering.

use crate::builder::HubBuilder;
use crate::clients::Clients;
use crate::presence::Updates;
use crate::{Client, ClientId, CloseReason, HubService, Present, Zone};
use metrics::{Counter, Gauge, counter, gauge};
use rt_broker::Broker;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
    pub fn zones(&self) -> Vec<Zone> {
        self.inner.clients.zones()
    }

    /// Who is in a zone, on any node, oldest first.
    ///
    /// # Errors
    /// Where the engine cannot tell.
    pub async fn presence(&self, zone: &Zone) -> Result<Vec<Present>, rt_broker::Error> {
        crate::presence::list(&self.inner, zone.as_str()).await
    }

    /// Closes the streams of one client on this node for good and returns how many there were.
    ///
    /// The client is sent an event `close` with `{"reason": …}`. When it then comes back as a
    /// browser does, with that event's id in `Last-Event-ID`, it is answered 204, which ends its
    /// tries. A page that is opened afresh does not send that header and is let in; whoever else
    /// presents the id resumes where the closed client was. Refuse a client that must stay away in
    /// your [authorisation](crate::HubService::authorize).
    ///
    /// From now on the client does not count: not in [`presence`](Self::presence), not as reached
    /// and not against a limit, even if its connection takes long to end.
    pub fn close(&self, zone: &Zone, id: &ClientId, reason: impl Into<String>) -> usize {
        let reason = CloseReason::Closed(reason.into());
        self.inner.end_all(self.inner.clients.of(zone.as_str(), id.as_str()), &reason)
    }

    /// Ends the streams of one client on this node, has it come back, and returns how many there
    /// were.
    ///
    /// It is asked to come back after `retry`, in whole milliseconds and with up to half more, and
    /// resumes where it was. Like a [closed](Self::close) client it does not count from now on.
    pub fn disconnect(&self, zone: &Zone, id: &ClientId, retry: Duration) -> usize {
        let reason = CloseReason::Reconnect { retry };
        self.inner.end_all(self.inner.clients.of(zone.as_str(), id.as_str()), &reason)
    }

    /// [Disconnects](Self::disconnect) every client of a zone on this node and returns how many
    /// streams there were: before a node is taken down, for one.
    pub fn disconnect_zone(&self, zone: &Zone, retry: Duration) -> usize {
        let reason = CloseReason::Reconnect { retry };
        self.inner.end_all(self.inner.clients.all_in_zone(zone.as_str()), &reason)
    }

    /// Ends every stream, and takes no more: call it before a server is drained, which would wait
    /// for its open streams for ever. Each client is told to come back within a few seconds.
    pub fn shutdown(&self) {
        self.inner.end_all(self.inner.clients.shut_down(), &CloseReason::Shutdown);
    }
}

impl Inner {
    pub(crate) fn connected(&self, client: &Client) {
        tracing::debug!(
            zone = client.zone().as_str(),
            client = client.id().as_str(),
            "client connected"
        );
        if let Some(callback) = &self.options.connected {
            callback(client);
        }
        // It may have been closed before the callback returned.
        if client.note_connected() {
            self.disconnected(client, client.closed().unwrap_or(&CloseReason::Gone));
        }
    }

    /// Ends the streams of these clients and returns how many had not ended before.
    pub(crate) fn end_all(&self, clients: Vec<Arc<Client>>, reason: &CloseReason) -> usize {
        clients.iter().filter(|client| self.end(client, reason)).count()
    }

    /// Ends a client's stream, if it has not ended: from here on the client does not count, however
    /// long its connection takes to end.
    pub(crate) fn end(&self, client: &Arc<Client>, reason: &CloseReason) -> bool {
        if !self.clients.remove(client) {
            return false;
        }
        client.end(reason.clone());
        self.presence.changed(client);
        self.counters.connections.decrement(1);
        if client.note_left() {
            self.disconnected(client, reason);
        }
        true
    }

    fn disconnected(&self, client: &Client, reason: &CloseReason) {
        tracing::debug!(
            zone = client.zone().as_str(),
            client = client.id().as_str(),
            ?reason,
            "client disconnected"
        );
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
