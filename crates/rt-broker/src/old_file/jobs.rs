//! What the writer does besides writing publications.

use super::queue::{Imported, Reply};
use super::search;
use super::shared::closed;
use super::writer::Writer;
use crate::{Claim, Error, Log, Page, Position, Start};
use std::path::PathBuf;
use std::sync::Arc;

impl Writer {
    pub(super) fn tail(&mut self, name: &str, log: &Arc<Log>) -> Result<(), Error> {
        let shared = self.shared.clone();
        let now = shared.now();
        // As a rule nothing is written, so that nobody waits for a sync to begin to read.
        if !self.trimmed(name, now)? {
            self.change(now, |topics, _| {
                topics.topic(name, now, || (shared.bounds)(name)).map(drop)
            })?;
        }
        let mut topics = self.shared.topics();
        topics.note_use(name, now);
        let topic = topics.by_name.get_mut(name).ok_or_else(closed)?;
        let woken = topic.snapshot(self.store()?).map(|snapshot| topic.attach(log, snapshot));
        drop(topics);
        woken.map(drop)
    }

    pub(super) fn trimmed(&mut self, name: &str, now: u64) -> Result<bool, Error> {
        self.change(now, |topics, store| {
            let Some(topic) = topics.by_name.get_mut(name) else { return Ok(false) };
            if !topic.exceeds(now, store)? {
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

    pub(super) fn read(&mut self, name: &str, start: Start, limit: usize) -> Result<Page, Error> {
        let now = self.shared.now();
        let known = self.trimmed(name, now)?;
        let topics = self.shared.topics();
        match topics.by_name.get(name) {
            Some(topic) if known => search::read(topic, start, limit, self.store()?),
            _ => Ok(Page::new(Vec::new(), matches!(start, Start::After(_) | Start::Id(_)))),
        }
    }

    pub(super) fn claim(
        &mut self,
        name: &str,
        start: Start,
        most: (usize, usize),
    ) -> Result<Claim, Error> {
        let shared = self.shared.clone();
        let now = shared.now();
        // As a rule nothing is written: all who wait claim anew at each publication.
        if !self.trimmed(name, now)? {
            self.change(now, |topics, _| {
                topics.topic(name, now, || (shared.bounds)(name)).map(drop)
            })?;
        }
        let mut topics = self.shared.topics();
        let topic = topics.by_name.get_mut(name).ok_or_else(closed)?;
        search::claim(topic, start, most, now, self.store()?)
    }

    pub(super) fn confirm(&mut self, name: &str, position: Position) -> Result<(), Error> {
        let now = self.shared.now();
        self.change(now, |topics, store| {
            let Some(topic) = topics.by_name.get(name) else { return Ok(()) };
            if topic.epoch != position.epoch() {
                return Ok(());
            }
            let Some(topic) = topics.existing(name) else { return Ok(()) };
            let before = topic.at.bytes;
            for offset in topic.leases.of_claim(position.offset()) {
                let of = (topic.id, topic.epoch);
                for entry in store.entries(of, (offset, offset), 1)? {
                    topic.delete(offset, entry.publication().size());
                }
            }
            let after = topic.at.bytes;
            topics.grown(name, before, after, store)
        })?;
        // Only now: what could not be deleted is confirmed again, and nobody else's until then.
        if let Some(topic) = self.shared.topics().by_name.get_mut(name)
            && topic.epoch == position.epoch()
        {
            topic.leases.confirm(position.offset());
        }
        Ok(())
    }

    pub(super) fn import(&mut self, events: Vec<Imported>) -> Result<(), Error> {
        let shared = self.shared.clone();
        let now = shared.now();
        let stored = self.change(now, |topics, store| {
            let mut stored = Vec::with_capacity(events.len());
            for event in events {
                let name = event.topic.clone();
                let entry = topics.import(event, now, || (shared.bounds)(&name), store)?;
                stored.push((name, entry));
            }
            Ok(stored)
        })?;
        let mut woken = Vec::new();
        let mut topics = self.shared.topics();
        for (name, entry) in &stored {
            if let Some(topic) = topics.by_name.get_mut(&**name) {
                topic.append_to_logs(entry, &mut woken);
            }
        }
        drop(topics);
        drop(woken);
        Ok(())
    }

    /// Copies the store on a thread of its own.
    pub(super) fn backup(&mut self, folder: PathBuf, reply: Reply<()>) {
        let copier = self.mended().and_then(|()| Ok(self.store()?.copier()));
        self.copies.begin(folder, copier, reply);
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), Error> {
        let now = self.shared.now();
        self.change(now, |topics, _| {
            topics.restart(name);
            Ok(())
        })?;
        let topics = self.shared.topics();
        let Some(topic) = topics.by_name.get(name) else { return Ok(()) };
        let woken = topic.snapshot(self.store()?).map(|snapshot| topic.reset_logs(&snapshot));
        drop(topics);
        woken.map(drop)
    }
}
