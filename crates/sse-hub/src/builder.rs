//! A hub's options.

use crate::close_id::CloseKey;
use crate::{Client, CloseReason, Hub};
use rt_broker::Broker;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Called with a client whose stream begins.
pub(crate) type Connected = Arc<dyn Fn(&Client) + Send + Sync>;

/// Called with a client whose stream has ended, and why.
pub(crate) type Disconnected = Arc<dyn Fn(&Client, &CloseReason) + Send + Sync>;

/// What happens when a second client comes with an id that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum SameId {
    /// Both stay, and both are given what is for that id.
    #[default]
    Share,
    /// The first one is closed.
    Replace,
    /// The second one is refused.
    Refuse,
}

/// What happens to a client that reads so slowly that what waits for it is no longer held, or is
/// more than its bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum SlowClient {
    /// It is told of a gap and goes on with what is held.
    #[default]
    Gap,
    /// Its stream ends; it comes back with its last event id, and to a gap then.
    Disconnect,
}

/// Sets up a [`Hub`].
#[derive(Clone)]
pub struct HubBuilder {
    pub(crate) broker: Broker,
    pub(crate) connect_event: bool,
    pub(crate) retry: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) heartbeat_event: bool,
    pub(crate) same_id: SameId,
    pub(crate) slow_client: SlowClient,
    pub(crate) max_connections: usize,
    pub(crate) max_per_zone: usize,
    pub(crate) max_per_address: usize,
    pub(crate) log_payloads: bool,
    pub(crate) close_key: CloseKey,
    pub(crate) connected: Option<Connected>,
    pub(crate) disconnected: Option<Disconnected>,
}

impl HubBuilder {
    pub(crate) fn new(broker: Broker) -> Self {
        Self {
            broker,
            connect_event: true,
            retry: Duration::from_secs(3),
            heartbeat: Duration::from_secs(15),
            heartbeat_event: false,
            same_id: SameId::default(),
            slow_client: SlowClient::default(),
            max_connections: 100_000,
            max_per_zone: 100_000,
            max_per_address: 1_000,
            log_payloads: false,
            close_key: CloseKey::random(),
            connected: None,
            disconnected: None,
        }
    }

    /// Whether a client is first sent an event `ping` (default: yes). Without it the client is
    /// sent an id alone, so that it has a position before its first event.
    #[must_use]
    pub fn connect_event(mut self, on: bool) -> Self {
        self.connect_event = on;
        self
    }

    /// The reconnection time that the connect event tells (default 3 s).
    #[must_use]
    pub fn retry(mut self, retry: Duration) -> Self {
        self.retry = retry;
        self
    }

    /// How long a stream is silent before it is sent a comment (default 15 s).
    #[must_use]
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = every.max(Duration::from_millis(1));
        self
    }

    /// Whether the heartbeat is an event `heartbeat` and not a comment (default: a comment), unless
    /// a [grant](crate::Grant::heartbeat_event) says otherwise.
    #[must_use]
    pub fn heartbeat_event(mut self, on: bool) -> Self {
        self.heartbeat_event = on;
        self
    }

    /// What happens to a second client with the same id (default: both stay).
    #[must_use]
    pub fn same_id(mut self, same_id: SameId) -> Self {
        self.same_id = same_id;
        self
    }

    /// What happens to a client that reads too slowly (default: it is told of a gap).
    #[must_use]
    pub fn slow_client(mut self, slow: SlowClient) -> Self {
        self.slow_client = slow;
        self
    }

    /// The most connections in all (default 100,000).
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// The most connections in one zone (default 100,000).
    #[must_use]
    pub fn max_connections_per_zone(mut self, connections: usize) -> Self {
        self.max_per_zone = connections;
        self
    }

    /// The most connections from one address (default 1,000); loopback has no limit.
    #[must_use]
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.max_per_address = connections;
        self
    }

    /// Sets the key by which a client that was [closed](Hub::close) is recognised when it comes back
    /// (default: a random one for each hub).
    ///
    /// Give the nodes of a service the same key, and keep it over restarts. Otherwise a closed
    /// client that comes back to another node, or after a restart, is let in there and resumes.
    #[must_use]
    pub fn close_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.close_key = CloseKey::new(key);
        self
    }

    /// Whether the tracing event of a packet shows its data as well (default: no).
    #[must_use]
    pub fn log_payloads(mut self, on: bool) -> Self {
        self.log_payloads = on;
        self
    }

    /// Calls `callback` with each client whose stream begins, on the task that serves it.
    #[must_use]
    pub fn on_connect(mut self, callback: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        self.connected = Some(Arc::new(callback));
        self
    }

    /// Calls `callback` with each client whose stream has ended, and why.
    #[must_use]
    pub fn on_disconnect(
        mut self,
        callback: impl Fn(&Client, &CloseReason) + Send + Sync + 'static,
    ) -> Self {
        self.disconnected = Some(Arc::new(callback));
        self
    }

    /// The hub.
    #[must_use]
    pub fn build(self) -> Hub {
        Hub::from_builder(self)
    }
}

impl fmt::Debug for HubBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubBuilder")
            .field("heartbeat", &self.heartbeat)
            .field("same_id", &self.same_id)
            .field("slow_client", &self.slow_client)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}
