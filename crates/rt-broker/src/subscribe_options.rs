//! Options of a subscription.

use crate::start::Start;
use std::sync::Arc;

/// The start of a [`Subscription`](crate::Subscription) and the options of its delivery.
///
/// ```
/// use rt_broker::{Broker, Start, SubscribeOptions};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
/// let broker = Broker::in_memory();
/// // A start alone will do.
/// let everything = broker.subscribe("news", Start::Earliest)?;
/// let of_ann = broker.subscribe("news", SubscribeOptions::new(Start::Live).client("ann"))?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SubscribeOptions {
    pub(crate) start: Start,
    pub(crate) client: Option<Arc<str>>,
    pub(crate) max_lag: Option<usize>,
    pub(crate) watch: bool,
}

impl SubscribeOptions {
    /// Begins at `start`, without a client's id and with the broker's bound on lag.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self { start, client: None, max_lag: None, watch: false }
    }

    /// Begins with the next publication, in any topic. In one that
    /// [deletes after retrieval](crate::Bounds::delete_after_retrieval), which cannot be subscribed
    /// to otherwise, a delivery only means that there may be publications to
    /// [claim](crate::Broker::claim): they are not for this subscriber.
    #[must_use]
    pub fn watch() -> Self {
        Self { watch: true, ..Self::new(Start::Live).max_lag(usize::MAX) }
    }

    /// Subscribes as this client, which receives messages that are addressed to it. A subscriber
    /// without a client's id receives no message that is for one client.
    #[must_use]
    pub fn client(self, id: impl Into<Arc<str>>) -> Self {
        Self { client: Some(id.into()), ..self }
    }

    /// Bounds the bytes that may wait for this subscriber once it has caught up, in place of the
    /// [broker's bound](crate::BrokerBuilder::max_lag). A subscriber that falls further behind
    /// receives a gap. With `usize::MAX` only the history's bounds cause a gap, which suits a
    /// subscriber that takes all deliveries in one step.
    #[must_use]
    pub fn max_lag(self, bytes: usize) -> Self {
        Self { max_lag: Some(bytes), ..self }
    }
}

impl From<Start> for SubscribeOptions {
    fn from(start: Start) -> Self {
        Self::new(start)
    }
}
