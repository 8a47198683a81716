//! The thread that owns the journal.
//!
//! It takes all commands that wait. Publications that stand next to each other are stamped, ordered
//! and written as one commit, which is synced as the durability asks; only then are they given to
//! the logs and their publishers answered. While it syncs, the next ones gather: publishers at the
//! same time share a sync. Everything else is done by the same thread in the same order, so no
//! command sees a half of another.

use super::background::BackgroundJobs;
use super::cleaner::Cleaner;
use super::queue::Command;
use super::shared::Shared;
use crate::durability::Durability;
use crate::error::Error;
use crate::file::state::Topics;
use crate::file::store::Disk;
use crate::file::store::record::Kind;
use crate::file::store::{Commit, Journal};
use crate::file::store::{CommitDurability, Folder};
use crate::file::store::{ErrorKind, StoreError};
use crate::timestamp::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The most publications and bytes in one commit, so that a flood does not delay the receipts of
/// those who came first for long.
const MAX_PUBLICATIONS: usize = 1_024;
const MAX_BYTES: usize = 4 << 20;
/// Time between two tries to write again after a failure, while nobody publishes.
const RETRY: Duration = Duration::from_secs(1);
/// The least time between two tries.
const PAUSE: Duration = Duration::from_millis(250);

pub(in crate::file) struct Writer {
    /// Dropped first: backups read the journal's files.
    pub(super) background: BackgroundJobs,
    pub(super) shared: Arc<Shared>,
    pub(super) journal: Journal,
    pub(super) folder: Folder,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) failure: Option<Failure>,
    /// The commits that were written and not synced.
    pub(super) unsynced: Option<UnsyncedBytes>,
    /// Acknowledged publications may be gone, and topics have not begun new epochs yet.
    pub(super) epochs_end: bool,
    pub(super) cleaner: Cleaner,
    /// The least time between two tries to write after a failure.
    pub(super) pause: Duration,
}

/// The last write or sync that failed.
pub(super) struct Failure {
    why: String,
    tried: Instant,
}

#[derive(Clone, Copy)]
pub(super) struct UnsyncedBytes {
    bytes: usize,
    since: Instant,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        folder: Folder,
        disk: Arc<dyn Disk>,
    ) -> Self {
        Self {
            background: BackgroundJobs::on_threads(),
            shared,
            journal,
            folder,
            disk,
            failure: None,
            unsynced: None,
            epochs_end: false,
            cleaner: Cleaner::default(),
            pause: PAUSE,
        }
    }

    /// Executes commands until the queue is closed, then closes the store.
    pub(in crate::file) fn run(mut self) -> Result<(), Error> {
        let mut commands = VecDeque::new();
        let mut together = 0;
        loop {
            if together > 1 && self.shared.durability == Durability::Always {
                self.shared.queue.gather(together);
            }
            if !self.shared.queue.take(&mut commands, self.wake_at()) {
                return self.close();
            }
            together = commands.len();
            self.turn(&mut commands);
        }
    }

    /// Executes the commands that were taken from the queue, and then what is due.
    fn turn(&mut self, commands: &mut VecDeque<Command>) {
        let (mut batch, mut bytes) = (Vec::with_capacity(commands.len()), 0);
        let room = commands.iter().map(Command::room).sum();
        for command in commands.drain(..).filter(|command| !command.is_abandoned()) {
            if let Command::Publish(waiting) = command {
                bytes += waiting.publish.message.size();
                batch.push(waiting);
                if batch.len() >= MAX_PUBLICATIONS || bytes >= MAX_BYTES {
                    self.publish(&mut batch, std::mem::take(&mut bytes));
                }
            } else {
                self.publish(&mut batch, std::mem::take(&mut bytes));
                self.execute(command);
            }
        }
        self.publish(&mut batch, bytes);
        self.shared.room.add_permits(room);
        self.sync_if_due();
        // Retried even when idle: a load balancer that sees an unhealthy node sends it nothing.
        if self.failure.is_some() {
            let _ = self.reserve();
        }
        self.clean();
    }

    /// Does what waits in the queue on the caller's thread: simulations have no other one.
    #[cfg(feature = "simulation")]
    pub(in crate::file) fn turn_now(&mut self) {
        // Time does not pass by itself, and nothing is done meanwhile.
        (self.pause, self.background) = (Duration::ZERO, BackgroundJobs::in_place());
        let mut commands = VecDeque::new();
        self.shared.queue.take(&mut commands, Some(Instant::now()));
        self.turn(&mut commands);
    }

    /// Returns when there is something to do even if no command comes.
    fn wake_at(&self) -> Option<Instant> {
        if let Some(failure) = &self.failure {
            return failure.tried.checked_add(RETRY);
        }
        if self.cleaner.is_busy() {
            return Some(Instant::now());
        }
        match (self.shared.durability, self.unsynced) {
            (Durability::Group { period, .. }, Some(unsynced)) => {
                unsynced.since.checked_add(period)
            }
            _ => None,
        }
    }

    fn execute(&mut self, command: Command) {
        // A caller that no longer waits gets no reply.
        match command {
            // `turn` publishes these in batches.
            Command::Publish(_) => {}
            Command::Import { publications, reply, .. } => {
                let _ = reply.send(self.import(publications));
            }
            Command::Tail { topic, log, reply } => {
                let _ = reply.send(self.tail(&topic, &log));
            }
            Command::Read { topic, start, limit, reply } => {
                let _ = reply.send(self.read(&topic, &start, limit));
            }
            Command::Claim { topic, request, reply } => {
                if let Err(Ok(claim)) = reply.send(self.claim(&topic, &request)) {
                    self.release(&topic, &claim);
                }
            }
            Command::Confirm { topic, position, reply } => {
                let _ = reply.send(self.confirm(&topic, position));
            }
            Command::Remove { topic, reply } => {
                let _ = reply.send(self.remove(&topic));
            }
            Command::Backup { folder, reply } => self.backup(folder, reply),
            Command::Flush { reply } => {
                let _ = reply.send(self.sync());
            }
            Command::Sweep => {
                self.shared.sweeping.store(false, Ordering::Relaxed);
                // What cannot be written now will be the next time.
                let _ = self.sweep();
                self.cleaner.look();
            }
            Command::Reserve => {
                // Until it can be written marks stay where they are.
                let _ = self.reserve();
                self.shared.clock.may_reserve_again();
            }
        }
    }

    /// Writes what `make` changes, all of it or nothing.
    pub(super) fn change<T>(
        &mut self,
        now: Timestamp,
        make: impl FnOnce(&mut Topics, &mut Commit) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.ready()?;
        self.write(now, make)
    }

    pub(super) fn write<T>(
        &mut self,
        now: Timestamp,
        make: impl FnOnce(&mut Topics, &mut Commit) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut commit = self.journal.begin();
        let shared = self.shared.clone();
        let mut topics = shared.topics();
        topics.begin();
        let made = match make(&mut topics, &mut commit) {
            Ok(made) => made,
            Err(error) => {
                topics.roll_back();
                return Err(error);
            }
        };
        let reserve = shared.clock.to_reserve(topics.newest_stamp().max(now));
        drop(topics);
        if let Some(time) = reserve {
            push_reserved(time, &mut commit);
        }
        if commit.is_empty() {
            shared.topics().commit();
            return Ok(made);
        }
        // Stamps and marks must not be given out twice, whatever a power cut takes: a reservation is
        // always on the disk before it is used. It is due about once a second.
        // After a failure only a sync shows whether the disk works again.
        let durability = if reserve.is_some() || self.failure.is_some() {
            CommitDurability::Sync
        } else {
            shared.commit_durability()
        };
        let (bytes, segment) = (commit.len(), commit.next_location().segment);
        match self.journal.commit(commit, durability) {
            Ok(()) => {
                shared.topics().commit();
                self.cleaner.note_write(segment, bytes);
                if let Some(time) = reserve {
                    shared.clock.set_reserved(time);
                }
                if durability == CommitDurability::Sync {
                    self.unsynced = None;
                } else {
                    let now = Instant::now;
                    let unsynced = self
                        .unsynced
                        .get_or_insert_with(|| UnsyncedBytes { bytes: 0, since: now() });
                    unsynced.bytes += bytes;
                }
                self.note_recovered();
                Ok(made)
            }
            Err(error) => {
                shared.topics().roll_back();
                Err(self.failed(error))
            }
        }
    }

    /// Reserves time for stamps and marks, if it is due.
    pub(super) fn reserve(&mut self) -> Result<(), Error> {
        let now = self.shared.clock.now();
        let probe = self.failure.is_some().then(|| self.shared.clock.next_reservation());
        self.change(now, |_, commit| {
            // After a failure something has to be written to see whether it works again.
            probe.into_iter().for_each(|time| push_reserved(time, commit));
            Ok(())
        })
    }

    /// Whether it may be tried to write: not more often than four times a second after a failure.
    fn ready(&mut self) -> Result<(), Error> {
        if let Some(failure) = &mut self.failure {
            if failure.tried.elapsed() < self.pause {
                return Err(cannot_be_written(failure.why.clone()));
            }
            failure.tried = Instant::now();
        }
        if self.epochs_end {
            self.end_epochs()?;
            self.epochs_end = false;
        }
        Ok(())
    }

    /// Notes that a commit or a sync failed, and returns the error for those who wanted it.
    pub(super) fn failed(&mut self, error: StoreError) -> Error {
        let why = error.to_string();
        if self.failure.is_none() {
            tracing::error!(error = %why, "the store cannot be written; publishing fails until it can");
        }
        self.shared.set_down(Some(format!("its store cannot be written: {why}")));
        self.failure = Some(Failure { why: why.clone(), tried: Instant::now() });
        if error.kind() == ErrorKind::Lost {
            self.unsynced = None;
            self.epochs_end = true;
        }
        cannot_be_written(why)
    }

    fn note_recovered(&mut self) {
        if self.failure.take().is_some() {
            self.shared.set_down(None);
            tracing::info!("the store can be written again");
        }
    }

    fn sync_if_due(&mut self) {
        if let (Durability::Group { bytes, period }, Some(unsynced)) =
            (self.shared.durability, self.unsynced)
            && (unsynced.bytes >= bytes || unsynced.since.elapsed() >= period)
        {
            // The health says so, and so does the next publish.
            let _ = self.sync();
        }
    }

    /// Syncs everything that was written.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.ready()?;
        self.journal.sync().map_err(|error| self.failed(error))?;
        self.unsynced = None;
        Ok(())
    }

    /// Ends the store's life: everything is on the disk, and the next life begins at its time.
    pub(in crate::file) fn close(mut self) -> Result<(), Error> {
        self.background.end();
        // Earlier lives may have given out later marks than this one.
        let newest = self.shared.topics().newest_mark().max(self.shared.clock.floor());
        self.write(newest, |_, commit| {
            push_reserved(newest, commit);
            Ok(())
        })?;
        self.sync()?;
        self.journal.close().map_err(|error| cannot_be_written(error.to_string()))?;
        self.folder.end().map_err(|error| cannot_be_written(error.to_string()))
    }
}

pub(super) fn push_reserved(time: Timestamp, commit: &mut Commit) {
    let offset = crate::position::Offset::ZERO;
    commit.push(crate::file::state::frame(Kind::Reserved, 0, offset, time), |_| {});
}

fn cannot_be_written(why: String) -> Error {
    Error::unavailable("its store cannot be written", why)
}
