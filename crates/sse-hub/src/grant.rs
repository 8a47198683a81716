//! The terms of one stream: its zone, its client and its limits.

use crate::{ClientId, InvalidName, SlowClient, Zone};
use std::net::IpAddr;
use std::time::Duration;

/// A client's zone and id, and the terms of its stream.
///
/// ```
/// use sse_hub::Grant;
/// use std::time::Duration;
/// let grant = Grant::new("orders").id("user-7").expires_in(Duration::from_secs(3_600));
/// ```
///
/// A name that cannot be used is refused with 400 when the stream is [accepted](crate::Hub::accept).
#[derive(Clone, Debug)]
pub struct Grant {
    pub(crate) zone: Result<Zone, InvalidName>,
    pub(crate) id: Result<ClientId, InvalidName>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) last_event_id: Option<String>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) slow: Option<SlowClient>,
    pub(crate) max_lag: Option<usize>,
    pub(crate) heartbeat_event: Option<bool>,
}

impl Grant {
    /// A client of this zone, `default` if it is empty, with a [random id](ClientId::random).
    pub fn new<Z>(zone: Z) -> Self
    where
        Z: TryInto<Zone>,
        InvalidName: From<Z::Error>,
    {
        Self {
            zone: zone.try_into().map_err(InvalidName::from),
            id: Ok(ClientId::random()),
            expires_in: None,
            last_event_id: None,
            address: None,
            slow: None,
            max_lag: None,
            heartbeat_event: None,
        }
    }

    /// Sets the client's id.
    #[must_use]
    pub fn id<I>(mut self, id: I) -> Self
    where
        I: TryInto<ClientId>,
        InvalidName: From<I::Error>,
    {
        self.id = id.try_into().map_err(InvalidName::from);
        self
    }

    /// Ends the stream after this time, as when a token expires.
    #[must_use]
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }

    /// Resumes after this event, in place of what the request says. An empty id starts with the newest
    /// event.
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

    /// Sets the choice for this client if it reads too slowly, in place of the hub's.
    #[must_use]
    pub fn slow_client(mut self, slow: SlowClient) -> Self {
        self.slow = Some(slow);
        self
    }

    /// Whether the heartbeat of this stream is an event `heartbeat` and not a comment, in place of
    /// the hub's choice.
    ///
    /// A page cannot see comments, so with comments alone it does not notice a peer that is gone.
    /// The event's data is `{"interval": MILLISECONDS}`: a page that has seen no event of any type
    /// for 2.5 intervals can give up the stream and open another. The first one comes with the
    /// stream's beginning. It has no id and moves no position.
    #[must_use]
    pub fn heartbeat_event(mut self, on: bool) -> Self {
        self.heartbeat_event = Some(on);
        self
    }

    /// The most bytes that may wait for this client, in place of the broker's bound.
    #[must_use]
    pub fn max_lag(mut self, bytes: usize) -> Self {
        self.max_lag = Some(bytes);
        self
    }
}
