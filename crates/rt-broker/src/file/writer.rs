//! The thread that owns the store.

use super::folder::Folder;
use super::queue::{Job, Publish, Written};
use super::shared::{Shared, closed};
use super::store::Store;
use super::topics::Topics;
use super::{Sync, search};
use crate::local::WINDOW;
use crate::{Claim, Error, Page, Position, Start};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Publications that are written as one change at most: so that a flood does not delay the answers
/// to those who came first for long.
const MOST: usize = 1_024;
/// Milliseconds that a topic which holds nothing stays without being used: a poller comes back
/// within it.
const IDLE: u64 = 60_000;
/// Topics of which a round of housekeeping looks up the oldest in the store.
const LOOK_UPS: usize = 500;
/// Publications of removed topics that are deleted at a time.
const SWEPT: usize = 1_024;

pub(super) struct Writer {
    shared: Arc<Shared>,
    folder: Folder,
    store: Store,
    /// Removed topics whose publications are still to be deleted.
    garbage: VecDeque<u64>,
    /// What was written and not synced: bytes, and since when.
    unsynced: Option<(usize, Instant)>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        folder: Folder,
        store: Store,
        garbage: VecDeque<u64>,
    ) -> Self {
        Self { shared, folder, store, garbage, unsynced: None }
    }

    /// Does what it is asked for until the queue is closed.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let (mut taken, mut batch) = (VecDeque::new(), Vec::new());
        while self.shared.queue.take(&mut taken, self.wake_at()) {
            while let Some(job) = taken.pop_front() {
                if let Job::Publish(publish) = job {
                    batch.push(publish);
                    if batch.len() == MOST {
                        self.publish(&mut batch);
                    }
                } else {
                    self.publish(&mut batch);
                    self.other(job);
                }
            }
            self.publish(&mut batch);
            self.sync_if_due();
            self.delete_garbage();
        }
        self.close()
    }

    fn wake_at(&self) -> Option<Instant> {
        if !self.garbage.is_empty() {
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
            Job::Sweep => {
                self.shared.sweeping.store(false, Ordering::Relaxed);
                // What cannot be written now will be the next time.
                let _ = self.sweep();
            }
            Job::Reserve => {
                let now = self.shared.now();
                let _ = self.change(now, |_, _| Ok(()));
            }
            Job::Flush { reply } => {
                let _ = reply.send(self.sync());
            }
        }
    }

    /// Writes what `make` changes, all of it or nothing.
    fn change<T>(
        &mut self,
        stamp: u64,
        make: impl FnOnce(&mut Topics, &Store) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut topics = self.shared.topics();
        topics.begin();
        let mut changes = self.store.changes();
        let made = make(&mut topics, &self.store).inspect(|_| topics.write(&mut changes));
        let Ok(done) = made else {
            topics.roll_back();
            return made;
        };
        drop(topics);
        let reserve = self.shared.to_reserve(stamp);
        if let Some(time) = reserve {
            changes.put_reserved(time);
        }
        let sync = self.shared.sync == Sync::Always;
        let committed = if changes.is_empty() { Ok(()) } else { self.store.commit(changes, sync) };
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
                topics.roll_back();
                drop(topics);
                Err(self.failed(error))
            }
        }
    }

    fn failed(&mut self, error: fjall::Error) -> Error {
        self.shared.set_down(Some(format!("its store cannot be written: {error}")));
        Error::unavailable("its store cannot be written", error)
    }

    fn publish(&mut self, batch: &mut Vec<Publish>) {
        if batch.is_empty() {
            return;
        }
        let shared = self.shared.clone();
        let now = shared.now();
        let mut room = 0;
        let mut written = Vec::with_capacity(batch.len());
        let mut bytes = 0;
        let changed = self.change(now, |topics, store| {
            for Publish { topic, message, room: its, reply } in batch.drain(..) {
                room += its as usize;
                bytes += message.size();
                match topics.publish(&topic, message, now, || (shared.bounds)(&topic), store) {
                    Ok((receipt, entry)) => written.push(Written { topic, receipt, entry, reply }),
                    Err(error) if error.is_full() => drop(reply.send(Err(error))),
                    Err(error) => {
                        let _ = reply.send(Err(error.repeat()));
                        return Err(error);
                    }
                }
            }
            Ok(())
        });
        batch.clear();
        self.shared.room.add_permits(room);
        if let Err(error) = changed {
            written.into_iter().for_each(|one| drop(one.reply.send(Err(error.repeat()))));
            return;
        }
        if let Some((unsynced, _)) = &mut self.unsynced {
            *unsynced += bytes;
        }
        self.deliver(written);
    }

    fn deliver(&mut self, written: Vec<Written>) {
        let mut woken = Vec::new();
        let mut topics = self.shared.topics();
        for one in &written {
            if let Some(entry) = &one.entry
                && let Some(topic) = topics.by_name.get_mut(&*one.topic)
            {
                topic.append_to_logs(entry, &mut woken);
            }
        }
        drop(topics);
        drop(woken);
        written.into_iter().for_each(|one| drop(one.reply.send(Ok(one.receipt))));
    }

    fn tail(&mut self, name: &str, log: &Arc<crate::Log>) -> Result<(), Error> {
        let shared = self.shared.clone();
        let now = shared.now();
        self.change(now, |topics, store| {
            let topic = topics.topic(name, now, || (shared.bounds)(name))?;
            let before = topic.at.bytes;
            topic.trim(now, store)?;
            let after = topic.at.bytes;
            topics.grown(name, before, after, store)
        })?;
        let mut topics = self.shared.topics();
        let topic = topics.by_name.get_mut(name).ok_or_else(closed)?;
        let woken = topic.snapshot(&self.store).map(|snapshot| topic.attach(log, snapshot));
        drop(topics);
        woken.map(drop)
    }

    fn trimmed(&mut self, name: &str, now: u64) -> Result<bool, Error> {
        self.change(now, |topics, store| {
            let Some(topic) = topics.by_name.get(name) else { return Ok(false) };
            if topic.bounds.expired_at(now).is_none() {
                return Ok(true);
            }
            let Some(topic) = topics.existing(name) else { return Ok(false) };
            let before = topic.at.bytes;
            topic.trim(now, store)?;
            let after = topic.at.bytes;
            topics.grown(name, before, after, store)?;
            Ok(true)
        })
    }

    fn read(&mut self, name: &str, start: Start, limit: usize) -> Result<Page, Error> {
        let now = self.shared.now();
        let known = self.trimmed(name, now)?;
        let topics = self.shared.topics();
        match topics.by_name.get(name) {
            Some(topic) if known => search::read(topic, start, limit, &self.store),
            _ => Ok(Page::new(Vec::new(), matches!(start, Start::After(_) | Start::Id(_)))),
        }
    }

    fn claim(&mut self, name: &str, start: Start, most: (usize, usize)) -> Result<Claim, Error> {
        let shared = self.shared.clone();
        let now = shared.now();
        self.change(now, |topics, store| {
            let topic = topics.topic(name, now, || (shared.bounds)(name))?;
            let before = topic.at.bytes;
            topic.trim(now, store)?;
            let after = topic.at.bytes;
            topics.grown(name, before, after, store)
        })?;
        let mut topics = self.shared.topics();
        let topic = topics.by_name.get_mut(name).ok_or_else(closed)?;
        search::claim(topic, start, most, now, &self.store)
    }

    fn confirm(&mut self, name: &str, position: Position) -> Result<(), Error> {
        let now = self.shared.now();
        self.change(now, |topics, store| {
            let Some(topic) = topics.by_name.get(name) else { return Ok(()) };
            if topic.epoch != position.epoch() {
                return Ok(());
            }
            let Some(topic) = topics.existing(name) else { return Ok(()) };
            let before = topic.at.bytes;
            for offset in topic.leases.confirm(position.offset()) {
                let of = (topic.id, topic.epoch);
                for entry in store.entries(of, (offset, offset), 1)? {
                    topic.delete(offset, entry.publication().size());
                }
            }
            let after = topic.at.bytes;
            topics.grown(name, before, after, store)
        })
    }

    fn remove(&mut self, name: &str) -> Result<(), Error> {
        let now = self.shared.now();
        self.change(now, |topics, _| {
            topics.restart(name);
            Ok(())
        })?;
        let topics = self.shared.topics();
        let Some(topic) = topics.by_name.get(name) else { return Ok(()) };
        let woken = topic.snapshot(&self.store).map(|snapshot| topic.reset_logs(&snapshot));
        drop(topics);
        woken.map(drop)
    }

    fn sweep(&mut self) -> Result<(), Error> {
        let now = self.shared.now();
        self.change(now, |topics, store| {
            topics.keys.forget(now);
            let mut look_ups = LOOK_UPS;
            let mut aged = Vec::new();
            let mut unused = Vec::new();
            for (name, topic) in &mut topics.by_name {
                if !topic.is_empty() && topic.bounds.expired_at(now).is_some() {
                    if topic.must_look() {
                        let Some(left) = look_ups.checked_sub(1) else { continue };
                        look_ups = left;
                    }
                    if topic.is_due(now, store)? {
                        aged.push(name.clone());
                    }
                } else if topic.is_empty()
                    && now.saturating_sub(topic.used_at) >= IDLE
                    && !topic.has_logs()
                {
                    unused.push(name.clone());
                }
            }
            for name in aged {
                let Some(topic) = topics.existing(&name) else { continue };
                let before = topic.at.bytes;
                topic.trim(now, store)?;
                let after = topic.at.bytes;
                topics.grown(&name, before, after, store)?;
            }
            for name in unused {
                topics.close_and_remove(&name);
            }
            Ok(())
        })?;
        self.forget_keys(now)
    }

    /// Deletes the idempotency keys that are past their window.
    fn forget_keys(&mut self, now: u64) -> Result<(), Error> {
        let mut changes = self.store.changes();
        let old = self.store.old_keys(now.saturating_sub(WINDOW), SWEPT)?;
        if old.is_empty() {
            return Ok(());
        }
        old.iter().for_each(|key| changes.remove_key(key));
        self.store.commit(changes, false).map_err(|error| self.failed(error))
    }

    /// Deletes a part of what removed topics have left.
    fn delete_garbage(&mut self) {
        let Some(id) = self.garbage.front().copied() else { return };
        let mut changes = self.store.changes();
        let deleted = self.store.offsets(id, 0, SWEPT).and_then(|offsets| {
            offsets.iter().for_each(|offset| changes.remove_event(id, *offset));
            if offsets.len() < SWEPT {
                changes.remove_garbage(id);
            }
            self.store.commit(changes, false).map_err(|error| self.failed(error))?;
            Ok(offsets.len() < SWEPT)
        });
        // What cannot be deleted now is found again at the next opening.
        if deleted.unwrap_or(true) {
            self.garbage.pop_front();
        }
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

    fn sync(&mut self) -> Result<(), Error> {
        self.unsynced = None;
        self.store.sync().map_err(|error| self.failed(error))
    }

    fn close(mut self) -> Result<(), Error> {
        // The store knows exactly up to where was stamped, so that the next life begins at its time.
        let newest = self.shared.topics().newest_mark();
        let mut changes = self.store.changes();
        changes.put_reserved(newest);
        self.store.commit(changes, true).map_err(|error| self.failed(error))?;
        drop(self.store);
        self.folder.end()
    }
}
