//! A subscriber: a position in a topic's log on this node.

use crate::log::{Log, Read};
use crate::{Batch, Engine, Error, Position};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use uuid::Uuid;

/// Where a subscription begins.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Start {
    /// With what comes next.
    Live,
    /// With the oldest publication that is held.
    Earliest,
    /// After this position.
    After(Position),
    /// After the event with this id: a position's text, or a message's own id among what is held.
    Id(Box<str>),
    /// After this time, in milliseconds of the engine's clock.
    Time(u64),
    /// After the publication with this UUID where it is held, else with the first that is stamped
    /// at this time or later: golongpoll's `last_id` with its `since_time`.
    Seen {
        /// The UUID of the last publication that was seen.
        uuid: Uuid,
        /// Its time, in milliseconds of the engine's clock.
        time: u64,
    },
}

/// What a subscriber is given.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Publications, in order.
    Batch(Arc<Batch>),
    /// Something was lost between what was given and what comes.
    Gap(Gap),
}

/// Why a subscriber did not get all there was between two positions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    reason: GapReason,
    from: Option<Box<str>>,
    resume: Position,
}

impl Gap {
    pub(crate) fn new(reason: GapReason, from: Option<String>, resume: Position) -> Self {
        Self { reason, from: from.map(String::into_boxed_str), resume }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> GapReason {
        self.reason
    }

    /// The position (or id, or time) that could not be gone on from.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// What comes next follows this position.
    #[must_use]
    pub fn resume(&self) -> Position {
        self.resume
    }
}

/// Why a position was lost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GapReason {
    /// It belongs to another life of the topic.
    Epoch,
    /// What followed it is no longer held.
    Evicted,
    /// It is no position that this topic knows.
    Unknown,
    /// The subscriber was connected and read too slowly.
    Slow,
}

impl GapReason {
    /// One lower-case word, as it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Evicted => "evicted",
            Self::Unknown => "unknown",
            Self::Slow => "slow",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A subscriber of a topic. Dropping it ends the subscription.
pub struct Subscription {
    pub(crate) log: Arc<Log>,
    pub(crate) key: usize,
    pub(crate) engine: Arc<dyn Engine>,
}

impl Subscription {
    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        self.log.topic()
    }

    /// The position it goes on from: everything up to it has been given, or is not for it. `None`
    /// while a remote engine is still opening the topic.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        let window = self.log.lock();
        Some(Position::new(window.epoch?, window.readers.get(self.key)?.after))
    }

    /// Waits until the topic is open, which a local engine's is at once, and gives the position that
    /// the subscription goes on from.
    ///
    /// # Errors
    /// Where the engine failed.
    pub fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Position, Error>> {
        let mut window = self.log.lock();
        if let Some(error) = window.failure() {
            return Poll::Ready(Err(error));
        }
        match (window.epoch, window.readers.get(self.key)) {
            (Some(epoch), Some(reader)) => Poll::Ready(Ok(Position::new(epoch, reader.after))),
            _ => {
                let old = window.park(self.key, cx.waker());
                drop(window);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// Bounds the bytes that may wait for this subscriber, in place of the broker's bound.
    pub fn set_max_lag(&mut self, bytes: usize) {
        if let Some(reader) = self.log.lock().readers.get_mut(self.key) {
            reader.max_lag = bytes;
        }
    }

    /// The gap that it will be given first, if there is one.
    #[must_use]
    pub fn pending_gap(&self) -> Option<Gap> {
        self.log.lock().readers.get(self.key)?.gap.as_deref().cloned()
    }

    /// A handle that cancels this subscription from elsewhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        let serial = self.log.lock().readers.get(self.key).map_or(0, |reader| reader.serial);
        Canceller { log: self.log.clone(), key: self.key, serial }
    }

    /// What is next, waiting for it where there is nothing.
    ///
    /// # Errors
    /// Where the engine failed; the subscription has ended then.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, Error>> {
        let mut window = self.log.lock();
        match window.read(self.key) {
            Read::Batch(batch) => Poll::Ready(Ok(Delivery::Batch(batch))),
            Read::Gap(gap) => Poll::Ready(Ok(Delivery::Gap(gap))),
            Read::Failed(error) => Poll::Ready(Err(error)),
            Read::Nothing => {
                let old = window.park(self.key, cx.waker());
                // A waker's end may be its task's end, and with it another subscription's.
                drop(window);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// What is next, waiting for it where there is nothing. Safe to cancel.
    ///
    /// # Errors
    /// Where the engine failed; the subscription has ended then.
    pub async fn next(&mut self) -> Result<Delivery, Error> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What is there now, without waiting.
    ///
    /// # Errors
    /// Where the engine failed; the subscription has ended then.
    pub fn try_next(&mut self) -> Result<Option<Delivery>, Error> {
        match self.log.lock().read(self.key) {
            Read::Batch(batch) => Ok(Some(Delivery::Batch(batch))),
            Read::Gap(gap) => Ok(Some(Delivery::Gap(gap))),
            Read::Failed(error) => Err(error),
            Read::Nothing => Ok(None),
        }
    }

    /// All that is there, in one step: what has come since the last look, with any gap before it.
    /// Waits where there is nothing, so it is never empty.
    ///
    /// # Errors
    /// Where the engine failed; the subscription has ended then.
    pub fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<Delivery>, Error>> {
        let mut window = self.log.lock();
        let all = window.read_all(self.key);
        if !matches!(&all, Ok(all) if all.is_empty()) {
            return Poll::Ready(all);
        }
        let old = window.park(self.key, cx.waker());
        drop(window);
        drop(old);
        Poll::Pending
    }

    /// As [`poll_all`](Self::poll_all), without waiting: empty where nothing is there.
    ///
    /// # Errors
    /// Where the engine failed; the subscription has ended then.
    pub fn try_all(&mut self) -> Result<Vec<Delivery>, Error> {
        self.log.lock().read_all(self.key)
    }

    /// A time at or below which nothing will be stamped any more: what a poll that times out is
    /// given. Take it first and [look once more](Self::try_next) then; nothing stamped at or below
    /// it can come after that.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.engine.watermark(self.log.topic())
    }
}

/// Cancels a [`Subscription`] that something else holds, and that may be held for long: by a
/// connection that is not read, for one.
#[derive(Clone)]
pub struct Canceller {
    log: Arc<Log>,
    key: usize,
    serial: u64,
}

impl Canceller {
    /// Cancels the subscription: from now on it counts as no subscriber and is given nothing. It
    /// keeps its [position](Subscription::position). Does nothing when it was dropped.
    ///
    /// ```
    /// use rt_broker::{Broker, Message, Start};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
    /// let broker = Broker::in_memory();
    /// let mut subscription = broker.subscribe("news", Start::Live)?;
    /// subscription.canceller().cancel();
    /// let receipt = broker.publish("news", Message::text("hello")?).await?;
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
        // Outside the lock: a waker's end may be its task's end.
        drop(removed);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("topic", self.topic()).finish_non_exhaustive()
    }
}
