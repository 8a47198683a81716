//! The file engine's options.

use super::topics::Limits;
use super::{FileEngine, Sync};
use crate::local::{BoundsOf, Clock, unix_millis};
use crate::{Bounds, Error};
use std::fmt;
use std::path::PathBuf;

/// Sets up a [`FileEngine`].
pub struct FileEngineBuilder {
    pub(super) path: PathBuf,
    pub(super) sync: Sync,
    pub(super) bounds: BoundsOf,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
}

impl FileEngineBuilder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            sync: Sync::default(),
            bounds: Box::new(|_| Bounds::new()),
            limits: Limits { topics: 100_000, bytes: 4 << 30 },
            clock: Box::new(unix_millis),
        }
    }

    /// When what is published is on the disk (default: always before it is acknowledged).
    #[must_use]
    pub fn sync(mut self, sync: Sync) -> Self {
        self.sync = sync;
        self
    }

    /// How much of each topic is held.
    #[must_use]
    pub fn bounds(self, bounds: Bounds) -> Self {
        self.bounds_of(move |_| bounds)
    }

    /// How much of a topic is held, by its name. It is called on the engine's own thread, and must
    /// not call the engine.
    #[must_use]
    pub fn bounds_of(
        mut self,
        bounds: impl Fn(&str) -> Bounds + Send + std::marker::Sync + 'static,
    ) -> Self {
        self.bounds = Box::new(bounds);
        self
    }

    /// The most topics (default 100,000). At the cap the least recently used one without
    /// subscribers goes; where there is none, publishing to a new topic is an error.
    #[must_use]
    pub fn max_topics(mut self, topics: usize) -> Self {
        self.limits.topics = topics.max(1);
        self
    }

    /// The most bytes of history over all topics (default 4 GiB); beyond it the least recently used
    /// topics without subscribers go, then the oldest publications of the topic that is growing.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Takes the time from `clock`, in milliseconds since the Unix epoch, instead of the system.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> u64 + Send + std::marker::Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Opens the store, which is made where there is none, and starts the thread that writes it.
    ///
    /// Blocks for the reading: a fraction of a second for a million publications.
    ///
    /// # Errors
    /// Where the folder cannot be made, read or written; where it holds something else, or a store
    /// of a newer format; where another engine, here or in another process, has it open. Nothing
    /// that is there is overwritten.
    pub fn open(self) -> Result<FileEngine, Error> {
        FileEngine::open_with(self)
    }
}

impl fmt::Debug for FileEngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileEngineBuilder")
            .field("path", &self.path)
            .field("sync", &self.sync)
            .finish_non_exhaustive()
    }
}
