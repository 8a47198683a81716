//! The engine whose history is in memory.

mod history;
mod topic;

use crate::bounds::Bounds;
use crate::boxed_future::BoxFuture;
use crate::engine::control::Control;
use crate::engine::history::History;
use crate::engine::presence::Presence;
use crate::engine::{Capabilities, Engine, Health};
use crate::local::control::LocalControl;
use crate::local::presence::LocalPresence;
use crate::local::{BoundsOf, Clock};
use crate::timestamp::Timestamp;
use history::MemoryHistory;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex};

/// Keeps everything in memory: the fastest engine. Its history ends with the process.
///
/// Several [`Broker`](crate::Broker)s over one engine behave as several nodes do, so that code for
/// several nodes can be tested without a network.
pub struct MemoryEngine {
    history: MemoryHistory,
    presence: LocalPresence,
    control: LocalControl,
    shared: bool,
}

/// Sets up a [`MemoryEngine`].
pub struct MemoryEngineBuilder {
    clock: Clock,
    bounds_of: BoundsOf,
    max_topics: usize,
    max_bytes: usize,
    shared: bool,
}

impl MemoryEngine {
    /// Returns a builder with the defaults: 250 publications and 1 MiB per topic, 100,000 topics,
    /// 256 MiB in all.
    #[must_use]
    pub fn builder() -> MemoryEngineBuilder {
        MemoryEngineBuilder::new()
    }

    /// Returns the size of all history that is held now, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.history.bytes()
    }
}

impl Engine for MemoryEngine {
    fn history(&self) -> &dyn History {
        &self.history
    }

    fn presence(&self) -> &dyn Presence {
        &self.presence
    }

    fn control(&self) -> &dyn Control {
        &self.control
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { shared: self.shared, ..Capabilities::local() }
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        Box::pin(ready(Health::Ok))
    }

    fn sweep(&self) {
        self.presence.sweep();
        self.history.sweep();
    }
}

impl MemoryEngineBuilder {
    fn new() -> Self {
        Self {
            clock: Arc::new(Timestamp::now),
            bounds_of: Box::new(|_| Bounds::new()),
            max_topics: 100_000,
            max_bytes: 256 << 20,
            shared: false,
        }
    }

    /// Sets the bounds of every topic.
    #[must_use]
    pub fn bounds(self, bounds: Bounds) -> Self {
        self.bounds_of(move |_| bounds)
    }

    /// Sets the bounds of each topic by its name. The function runs under a lock: it must not call
    /// the broker or the engine.
    #[must_use]
    pub fn bounds_of(self, bounds: impl Fn(&str) -> Bounds + Send + Sync + 'static) -> Self {
        Self { bounds_of: Box::new(bounds), ..self }
    }

    /// Sets the maximum number of topics (default 100,000). At the maximum the least recently used
    /// topic without subscribers is dropped; if there is none, publishing to a new topic is an error.
    #[must_use]
    pub fn max_topics(self, topics: usize) -> Self {
        Self { max_topics: topics.max(1), ..self }
    }

    /// Sets the maximum size of the history of all topics, in bytes (default 256 MiB). Beyond it the
    /// least recently used topics without subscribers are dropped, then the oldest publications of
    /// the topic that is growing.
    #[must_use]
    pub fn max_bytes(self, bytes: usize) -> Self {
        Self { max_bytes: bytes, ..self }
    }

    /// Declares that several brokers use the engine, as several nodes would (default: one).
    #[must_use]
    pub fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    /// Takes the time from `clock` instead of the system.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Creates the engine.
    #[must_use]
    pub fn build(self) -> MemoryEngine {
        MemoryEngine {
            presence: LocalPresence::new(self.clock.clone()),
            control: LocalControl::default(),
            shared: self.shared,
            history: MemoryHistory {
                topics: Mutex::default(),
                clock: self.clock,
                bounds_of: self.bounds_of,
                max_topics: self.max_topics,
                max_bytes: self.max_bytes,
            },
        }
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for MemoryEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEngine").finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryEngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEngineBuilder").finish_non_exhaustive()
    }
}
