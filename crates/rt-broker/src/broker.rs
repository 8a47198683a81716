//! The broker: topics by name, their logs on this node, publishing and subscribing.

use crate::log::{Log, Reader};
use crate::{
    Claim, Engine, Error, MemoryEngine, Message, NodeId, Position, Receipt, Start, Subscription,
};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Longest name of a topic, in bytes.
const MAX_TOPIC: usize = 1024;
/// Milliseconds between two rounds of housekeeping.
const SWEEP_EVERY: u64 = 1000;
/// Milliseconds that a log without subscribers stays open: a poller comes back within it.
const LOG_IDLE: u64 = 60_000;

/// Publishes to topics and subscribes to them, over one [`Engine`]. A cheap clone.
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
    swept: AtomicU64,
}

struct OpenLog {
    log: Arc<Log>,
    /// When it was last subscribed to or seen with subscribers, in the engine's clock.
    used: u64,
}

/// Sets up a [`Broker`].
pub struct BrokerBuilder {
    engine: Arc<dyn Engine>,
    max_lag: usize,
}

impl Broker {
    /// A broker over a [`MemoryEngine`] with its defaults.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder(MemoryEngine::default()).build()
    }

    /// A broker over an engine.
    pub fn builder(engine: impl Engine) -> BrokerBuilder {
        Self::builder_shared(Arc::new(engine))
    }

    /// A broker over an engine that others use as well.
    pub fn builder_shared(engine: Arc<dyn Engine>) -> BrokerBuilder {
        BrokerBuilder { engine, max_lag: 1 << 20 }
    }

    /// This node's id among those that share the engine.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.inner.node
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.inner.engine
    }

    /// Publishes a message; resolves when the engine has it as safely as it promises.
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) for a topic's name that is empty or longer than 1,024
    /// bytes, [`is_full`](Error::is_full) at the bound on topics,
    /// [`is_unavailable`](Error::is_unavailable) where the engine failed.
    pub async fn publish(&self, topic: &str, message: Message) -> Result<Receipt, Error> {
        check_topic(topic)?;
        self.sweep_if_due();
        let mut receipt = self.inner.engine.publish(topic, message).await?;
        if !receipt.is_duplicate() {
            let log = self.logs().get(topic).map(|open| open.log.clone());
            let reached =
                |log: Arc<Log>| receipt.counted.unwrap_or_else(|| log.reached(receipt.position()));
            receipt.reached = log.map_or(0, reached);
        }
        metrics::counter!("rt_broker_publications_total").increment(1);
        Ok(receipt)
    }

    /// Subscribes without a client's id: nothing that is for one client is given.
    ///
    /// # Errors
    /// As [`subscribe_as`](Self::subscribe_as).
    pub fn subscribe(&self, topic: &str, start: Start) -> Result<Subscription, Error> {
        self.subscribe_as(topic, start, None)
    }

    /// Subscribes as a client: gives also what is for that client only.
    ///
    /// A topic that [deletes after retrieval](crate::Bounds::delete_after_retrieval) has no
    /// subscribers: see [`claim`](Self::claim).
    ///
    /// Does not wait: with a remote engine the topic is opened in the background, on the runtime
    /// that this is called on.
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) for a topic's name that cannot be used,
    /// [`is_full`](Error::is_full) at the bound on topics.
    pub fn subscribe_as(
        &self,
        topic: &str,
        start: Start,
        client: Option<Arc<str>>,
    ) -> Result<Subscription, Error> {
        self.check_subscribable(topic)?;
        self.subscribe_to_any(topic, start, client, self.inner.max_lag)
    }

    /// Subscribes for one look at what is there, which may be all that is held: however much comes
    /// before it looks, no bound but the history's makes a gap for it. For long polls.
    ///
    /// # Errors
    /// As [`subscribe_as`](Self::subscribe_as).
    pub fn subscribe_to_poll(&self, topic: &str, start: Start) -> Result<Subscription, Error> {
        self.check_subscribable(topic)?;
        self.subscribe_to_any(topic, start, None, usize::MAX)
    }

    fn check_subscribable(&self, topic: &str) -> Result<(), Error> {
        check_topic(topic)?;
        match self.deletes_after_retrieval(topic) {
            true => Err(Error::topic("its publications are deleted once a poller has them")),
            false => Ok(()),
        }
    }

    /// Whether a topic's publications are claimed, and not subscribed to.
    #[must_use]
    pub fn deletes_after_retrieval(&self, topic: &str) -> bool {
        self.inner.engine.bounds(topic).deletes_after_retrieval()
    }

    /// Takes at most `limit` publications of about `bytes` together, one at least where there is
    /// one, that follow `start` and that nobody else holds: see [`Claim`]. `confirmed` is the
    /// position of the last publication of the claim before, which is deleted with all of it.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and [`is_invalid`](Error::is_invalid) for a topic that does
    /// not delete after retrieval.
    pub async fn claim(
        &self,
        topic: &str,
        start: Start,
        confirmed: Option<Position>,
        limit: usize,
        bytes: usize,
    ) -> Result<Claim, Error> {
        check_topic(topic)?;
        self.sweep_if_due();
        if let Some(position) = confirmed {
            self.inner.engine.confirm(topic, position).await?;
        }
        self.inner.engine.claim(topic, start, limit, bytes).await
    }

    /// Waits for publications of a topic without taking any: what its deliveries carry is not to
    /// be given to anyone, it is there to be [claimed](Self::claim).
    ///
    /// # Errors
    /// As [`subscribe_as`](Self::subscribe_as).
    pub fn watch(&self, topic: &str) -> Result<Subscription, Error> {
        check_topic(topic)?;
        self.subscribe_to_any(topic, Start::Live, None, usize::MAX)
    }

    fn subscribe_to_any(
        &self,
        topic: &str,
        start: Start,
        client: Option<Arc<str>>,
        max_lag: usize,
    ) -> Result<Subscription, Error> {
        self.sweep_if_due();
        let now = self.inner.engine.now();
        let mut reader = Reader::new(client, max_lag);
        // A log may be closed between its look-up and now; another one is then made.
        for _ in 0..8 {
            let log = self.log(topic, now)?;
            let start = match start {
                // What comes while the log is still opening comes after this subscriber: all that
                // was published before it is stamped at or below the mark.
                Start::Live if log.is_opening() => Start::Time(self.inner.engine.watermark(topic)),
                _ => start.clone(),
            };
            match log.lock().add(reader, &start, now) {
                Ok(key) => {
                    let engine = self.inner.engine.clone();
                    return Ok(Subscription { log: log.clone(), key, engine });
                }
                Err(back) => reader = back,
            }
            let mut logs = self.logs();
            if logs.get(topic).is_some_and(|open| Arc::ptr_eq(&open.log, &log)) {
                logs.remove(topic);
            }
        }
        Err(Error::full("topics are being dropped as fast as they are opened"))
    }

    /// The topics that are known on this node: subscribed to, or held by the engine here.
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<str>> {
        let mut topics = self.inner.engine.topics();
        let logs = self.logs();
        topics
            .extend(logs.values().filter(|open| open.log.is_open()).map(|o| o.log.topic().clone()));
        drop(logs);
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// Whether this topic is known on this node.
    #[must_use]
    pub fn knows(&self, topic: &str) -> bool {
        self.logs().get(topic).is_some_and(|open| open.log.is_open())
            || self.inner.engine.knows(topic)
    }

    /// How many topics have a log on this node.
    #[must_use]
    pub fn open_topics(&self) -> usize {
        self.logs().len()
    }

    /// Wakes every subscriber of this node without giving it anything: for a server whose waiting
    /// requests are to look at something else, as that it is shutting down.
    pub fn wake_all(&self) {
        let logs: Vec<_> = self.logs().values().map(|open| open.log.clone()).collect();
        for log in logs {
            drop(log.wake_all());
        }
    }

    /// Drops what is too old and what nobody uses. Publishing and subscribing do this once a second;
    /// a server that may be idle for long calls it as well.
    pub fn sweep(&self) {
        let now = self.inner.engine.now();
        self.logs().retain(|_, open| {
            if open.log.subscribers() > 0 {
                open.used = now;
            }
            now.saturating_sub(open.used) < LOG_IDLE || !open.log.close_unless_used()
        });
        self.inner.engine.sweep();
    }

    fn sweep_if_due(&self) {
        let now = self.inner.engine.now();
        let swept = self.inner.swept.load(Ordering::Relaxed);
        // A clock that is set back must not end housekeeping.
        let due = now.abs_diff(swept) >= SWEEP_EVERY;
        let mine = || {
            let (set, order) = (now, Ordering::Relaxed);
            self.inner.swept.compare_exchange(swept, set, order, order).is_ok()
        };
        if due && mine() {
            self.sweep();
        }
    }

    fn logs(&self) -> MutexGuard<'_, HashMap<Arc<str>, OpenLog>> {
        self.inner.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topic's log, opened where it is not.
    fn log(&self, topic: &str, now: u64) -> Result<Arc<Log>, Error> {
        let mut logs = self.logs();
        if let Some(open) = logs.get_mut(topic) {
            open.used = now;
            return Ok(open.log.clone());
        }
        let name: Arc<str> = topic.into();
        let mut bounds = self.inner.engine.bounds(topic);
        if bounds.deletes_after_retrieval() {
            // Those who wait read nothing from the log.
            bounds = bounds.count(0);
        }
        let log = Log::new(name.clone(), bounds);
        logs.insert(name, OpenLog { log: log.clone(), used: now });
        drop(logs);
        if let Err(error) = self.open(&log) {
            self.logs().remove(topic);
            drop(log.fail(&error));
            return Err(error);
        }
        Ok(log)
    }

    /// Lets the engine open the log: at once where it can, else in the background.
    fn open(&self, log: &Arc<Log>) -> Result<(), Error> {
        let (engine, opening) = (self.inner.engine.clone(), log.clone());
        let mut tail = Box::pin(async move {
            let tailed = engine.tail(opening.topic(), opening.clone()).await;
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
    /// The most bytes that may wait for a subscriber who had caught up (default 1 MiB); one who
    /// falls further behind is given a gap.
    #[must_use]
    pub fn max_lag(mut self, bytes: usize) -> Self {
        self.max_lag = bytes;
        self
    }

    /// The broker.
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

fn check_topic(topic: &str) -> Result<(), Error> {
    if topic.is_empty() {
        return Err(Error::topic("it is empty"));
    }
    if topic.len() > MAX_TOPIC {
        return Err(Error::topic("it is longer than 1,024 bytes"));
    }
    Ok(())
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
