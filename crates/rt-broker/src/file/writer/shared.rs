//! State shared by the engine's callers and its writer.

use super::clock::EngineClock;
use super::queue::{Command, Queue, Reply};
use crate::durability::Durability;
use crate::engine::Health;
use crate::error::Error;
use crate::file::state::Topics;
use crate::file::store::CommitDurability;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, oneshot};

/// The queue's room, in units of [`UNIT`] bytes.
const ROOM: u32 = 1 << 16;
/// Bytes to a unit of room: 64 MiB may wait, or 65,536 publications.
const UNIT: usize = 1 << 10;

pub(in crate::file) struct Shared {
    pub(in crate::file) queue: Queue,
    pub(in crate::file) room: Semaphore,
    pub(in crate::file) topics: Mutex<Topics>,
    pub(in crate::file) clock: EngineClock,
    pub(in crate::file) durability: Durability,
    /// A sweep waits in the queue.
    pub(in crate::file) sweeping: AtomicBool,
    health_state: Mutex<HealthState>,
}

/// The state that health checks report.
#[derive(Default)]
struct HealthState {
    /// Why nothing can be stored.
    down: Option<String>,
    /// Why the engine is degraded.
    degraded: Option<String>,
}

impl Shared {
    pub(in crate::file) fn new(topics: Topics, clock: EngineClock, durability: Durability) -> Self {
        Self {
            queue: Queue::default(),
            room: Semaphore::new(ROOM as usize),
            topics: Mutex::new(topics),
            clock,
            durability,
            sweeping: AtomicBool::new(false),
            health_state: Mutex::default(),
        }
    }

    pub(in crate::file) fn topics(&self) -> MutexGuard<'_, Topics> {
        // No code of a user's but `bounds_of` runs under it; a panic there leaves it whole.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How durable a commit is by the durability that the user chose.
    pub(in crate::file) fn commit_durability(&self) -> CommitDurability {
        match self.durability {
            Durability::Always => CommitDurability::Sync,
            Durability::Group { .. } | Durability::None => CommitDurability::Write,
        }
    }

    pub(in crate::file) fn set_down(&self, why: Option<String>) {
        self.health_state().down = why;
    }

    pub(in crate::file) fn set_degraded(&self, why: String) {
        self.health_state().degraded = Some(why);
    }

    pub(in crate::file) fn health(&self) -> Health {
        let health_state = self.health_state();
        match (&health_state.down, &health_state.degraded) {
            (Some(why), _) => Health::Down(why.clone()),
            (None, Some(why)) => Health::Degraded(why.clone()),
            (None, None) => Health::Ok,
        }
    }

    fn health_state(&self) -> MutexGuard<'_, HealthState> {
        self.health_state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the writer do something, and waits for the result.
    pub(in crate::file) async fn request<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Error> {
        self.take_room(0).await?;
        self.request_with_room(command).await
    }

    /// Has the writer do something for which room was taken, and waits for the result.
    pub(in crate::file) async fn request_with_room<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Error> {
        let (reply, result) = oneshot::channel();
        self.queue.push(command(reply)).map_err(|_| closed())?;
        result.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Waits for room in the queue for this many bytes. The writer gives it back.
    pub(in crate::file) async fn take_room(&self, bytes: usize) -> Result<u32, Error> {
        let room = u32::try_from(bytes / UNIT + 1).unwrap_or(ROOM).min(ROOM);
        self.room.acquire_many(room).await.map_err(|_| closed())?.forget();
        Ok(room)
    }
}

pub(in crate::file) fn closed() -> Error {
    Error::unavailable("the engine was closed", "open its store again with `FileEngine::builder`")
}
