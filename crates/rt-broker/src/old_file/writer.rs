//! The thread that owns the store.

use super::Sync;
use super::backup::Copies;
use super::folder::Folder;
use super::mend::Broken;
use super::queue::{Job, Publish, Written};
use super::shared::Shared;
use super::store::Store;
use super::topics::{Topics, Traces};
use crate::Error;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Publications that are written as one change at most: so that a flood does not delay the answers
/// to those who came first for long.
const MOST: usize = 1_024;
const MOST_BYTES: usize = 4 << 20;
/// Between two tries to open a store again that failed, while nobody publishes.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    /// First to go: they have the store open.
    pub(super) copies: Copies,
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Folder,
    /// None only while it is opened anew.
    pub(super) store: Option<Store>,
    pub(super) broken: Option<Broken>,
    /// Removed topics whose publications are still to be deleted.
    pub(super) garbage: VecDeque<u64>,
    /// Some idempotency keys may be past their window.
    pub(super) keys_age: bool,
    /// What was written and not synced: bytes, and since when.
    pub(super) unsynced: Option<(usize, Instant)>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        folder: Folder,
        store: Store,
        garbage: VecDeque<u64>,
    ) -> Self {
        let (store, keys_age) = (Some(store), true);
        let copies = Copies::default();
        Self { copies, shared, folder, store, broken: None, garbage, keys_age, unsynced: None }
    }

    /// Does what it is asked for until the queue is closed.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let (mut taken, mut batch, mut bytes) = (VecDeque::new(), VecDeque::new(), 0);
        let mut together = 0;
        loop {
            if together > 1 && self.shared.sync == Sync::Always {
                self.shared.queue.gather(together);
            }
            if !self.shared.queue.take(&mut taken, self.wake_at()) {
                break;
            }
            together = taken.len();
            while let Some(job) = taken.pop_front() {
                if let Job::Publish(publish) = job {
                    bytes += publish.message.size();
                    batch.push_back(publish);
                    if batch.len() >= MOST || bytes >= MOST_BYTES {
                        self.publish(&mut batch, &mut bytes);
                    }
                } else {
                    self.publish(&mut batch, &mut bytes);
                    self.other(job);
                }
            }
            self.publish(&mut batch, &mut bytes);
            self.sync_if_due();
            // Its health is asked for by those who then send nobody: it recovers by itself.
            let _ = self.mended();
            self.delete_garbage();
            self.delete_old_keys();
        }
        self.close()
    }

    fn wake_at(&self) -> Option<Instant> {
        if self.broken.is_some() {
            return Some(Instant::now() + RETRY);
        }
        if self.keys_age || !self.garbage.is_empty() {
            return Some(Instant::now());
        }
        match (self.shared.sync, self.unsynced) {
            (Sync::Group { period, .. }, Some((_, since))) => since.checked_add(period),
            _ => None,
        }
    }

    fn other(&mut self, job: Job) {
        // Who asked may have gone: then nobody is answered.
        match job {
            Job::Publish(_) => {}
            Job::Tail { topic, log, reply } => {
                let tailed = self.tail(&topic, &log);
                let _ = reply.send(tailed);
            }
            Job::Read { topic, start, limit, reply } => {
                let _ = reply.send(self.read(&topic, start, limit));
            }
            Job::Claim { topic, start, limit, bytes, reply } => {
                let _ = reply.send(self.claim(&topic, start, (limit, bytes)));
            }
            Job::Confirm { topic, position, reply } => {
                let _ = reply.send(self.confirm(&topic, position));
            }
            Job::Remove { topic, reply } => {
                let _ = reply.send(self.remove(&topic));
            }
            Job::Import { events, reply } => {
                let _ = reply.send(self.import(events));
            }
            Job::Backup { folder, reply } => self.backup(folder, reply),
            Job::Sweep => {
                self.shared.sweeping.store(false, Ordering::Relaxed);
                // What cannot be written now will be the next time.
                let _ = self.sweep();
            }
            Job::Reserve => {
                let now = self.shared.now();
                // Until it can be written marks stay where they are.
                let _ = self.change(now, |_, _| Ok(()));
                self.shared.may_reserve_again();
            }
            Job::Flush { reply } => {
                let _ = reply.send(self.sync());
            }
        }
    }

    /// Writes what `make` changes, all of it or nothing.
    pub(super) fn change<T>(
        &mut self,
        now: u64,
        make: impl FnOnce(&mut Topics, &Store) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.mended()?;
        let store = self.store()?;
        let mut changes = store.changes();
        let mut topics = self.shared.topics();
        topics.begin();
        let done = match make(&mut topics, store) {
            Ok(done) => done,
            Err(error) => {
                topics.roll_back();
                return Err(error);
            }
        };
        topics.write(&mut changes);
        let reserve = self.shared.to_reserve(topics.newest_stamp().max(now));
        drop(topics);
        if let Some(time) = reserve {
            changes.put_reserved(time);
        }
        #[cfg(test)]
        if self.shared.faults.refuses() {
            changes = store.changes();
        }
        let sync = self.shared.sync == Sync::Always;
        let committed = if changes.is_empty() { Ok(()) } else { store.commit(changes, sync) };
        #[cfg(test)]
        let committed = self.shared.faults.of(committed, store);
        let mut topics = self.shared.topics();
        match committed {
            Ok(()) => {
                self.garbage.extend(topics.commit());
                drop(topics);
                if let Some(time) = reserve {
                    self.shared.reserved(time);
                }
                if !sync {
                    self.unsynced.get_or_insert((0, Instant::now()));
                }
                Ok(done)
            }
            Err(error) => {
                let traces = topics.roll_back();
                drop(topics);
                Err(self.failed(&error, traces, false))
            }
        }
    }

    fn publish(&mut self, batch: &mut VecDeque<Publish>, size: &mut usize) {
        if batch.is_empty() {
            return;
        }
        let size = std::mem::take(size);
        let room = batch.iter().map(|publish| publish.room as usize).sum();
        let shared = self.shared.clone();
        let now = shared.now();
        let mut written = Vec::with_capacity(batch.len());
        let changed = self.change(now, |topics, store| {
            while let Some(Publish { topic, message, reply, .. }) = batch.pop_front() {
                match topics.publish(&topic, message, now, || (shared.bounds)(&topic), store) {
                    Ok((receipt, entry)) => written.push(Written { topic, receipt, entry, reply }),
                    // Its own fault, or that of too many topics.
                    Err(error) if !error.is_unavailable() => drop(reply.send(Err(error))),
                    Err(error) => {
                        let _ = reply.send(Err(error.repeat()));
                        return Err(error);
                    }
                }
            }
            Ok(())
        });
        self.shared.room.add_permits(room);
        if let Err(error) = changed {
            let rest = batch.drain(..).map(|publish| publish.reply);
            let replies = written.into_iter().map(|one| one.reply).chain(rest);
            replies.for_each(|reply| drop(reply.send(Err(error.repeat()))));
            return;
        }
        if let Some((unsynced, _)) = &mut self.unsynced {
            *unsynced += size;
        }
        self.deliver(written);
    }

    /// Gives what is written to the logs, wakes who waits for it, and answers.
    fn deliver(&self, mut written: Vec<Written>) {
        let mut woken = Vec::new();
        let mut topics = self.shared.topics();
        for one in &mut written {
            if let Some(entry) = &one.entry
                && let Some(topic) = topics.by_name.get_mut(&*one.topic)
            {
                one.receipt.counted = topic.append_to_logs(entry, &mut woken);
            }
        }
        drop(topics);
        drop(woken);
        written.into_iter().for_each(|one| drop(one.reply.send(Ok(one.receipt))));
    }

    fn sync_if_due(&mut self) {
        if let (Sync::Group { bytes, period }, Some((waiting, since))) =
            (self.shared.sync, self.unsynced)
            && (waiting >= bytes || since.elapsed() >= period)
        {
            // It says so in its health, and so does the next who publishes.
            let _ = self.sync();
        }
    }

    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.mended()?;
        let store = self.store()?;
        let synced = store.sync();
        #[cfg(test)]
        let synced = self.shared.faults.of(synced, store);
        synced.map_err(|error| self.failed(&error, Traces::default(), true))?;
        self.unsynced = None;
        Ok(())
    }
}
