//! What one client is allowed: its zone, its id, how long.

use crate::SlowClient;
use std::net::IpAddr;
use std::time::Duration;

/// The zone of those who name none.
pub(crate) const DEFAULT_ZONE: &str = "default";

/// A client's zone and id, and what holds for its stream.
///
/// ```
/// use sse_hub::Grant;
/// use std::time::Duration;
/// let grant = Grant::new("orders").id("user-7").expires_in(Duration::from_secs(3_600));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Grant {
    pub(crate) zone: String,
    pub(crate) id: Option<String>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) last_event_id: Option<String>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) slow: Option<SlowClient>,
    pub(crate) max_lag: Option<usize>,
}

impl Grant {
    /// A client of this zone, `default` where it is empty, with a [random id](random_id).
    pub fn new(zone: impl Into<String>) -> Self {
        let zone = zone.into();
        let zone = if zone.is_empty() { DEFAULT_ZONE.to_owned() } else { zone };
        Self { zone, ..Self::default() }
    }

    /// Sets the client's id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Ends the stream after this time, as when a token expires.
    #[must_use]
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }

    /// Goes on after this event, in place of what the request says.
    #[must_use]
    pub fn last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = Some(id.into());
        self
    }

    /// The address that counts for the limit on connections an address; without it the
    /// [`std::net::SocketAddr`] in the request's extensions does.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// What happens when this client reads too slowly, in place of the hub's choice.
    #[must_use]
    pub fn slow_client(mut self, slow: SlowClient) -> Self {
        self.slow = Some(slow);
        self
    }

    /// The most bytes that may wait for this client, in place of the broker's bound.
    #[must_use]
    pub fn max_lag(mut self, bytes: usize) -> Self {
        self.max_lag = Some(bytes);
        self
    }
}

/// A client id of 16 random letters and digits.
#[must_use]
pub fn random_id() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(16).collect()
}
