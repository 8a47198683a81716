//! What the engine's callers and its writer share.

use super::Sync;
use super::queue::{Job, Queue};
use super::topics::Topics;
use crate::local::{BoundsOf, Clock, Control, Presence};
use crate::{Error, Receipt};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, oneshot};

/// How far ahead of the clock may be stamped before the store has to be told. After an end without
/// closing the engine's clock starts this much ahead at most.
pub(super) const AHEAD: u64 = 2_000;
/// The queue's room, in units of [`UNIT`] bytes.
pub(super) const ROOM: u32 = 1 << 16;
/// Bytes to a unit of room: 64 MiB may wait, or 65,536 publications.
const UNIT: usize = 1 << 10;

pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) room: Semaphore,
    pub(super) topics: Mutex<Topics>,
    pub(super) presence: Mutex<Presence>,
    pub(super) control: Control,
    pub(super) bounds: BoundsOf,
    pub(super) sync: Sync,
    clock: Clock,
    /// The engine's clock is never behind this: the last life may have given out marks up to it.
    floor: u64,
    /// What the given clock showed at the opening.
    opened: u64,
    /// The store knows that stamps and marks go up to here.
    reserved: AtomicU64,
    reserving: AtomicBool,
    pub(super) sweeping: AtomicBool,
    /// Why it cannot store, if so.
    pub(super) down: Mutex<Option<String>>,
    #[cfg(test)]
    pub(super) faults: super::faults::Faults,
}

impl Shared {
    pub(super) fn new(
        topics: Topics,
        (bounds, sync, clock): (BoundsOf, Sync, Clock),
        floor: u64,
    ) -> Self {
        let opened = clock();
        Self {
            queue: Queue::default(),
            room: Semaphore::new(ROOM as usize),
            topics: Mutex::new(topics),
            presence: Mutex::default(),
            control: Control::default(),
            bounds,
            sync,
            clock,
            floor,
            opened,
            reserved: AtomicU64::new(floor),
            reserving: AtomicBool::new(false),
            sweeping: AtomicBool::new(false),
            down: Mutex::default(),
            #[cfg(test)]
            faults: super::faults::Faults::default(),
        }
    }

    /// The engine's clock. Where the given one was set back below the floor, it goes on from there
    /// at half the speed until that has caught up: leases and ages do not stand still.
    pub(super) fn now(&self) -> u64 {
        let clock = (self.clock)();
        clock.max(self.floor.saturating_add(clock.saturating_sub(self.opened) / 2))
    }

    pub(super) fn topics(&self) -> MutexGuard<'_, Topics> {
        // No code of a user's but `bounds_of` runs under it; a panic there leaves it whole.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_down(&self, why: Option<String>) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    pub(super) fn why_down(&self) -> Option<String> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is to be reserved with a change that is stamped so: about once a second.
    pub(super) fn to_reserve(&self, stamp: u64) -> Option<u64> {
        let short = stamp.saturating_add(AHEAD / 2) > self.reserved.load(Ordering::Relaxed);
        short.then(|| stamp.saturating_add(AHEAD))
    }

    pub(super) fn reserved(&self, time: u64) {
        self.reserved.fetch_max(time, Ordering::Relaxed);
    }

    pub(super) fn may_reserve_again(&self) {
        self.reserving.store(false, Ordering::Relaxed);
    }

    /// The time that a mark may be given for now. Has more reserved where that runs out; a mark
    /// that stays behind the clock until then is only smaller than it could be.
    pub(super) fn markable(&self) -> u64 {
        let (now, reserved) = (self.now(), self.reserved.load(Ordering::Relaxed));
        let short = now.saturating_add(AHEAD / 2) > reserved;
        if short && !self.reserving.swap(true, Ordering::Relaxed) {
            // A closed queue needs no time any more.
            let _ = self.queue.push(Job::Reserve);
        }
        now.min(reserved)
    }

    /// Has the writer do a job, and waits for its answer.
    pub(super) async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Job,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.queue.push(job(reply)).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    pub(super) async fn publish(
        &self,
        job: impl FnOnce(u32, oneshot::Sender<Result<Receipt, Error>>) -> Job,
        size: usize,
    ) -> Result<Receipt, Error> {
        let room = u32::try_from(size / UNIT + 1).unwrap_or(ROOM).min(ROOM);
        let permit = self.room.acquire_many(room).await.map_err(|_| closed())?;
        // The writer gives it back.
        permit.forget();
        self.ask(|reply| job(room, reply)).await
    }
}

pub(super) fn closed() -> Error {
    Error::unavailable("its store was closed", "open it again to go on")
}
