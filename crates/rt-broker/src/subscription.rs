//! A subscriber: a position in a topic's log on this node.

use crate::delivery::{Delivery, Gap};
use crate::engine::Engine;
use crate::error::Error;
use crate::log::Log;
use crate::position::Position;
use crate::timestamp::Timestamp;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A subscriber of a topic: a stream of [`Delivery`] items.
///
/// The stream ends after an error: the engine failed, or it could not open the topic. Dropping the
/// subscription unsubscribes. A subscription keeps its engine alive.
#[must_use = "dropping a subscription unsubscribes"]
pub struct Subscription {
    log: Arc<Log>,
    key: usize,
    engine: Arc<dyn Engine>,
    /// Whether it has returned an error.
    ended: bool,
}

impl Subscription {
    pub(crate) fn new(log: Arc<Log>, key: usize, engine: Arc<dyn Engine>) -> Self {
        Self { log, key, engine, ended: false }
    }

    /// Returns the topic's name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        self.log.topic()
    }

    /// Returns the position to resume from: everything up to it has been delivered or is not for this
    /// subscriber. Returns `None` while the engine is opening the topic, and after an error.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.log.lock().position(self.key).ok().flatten()
    }

    /// Waits until the topic is open, and returns the position that the subscription resumes from.
    ///
    /// A [`MemoryEngine`](crate::MemoryEngine) opens a topic in
    /// [`Broker::subscribe`](crate::Broker::subscribe). Other engines open it in the background.
    ///
    /// # Errors
    /// When the bound on topics is reached ([`is_full`](Error::is_full)), and when the engine failed
    /// ([`is_unavailable`](Error::is_unavailable)).
    pub fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Position, Error>> {
        let mut window = self.log.lock();
        if let Some(opened) = window.position(self.key).transpose() {
            return Poll::Ready(opened);
        }
        let replaced = window.park(self.key, cx.waker());
        drop(window);
        drop(replaced);
        Poll::Pending
    }

    /// Returns the gap that the subscription delivers first, if there is one.
    #[must_use]
    pub fn pending_gap(&self) -> Option<Gap> {
        self.log.lock().pending_gap(self.key)
    }

    /// Returns a handle that cancels this subscription from elsewhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        let serial = self.log.lock().serial(self.key);
        Canceller { log: self.log.clone(), key: self.key, serial }
    }

    /// Waits for the next delivery. Returns `None` after an error. Cancel safe.
    ///
    /// # Errors
    /// When the engine failed or could not open the topic, as [`poll_open`](Self::poll_open) returns
    /// it.
    pub async fn next(&mut self) -> Option<Result<Delivery, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Returns the next delivery if there is one now.
    ///
    /// # Errors
    /// When the engine failed or could not open the topic, as [`poll_open`](Self::poll_open) returns
    /// it.
    pub fn try_next(&mut self) -> Result<Option<Delivery>, Error> {
        self.log.lock().read(self.key)
    }

    /// Waits for deliveries and returns all of them in one step: never an empty list.
    ///
    /// # Errors
    /// When the engine failed or could not open the topic, as [`poll_open`](Self::poll_open) returns
    /// it.
    pub fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<Delivery>, Error>> {
        let mut window = self.log.lock();
        let all = window.read_all(self.key);
        if !matches!(&all, Ok(all) if all.is_empty()) {
            return Poll::Ready(all);
        }
        let replaced = window.park(self.key, cx.waker());
        drop(window);
        drop(replaced);
        Poll::Pending
    }

    /// Returns all deliveries that are there now, which may be none.
    ///
    /// # Errors
    /// When the engine failed or could not open the topic, as [`poll_open`](Self::poll_open) returns
    /// it.
    pub fn try_all(&mut self) -> Result<Vec<Delivery>, Error> {
        self.log.lock().read_all(self.key)
    }

    /// Returns the topic's watermark: no later publication is stamped at or before this time.
    ///
    /// A subscriber that will resume by time takes the watermark first and then
    /// [reads](Self::try_all) once more. It has then received everything up to the watermark.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        self.engine.history().watermark(self.log.topic())
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut window = self.log.lock();
        let next = window.read(self.key).transpose();
        if next.is_some() {
            drop(window);
            self.ended = matches!(next, Some(Err(_)));
            return Poll::Ready(next);
        }
        let replaced = window.park(self.key, cx.waker());
        // Dropping a waker may drop its task, and with it another subscription to this log.
        drop(window);
        drop(replaced);
        Poll::Pending
    }
}

/// Cancels a [`Subscription`] that is held elsewhere, for example by a connection whose peer does not
/// read.
#[derive(Clone)]
pub struct Canceller {
    log: Arc<Log>,
    key: usize,
    serial: u64,
}

impl Canceller {
    /// Cancels the subscription, which then receives nothing and does not count as a subscriber. It
    /// keeps its [position](Subscription::position). Does nothing if the subscription was dropped.
    ///
    /// ```
    /// use rt_broker::{Broker, Message, Start};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
    /// let broker = Broker::in_memory();
    /// let mut subscription = broker.subscribe("news", Start::Live)?;
    /// subscription.canceller().cancel();
    /// let receipt = broker.publish("news", Message::text("hello")).await?;
    /// assert_eq!(receipt.reached(), 0);
    /// assert!(subscription.try_next()?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn cancel(&self) {
        let waker = self.log.lock().cancel(self.key, self.serial);
        // Outside the lock: waking may run a scheduler's code.
        waker.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").field("topic", self.log.topic()).finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let removed = self.log.lock().remove(self.key);
        // Outside the lock: dropping a waker may drop its task.
        drop(removed);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("topic", self.topic()).finish_non_exhaustive()
    }
}
