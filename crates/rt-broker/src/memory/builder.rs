//! The memory engine's options.

use super::MemoryEngine;
use crate::Bounds;
use crate::local::{Control, unix_millis};
use std::fmt;
use std::sync::Mutex;

/// Sets up a [`MemoryEngine`].
pub struct MemoryEngineBuilder {
    engine: MemoryEngine,
}

impl MemoryEngineBuilder {
    pub(super) fn new() -> Self {
        let engine = MemoryEngine {
            topics: Mutex::default(),
            presence: Mutex::default(),
            control: Control::default(),
            clock: Box::new(unix_millis),
            bounds: Box::new(|_| Bounds::new()),
            max_topics: 100_000,
            max_bytes: 256 << 20,
            shared: false,
        };
        Self { engine }
    }

    /// How much of each topic is held.
    #[must_use]
    pub fn bounds(self, bounds: Bounds) -> Self {
        self.bounds_of(move |_| bounds)
    }

    /// How much of a topic is held, by its name.
    #[must_use]
    pub fn bounds_of(mut self, bounds: impl Fn(&str) -> Bounds + Send + Sync + 'static) -> Self {
        self.engine.bounds = Box::new(bounds);
        self
    }

    /// The most topics. At the cap the least recently used one without subscribers goes; where
    /// there is none, publishing to a new topic is an error.
    #[must_use]
    pub fn max_topics(mut self, topics: usize) -> Self {
        self.engine.max_topics = topics.max(1);
        self
    }

    /// The most bytes of history over all topics; beyond it the least recently used topics without
    /// subscribers go, then the oldest publications of the topic that is growing.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.engine.max_bytes = bytes;
        self
    }

    /// Says that several brokers use the engine, as several nodes would (default: one).
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.engine.shared = true;
        self
    }

    /// Takes the time from `clock`, in milliseconds since the Unix epoch, instead of the system.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.engine.clock = Box::new(clock);
        self
    }

    /// The engine.
    #[must_use]
    pub fn build(self) -> MemoryEngine {
        self.engine
    }
}

impl fmt::Debug for MemoryEngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEngineBuilder").finish_non_exhaustive()
    }
}
