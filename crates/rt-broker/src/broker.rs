//! The broker: topics by name, their logs on this node, publishing and subscribing.

use crate::claim::{Claim, ClaimRequest};
use crate::engine::Engine;
use crate::engine::history::{History, Receipt};
use crate::error::Error;
use crate::log::Log;
use crate::log::reader::Reader;
use crate::memory::MemoryEngine;
use crate::message::Message;
use crate::node::NodeId;
use crate::position::Position;
use crate::start::Start;
use crate::subscribe_options::SubscribeOptions;
use crate::subscription::Subscription;
use crate::timestamp::Timestamp;
use crate::topic_name::check_topic;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Time between two rounds of housekeeping.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Time for which a log without subscribers stays open: pollers return within it.
const LOG_IDLE: Duration = Duration::from_secs(60);

/// Publishes to topics and subscribes to them, over one [`Engine`]. Cheap to clone.
///
/// ```
/// use rt_broker::{Bounds, Broker, MemoryEngine};
/// let engine = MemoryEngine::builder().bounds(Bounds::new().count(10_000)).build();
/// let broker = Broker::builder(engine).max_lag(256 << 10).build();
/// ```
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    node: NodeId,
    max_lag: usize,
    logs: Mutex<HashMap<Arc<str>, OpenLog>>,
    /// The time of the last housekeeping, in milliseconds.
    swept: AtomicU64,
}

struct OpenLog {
    log: Arc<Log>,
    /// The last time that it was subscribed to or had subscribers.
    used: Timestamp,
}

/// Sets up a [`Broker`].
pub struct BrokerBuilder {
    engine: Arc<dyn Engine>,
    max_lag: usize,
}

impl Broker {
    /// Creates a broker over a [`MemoryEngine`] with its defaults.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder(MemoryEngine::default()).build()
    }

    /// Returns a builder of a broker over an engine.
    pub fn builder(engine: impl Engine) -> BrokerBuilder {
        Self::builder_shared(Arc::new(engine))
    }

    /// Returns a builder of a broker over an engine that others use as well: other brokers, or a
    /// program that keeps a handle to the engine, for example to back it up or to close it.
    pub fn builder_shared(engine: Arc<dyn Engine>) -> BrokerBuilder {
        BrokerBuilder { engine, max_lag: 1 << 20 }
    }

    /// Returns this node's id among those that share the engine.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.inner.node
    }

    /// Returns the engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.inner.engine
    }

    fn history(&self) -> &dyn History {
        self.inner.engine.history()
    }

    /// Publishes a message. Resolves when the engine has stored it as durably as it promises.
    ///
    /// Dropping the future does not take the message back: the engine may still publish it. To repeat
    /// such a call safely, set an [idempotency key](Message::with_idempotency_key).
    ///
    /// # Errors
    /// When the topic's name is empty or longer than 1,024 bytes or the message is not
    /// [valid](Message::validate) ([`is_invalid`](Error::is_invalid)), when the bound on topics is
    /// reached ([`is_full`](Error::is_full)), and when the engine failed or is closed
    /// ([`is_unavailable`](Error::is_unavailable)).
    pub async fn publish(&self, topic: &str, message: Message) -> Result<Receipt, Error> {
        check_topic(topic)?;
        message.validate()?;
        self.sweep_if_due();
        let receipt = self.history().publish(topic, message, self.inner.node).await?;
        if !receipt.is_duplicate() {
            metrics::counter!("rt_broker_publications_total").increment(1);
        }
        Ok(self.count_unless_known(receipt, topic))
    }

    /// Counts the topic's subscribers if the receipt does not say how many were reached.
    fn count_unless_known(&self, receipt: Receipt, topic: &str) -> Receipt {
        receipt.or_reached(|| {
            let log = self.logs().get(topic).map(|open| open.log.clone());
            log.map_or(0, |log| log.subscribers())
        })
    }

    /// Subscribes to a topic, from a [`Start`] or with more [options](SubscribeOptions).
    ///
    /// Does not wait. A [`MemoryEngine`] opens the topic at once. Other engines, such as the one
    /// whose history is in a folder, open it in the background, on the Tokio runtime that this is
    /// called on. If that fails, the subscription delivers the error.
    ///
    /// # Errors
    /// When the topic's name is empty or longer than 1,024 bytes, or when the topic [deletes after
    /// retrieval](crate::Bounds::delete_after_retrieval) and so has no subscribers, see
    /// [`claim`](Self::claim) (both [`is_invalid`](Error::is_invalid)); when the bound on topics is
    /// reached ([`is_full`](Error::is_full)); when the engine failed, and when called outside of a
    /// Tokio runtime with an engine that opens topics in the background (both
    /// [`is_unavailable`](Error::is_unavailable)).
    pub fn subscribe(
        &self,
        topic: &str,
        options: impl Into<SubscribeOptions>,
    ) -> Result<Subscription, Error> {
        check_topic(topic)?;
        let options = options.into();
        if !options.watch && self.deletes_after_retrieval(topic) {
            return Err(Error::topic("its publications are deleted once a poller has them"));
        }
        self.sweep_if_due();
        let now = self.history().now();
        let max_lag = options.max_lag.unwrap_or(self.inner.max_lag);
        let mut reader = Reader::new(options.client, max_lag);
        // The engine may close the log after its look-up. It is then replaced by another one.
        for _ in 0..8 {
            let log = self.log(topic, now)?;
            let start = match options.start {
                // Everything published before this call is stamped at or before the watermark, so
                // a subscriber to a log that is still opening begins there.
                Start::Live if log.is_opening() => Start::Time(self.history().watermark(topic)),
                _ => options.start.clone(),
            };
            let added = log.lock().add(reader, &start, now);
            match added {
                Ok(key) => return Ok(Subscription::new(log, key, self.inner.engine.clone())),
                Err(back) => reader = back,
            }
            self.forget(&log);
        }
        Err(Error::full("topics are being dropped as fast as they are opened"))
    }

    /// Returns whether the publications of a topic are claimed, and not subscribed to.
    #[must_use]
    pub fn deletes_after_retrieval(&self, topic: &str) -> bool {
        self.history().bounds(topic).deletes_after_retrieval()
    }

    /// Leases publications of a topic that
    /// [deletes after retrieval](crate::Bounds::delete_after_retrieval) to the caller: see [`Claim`].
    ///
    /// ```
    /// use rt_broker::{Bounds, Broker, ClaimRequest, MemoryEngine, Message, Start};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
    /// let bounds = Bounds::new().delete_after_retrieval(Duration::from_secs(30));
    /// let broker = Broker::builder(MemoryEngine::builder().bounds(bounds).build()).build();
    /// broker.publish("jobs", Message::text("one")).await?;
    ///
    /// let claim = broker.claim("jobs", ClaimRequest::new(Start::Earliest).limit(10)).await?;
    /// for entry in &claim.entries {
    ///     println!("{:?}", entry.publication().data());
    /// }
    /// if let Some(last) = claim.entries.last() {
    ///     broker.confirm("jobs", last.publication().position()).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the topic's name is empty or longer than 1,024 bytes or the topic does not delete after
    /// retrieval ([`is_invalid`](Error::is_invalid)), when the bound on topics is reached
    /// ([`is_full`](Error::is_full)), and when the engine failed or is closed
    /// ([`is_unavailable`](Error::is_unavailable)).
    pub async fn claim(&self, topic: &str, request: ClaimRequest) -> Result<Claim, Error> {
        check_topic(topic)?;
        self.sweep_if_due();
        self.history().claim(topic, request).await
    }

    /// Deletes the publications of the claim whose last publication has this position.
    ///
    /// # Errors
    /// When the topic's name is empty or longer than 1,024 bytes
    /// ([`is_invalid`](Error::is_invalid)), and when the engine failed or is closed
    /// ([`is_unavailable`](Error::is_unavailable)).
    pub async fn confirm(&self, topic: &str, position: Position) -> Result<(), Error> {
        check_topic(topic)?;
        self.history().confirm(topic, position).await
    }

    /// Returns the topics that are known on this node: subscribed to, or held by the engine here.
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<str>> {
        let mut topics = self.history().topics();
        let logs = self.logs();
        let open = logs.values().filter(|open| open.log.is_open());
        topics.extend(open.map(|open| open.log.topic().clone()));
        drop(logs);
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// Returns whether a topic is known on this node.
    #[must_use]
    pub fn knows(&self, topic: &str) -> bool {
        self.logs().get(topic).is_some_and(|open| open.log.is_open()) || self.history().knows(topic)
    }

    /// Returns how many topics have a log on this node.
    #[must_use]
    pub fn open_topics(&self) -> usize {
        self.logs().len()
    }

    /// Wakes every subscriber of this node without a delivery. A server uses it to make its waiting
    /// requests look at something else, for example at a flag that announces a shutdown.
    pub fn wake_all(&self) {
        let logs: Vec<_> = self.logs().values().map(|open| open.log.clone()).collect();
        for log in logs {
            drop(log.wake_all());
        }
    }

    /// Drops publications that are too old and topics that nobody uses. Publishing and subscribing do
    /// this at most once a second. A server that may be idle for long should call it as well.
    pub fn sweep(&self) {
        let now = self.history().now();
        self.logs().retain(|_, open| {
            if open.log.subscribers() > 0 {
                open.used = now;
            }
            now < open.used.after(LOG_IDLE) || !open.log.close_unless_used()
        });
        self.inner.engine.sweep();
    }

    fn sweep_if_due(&self) {
        let now = self.history().now();
        let swept = self.inner.swept.load(Ordering::Relaxed);
        // A clock that was set back must not end housekeeping.
        let due = now.as_millis().abs_diff(swept) >= SWEEP_EVERY.as_millis() as u64;
        let is_mine = || {
            let (set, order) = (now.as_millis(), Ordering::Relaxed);
            self.inner.swept.compare_exchange(swept, set, order, order).is_ok()
        };
        if due && is_mine() {
            self.sweep();
        }
    }

    fn logs(&self) -> MutexGuard<'_, HashMap<Arc<str>, OpenLog>> {
        self.inner.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the topic's log, and opens it if it is not open.
    fn log(&self, topic: &str, now: Timestamp) -> Result<Arc<Log>, Error> {
        let mut logs = self.logs();
        if let Some(open) = logs.get_mut(topic) {
            open.used = now;
            return Ok(open.log.clone());
        }
        let name: Arc<str> = topic.into();
        let mut bounds = self.history().bounds(topic);
        if bounds.deletes_after_retrieval() {
            // Subscribers of this log only wait: they claim from the engine.
            bounds = bounds.count(0);
        }
        let log = Log::new(name.clone(), self.inner.node, bounds);
        logs.insert(name, OpenLog { log: log.clone(), used: now });
        drop(logs);
        if let Err(error) = self.open(&log) {
            self.forget(&log);
            drop(log.fail(&error));
            return Err(error);
        }
        Ok(log)
    }

    /// Removes a log that is no longer used, unless another thread has put a new one in its place.
    fn forget(&self, log: &Arc<Log>) {
        let mut logs = self.logs();
        if logs.get(log.topic()).is_some_and(|open| Arc::ptr_eq(&open.log, log)) {
            logs.remove(log.topic());
        }
    }

    /// Makes the engine open the log: at once if it can, and in the background if not.
    fn open(&self, log: &Arc<Log>) -> Result<(), Error> {
        let (engine, opening) = (self.inner.engine.clone(), log.clone());
        let mut tail = Box::pin(async move {
            let tailed = engine.history().tail(opening.topic(), opening.clone()).await;
            tailed.inspect_err(|error| drop(opening.fail(error)))
        });
        match tail.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(opened) => opened,
            Poll::Pending => {
                let runtime = tokio::runtime::Handle::try_current().map_err(|error| {
                    Error::unavailable("no runtime to open the topic on", error)
                })?;
                runtime.spawn(tail);
                Ok(())
            }
        }
    }
}

impl BrokerBuilder {
    /// Sets the most bytes that may wait for a subscriber that had caught up (default 1 MiB). A
    /// subscriber that falls further behind receives a gap.
    #[must_use]
    pub fn max_lag(mut self, bytes: usize) -> Self {
        self.max_lag = bytes;
        self
    }

    /// Creates the broker.
    #[must_use]
    pub fn build(self) -> Broker {
        let inner = Inner {
            engine: self.engine,
            node: NodeId::random(),
            max_lag: self.max_lag,
            logs: Mutex::default(),
            swept: AtomicU64::new(0),
        };
        Broker { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("node", &self.inner.node).finish_non_exhaustive()
    }
}

impl fmt::Debug for BrokerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
