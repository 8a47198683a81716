//! An engine that has lost publications, for tests of code that uses a broker.

use crate::bounds::Bounds;
use crate::boxed_future::BoxFuture;
use crate::claim::{Claim, ClaimRequest};
use crate::engine::control::Control;
use crate::engine::history::{History, Page, Receipt};
use crate::engine::presence::Presence;
use crate::engine::{Capabilities, Engine, Health};
use crate::entry::Entry;
use crate::error::Error;
use crate::log::Log;
use crate::memory::MemoryEngine;
use crate::message::Message;
use crate::node::NodeId;
use crate::position::{Offset, Position};
use crate::retention::Retained;
use crate::start::Start;
use crate::timestamp::Timestamp;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A [`MemoryEngine`] in which publications can be made unreadable, as damage to a disk does.
///
/// ```
/// use rt_broker::conformance::DamagedEngine;
/// use rt_broker::{Broker, Delivery, GapReason, MemoryEngine, Message, Start};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
/// let engine = Arc::new(DamagedEngine::new(MemoryEngine::default()));
/// let broker = Broker::builder_shared(engine.clone()).build();
/// let offset = broker.publish("news", Message::text("lost")).await?.position().offset();
/// engine.damage("news", offset..=offset);
///
/// let mut subscription = broker.subscribe("news", Start::Earliest)?;
/// let Some(Delivery::Gap(gap)) = subscription.try_next()? else { panic!("no gap") };
/// assert_eq!(gap.reason(), GapReason::Lost);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct DamagedEngine {
    engine: MemoryEngine,
    damages: Mutex<Vec<Damage>>,
    logs: Mutex<Vec<Weak<Log>>>,
}

#[derive(Clone, Debug)]
struct Damage {
    topic: Box<str>,
    offsets: RangeInclusive<Offset>,
}

impl DamagedEngine {
    /// Wraps an engine that is not damaged yet.
    #[must_use]
    pub fn new(engine: MemoryEngine) -> Self {
        Self { engine, damages: Mutex::default(), logs: Mutex::default() }
    }

    /// Makes publications of a topic unreadable, and reports that to the open logs.
    pub fn damage(&self, topic: &str, offsets: RangeInclusive<Offset>) {
        let damage = Damage { topic: topic.into(), offsets: offsets.clone() };
        self.damages.lock().unwrap_or_else(PoisonError::into_inner).push(damage);
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = logs.iter().filter_map(Weak::upgrade);
        for log in open.filter(|log| **log.topic() == *topic) {
            drop(log.lose(offsets.clone()));
        }
    }

    fn lost(&self, topic: &str) -> Vec<RangeInclusive<Offset>> {
        let damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
        let of_topic = damages.iter().filter(|damage| *damage.topic == *topic);
        of_topic.map(|damage| damage.offsets.clone()).collect()
    }

    /// Removes the entries that cannot be read, and returns whether there were any.
    fn leave_out_lost(&self, topic: &str, entries: &mut Vec<Arc<Entry>>) -> bool {
        let (lost, all) = (self.lost(topic), entries.len());
        entries.retain(|entry| !lost.iter().any(|range| range.contains(&entry.offset())));
        entries.len() < all
    }
}

impl Engine for DamagedEngine {
    fn history(&self) -> &dyn History {
        self
    }

    fn presence(&self) -> &dyn Presence {
        self.engine.presence()
    }

    fn control(&self) -> &dyn Control {
        self.engine.control()
    }

    fn capabilities(&self) -> Capabilities {
        self.engine.capabilities()
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        self.engine.health()
    }

    fn sweep(&self) {
        self.engine.sweep();
    }
}

impl History for DamagedEngine {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
        from: NodeId,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        self.engine.history().publish(topic, message, from)
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            let mut page = self.engine.history().read(topic, start, limit).await?;
            page.lost |= self.leave_out_lost(topic, &mut page.entries);
            Ok(page)
        })
    }

    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.engine.history().tail(topic, log.clone()).await?;
            for range in self.lost(topic) {
                drop(log.lose(range));
            }
            let logs = &mut *self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            logs.push(Arc::downgrade(&log));
            Ok(())
        })
    }

    fn claim<'a>(
        &'a self,
        topic: &'a str,
        request: ClaimRequest,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        Box::pin(async move {
            let mut claim = self.engine.history().claim(topic, request).await?;
            claim.lost |= self.leave_out_lost(topic, &mut claim.entries);
            Ok(claim)
        })
    }

    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.history().confirm(topic, position)
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.history().remove(topic)
    }

    fn now(&self) -> Timestamp {
        self.engine.history().now()
    }

    fn watermark(&self, topic: &str) -> Timestamp {
        self.engine.history().watermark(topic)
    }

    fn bounds(&self, topic: &str) -> Bounds {
        self.engine.history().bounds(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.engine.history().topics()
    }
}
