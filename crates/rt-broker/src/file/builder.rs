//! The file engine's options.

use super::engine::FileEngine;
use super::state::Limits;
use super::store::JournalOptions;
#[cfg(feature = "simulation")]
use super::store::Preparation;
use super::store::{Disk, RealDisk};
use super::writer::Opening;
use crate::bounds::Bounds;
use crate::durability::Durability;
use crate::error::Error;
use crate::local::{BoundsOf, Clock};
use crate::timestamp::Timestamp;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sets up a [`FileEngine`].
pub struct FileEngineBuilder {
    path: PathBuf,
    durability: Durability,
    bounds: BoundsOf,
    limits: Limits,
    time: Clock,
    disk: Arc<dyn Disk>,
    journal: JournalOptions,
}

impl FileEngine {
    /// An engine over the store in a folder, which is made if there is none.
    #[must_use]
    pub fn builder(path: impl AsRef<Path>) -> FileEngineBuilder {
        FileEngineBuilder::new(path.as_ref().to_owned())
    }
}

impl FileEngineBuilder {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            durability: Durability::default(),
            bounds: Box::new(|_| Bounds::new()),
            limits: Limits { topics: 100_000, bytes: 4 << 30, publications: 8_000_000 },
            time: Arc::new(Timestamp::now),
            disk: Arc::new(RealDisk),
            journal: JournalOptions::default(),
        }
    }

    /// Sets what a publication survives once its publish resolves (default:
    /// [`Always`](Durability::Always)).
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets how much of each topic is held.
    #[must_use]
    pub fn bounds(self, bounds: Bounds) -> Self {
        self.bounds_of(move |_| bounds)
    }

    /// Sets how much of a topic is held, by its name. The function is called on the engine's own
    /// thread and must not call the engine.
    #[must_use]
    pub fn bounds_of(mut self, bounds: impl Fn(&str) -> Bounds + Send + Sync + 'static) -> Self {
        self.bounds = Box::new(bounds);
        self
    }

    /// Sets the most topics (default 100,000). At the cap the least recently used one without
    /// subscribers goes; if there is none, publishing to a new topic is an error.
    #[must_use]
    pub fn max_topics(mut self, topics: usize) -> Self {
        self.limits.topics = topics.max(1);
        self
    }

    /// Sets the most bytes of history over all topics (default 4 GiB). Beyond it the least recently
    /// used topics without subscribers go, then the oldest publications of the topic that is growing.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Sets the most publications held over all topics (default 8,000,000), which bounds the memory
    /// that the engine takes: 32 bytes each. Beyond it the same go as beyond
    /// [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn max_publications(mut self, publications: usize) -> Self {
        self.limits.publications = publications.max(1);
        self
    }

    /// Takes the time from `clock` instead of the system.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.time = Arc::new(clock);
        self
    }

    /// Opens the store, which is made if there is none, and starts the thread that writes it.
    ///
    /// Blocks while the journal is read: about a second for a million publications. What recovery
    /// finds is logged: writes that a crash cut off, damage, and what was lost by it.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written; when it holds something else, or a store
    /// of another format; when another engine, in this process or another one, has it open. Nothing
    /// that is there is changed then.
    pub fn open(self) -> Result<FileEngine, Error> {
        FileEngine::start(self.opening())
    }

    /// Opens a store on a simulated disk, with segments of this size. The engine has no thread: it
    /// works when [`FileEngine::turn`] is called.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_simulated(
        mut self,
        disk: &crate::simulation::SimulatedDisk,
        segment_bytes: u32,
    ) -> Result<FileEngine, Error> {
        self.disk = Arc::new(disk.clone());
        let preparation = if fastrand::bool() { Preparation::AtOnce } else { Preparation::Off };
        self.journal = JournalOptions { segment_bytes, seed: fastrand::u64(..), preparation };
        FileEngine::without_thread(self.opening())
    }

    fn opening(self) -> Opening {
        let Self { path, durability, bounds, limits, time, disk, journal } = self;
        Opening { path, disk, journal, durability, bounds, limits, time }
    }
}

impl fmt::Debug for FileEngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileEngineBuilder")
            .field("path", &self.path)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}
