//! Everything that reads publications back from the journal, and the commands on single topics.

use super::queue::Reply;
use super::shared::closed;
use super::thread::Writer;
use crate::claim::{Claim, ClaimRequest};
use crate::engine::history::Page;
use crate::entry::Entry;
use crate::error::Error;
use crate::file::state::{IndexEntry, Topic};
use crate::file::store::record;
use crate::log::Log;
use crate::position::{Offset, Position};
use crate::retention::ClaimLimits;
use crate::start::{Start, StartPoint};
use crate::timestamp::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

impl Writer {
    /// Opens a log with all that is held, and has it fed from then on.
    pub(super) fn tail(&mut self, name: &str, log: &Arc<Log>) -> Result<(), Error> {
        let name = self.prepared(name)?;
        let (slots, epoch) = {
            let topics = self.shared.topics();
            let topic = topics.get(&name).ok_or_else(closed)?;
            // Those who wait for claims read nothing from the log.
            let claimed = topic.held.bounds().deletes_after_retrieval();
            let after = if claimed { topic.head.offset } else { Offset::ZERO };
            let now = self.shared.clock.now();
            (topic.young(after, now).collect::<Vec<_>>(), topic.position(Offset::ZERO))
        };
        let entries = self.entries(&name, epoch, &slots);
        let mut topics = self.shared.topics();
        let topic = topics.get_mut(&name).ok_or_else(closed)?;
        topic.attach(log);
        let woken = log.open(topic.snapshot(entries));
        drop(topics);
        drop(woken);
        Ok(())
    }

    /// Makes the topic where there is none, and evicts what is due. Usually writes nothing, so that
    /// nobody waits for a sync to begin to read.
    fn prepared(&mut self, name: &str) -> Result<Arc<str>, Error> {
        let now = self.shared.clock.now();
        self.trim(name, now);
        {
            let mut topics = self.shared.topics();
            let known = topics.get(name).is_some();
            topics.note_use(name, now);
            if known {
                return Ok(name.into());
            }
        }
        self.change(now, |topics, commit| topics.ensure(name, now, commit))
    }

    /// Evicts what exceeds a topic's bounds. Where that cannot be written now, readers go on without
    /// what is too old.
    fn trim(&mut self, name: &str, now: Timestamp) {
        let exceeds = |topic: &Topic| topic.held.exceeds(now);
        if self.shared.topics().get(name).is_some_and(exceeds) {
            // The health says why it failed.
            let _ = self.change(now, |topics, commit| {
                topics.change_topic(&name.into(), |topic, commit| topic.trim(now, commit), commit);
                Ok(())
            });
        }
    }

    pub(super) fn read(&mut self, name: &str, start: &Start, limit: usize) -> Result<Page, Error> {
        let now = self.shared.clock.now();
        self.trim(name, now);
        let (slots, epoch, mut lost) = {
            let topics = self.shared.topics();
            let Some(topic) = topics.get(name) else {
                // A read does not make a topic.
                let empty = Topic::new(0, topics.bounds_of(name), Timestamp::ZERO);
                return Ok(Page::new(Vec::new(), start.resolve(&empty).gap.is_some()));
            };
            let resolved = start.resolve(topic);
            let slots: Vec<IndexEntry> = topic.young(resolved.after, now).take(limit).collect();
            let lost = resolved.gap.is_some() || topic.is_lost_after(resolved.after, &slots);
            (topic.until_lost(slots), topic.position(Offset::ZERO), lost)
        };
        let wanted = slots.len();
        let entries = self.entries(name, epoch, &slots);
        lost |= entries.len() < wanted;
        Ok(Page::new(entries, lost))
    }

    pub(super) fn claim(&mut self, name: &str, request: &ClaimRequest) -> Result<Claim, Error> {
        let name = self.prepared(name)?;
        loop {
            if let Some(claim) = self.try_claim(&name, request)? {
                return Ok(claim);
            }
        }
    }

    /// Claims once; returns `None` when a publication could not be read, and so is lost.
    fn try_claim(&self, name: &str, request: &ClaimRequest) -> Result<Option<Claim>, Error> {
        let now = self.shared.clock.now();
        let (claimed, epoch, evicted, lost) = {
            let mut topics = self.shared.topics();
            let topic = topics.get_mut(name).ok_or_else(closed)?;
            if !topic.held.bounds().deletes_after_retrieval() {
                return Err(Error::keeps_all());
            }
            let StartPoint { after, gap } = request.start.resolve(&*topic);
            let limits = ClaimLimits { after, count: request.limit, bytes: request.bytes };
            let claimed = topic.held.claim(limits, now);
            let lost = gap.is_some() || topic.is_lost_after(after, &claimed.items);
            (claimed, topic.position(Offset::ZERO), topic.held.evicted().offset, lost)
        };
        let entries = self.entries(name, epoch, &claimed.items);
        if entries.len() < claimed.items.len() {
            // A claim is confirmed by its last publication, which may be one that was lost.
            self.release_claim(name, claimed.items.last().map(|item| item.offset));
            return Ok(None);
        }
        let mut claim = Claim::new(entries, lost, claimed.look_again);
        claim.held_since = claimed.held_since;
        claim.evicted = (evicted > Offset::ZERO).then(|| Position::new(epoch.epoch(), evicted));
        Ok(Some(claim))
    }

    /// Gives back what was claimed for a caller that no longer waits.
    pub(super) fn release(&self, name: &str, claim: &Claim) {
        let last = claim.entries.last().map(|entry| entry.publication().position().offset());
        self.release_claim(name, last);
    }

    /// Releases the claim whose last publication is at `last`.
    fn release_claim(&self, name: &str, last: Option<Offset>) {
        if let (Some(last), Some(topic)) = (last, self.shared.topics().get_mut(name)) {
            topic.held.release(last);
        }
    }

    pub(super) fn confirm(&mut self, name: &str, position: Position) -> Result<(), Error> {
        let offsets = {
            let topics = self.shared.topics();
            match topics.get(name) {
                Some(topic) if topic.head.epoch == position.epoch() => {
                    topic.held.claimed_by(position.offset())
                }
                _ => return Ok(()),
            }
        };
        if offsets.is_empty() {
            return Ok(());
        }
        let name: Arc<str> = name.into();
        self.change(self.shared.clock.now(), |topics, commit| {
            topics.change_topic(&name, |topic, commit| topic.delete(&offsets, commit), commit);
            Ok(())
        })?;
        // Only now: what could not be deleted stays with its claim, to be confirmed again.
        if let Some(topic) = self.shared.topics().get_mut(&name) {
            topic.held.confirm(position.offset());
        }
        Ok(())
    }

    /// Begins a new life of a topic.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), Error> {
        self.change(self.shared.clock.now(), |topics, commit| {
            topics.restart(name, commit);
            Ok(())
        })?;
        let mut topics = self.shared.topics();
        let Some(topic) = topics.get_mut(name) else { return Ok(()) };
        let snapshot = topic.snapshot(Vec::new());
        let woken: Vec<_> = topic.logs().iter().map(|log| log.reset(snapshot.clone())).collect();
        drop(topics);
        drop(woken);
        Ok(())
    }

    /// Copies the store to `folder` on a thread of its own.
    pub(super) fn backup(&mut self, folder: PathBuf, reply: Reply<()>) {
        self.background.begin(folder, self.disk.clone(), self.journal.reader().clone(), reply);
    }

    /// Reads publications from the journal. One that cannot be read is left out: the topic has lost
    /// it, which is logged and makes the engine's health degraded.
    pub(super) fn entries(
        &self,
        name: &str,
        epoch: Position,
        slots: &[IndexEntry],
    ) -> Vec<Arc<Entry>> {
        let mut entries = Vec::with_capacity(slots.len());
        for slot in slots {
            let position = Position::new(epoch.epoch(), slot.offset);
            let frame = self.journal.reader().read(slot.location, slot.size as usize);
            let damage = match &frame {
                Ok(frame) if frame.head.offset == slot.offset.get() => {
                    match record::decode_publication(position, slot.time, &frame.body) {
                        Some(publication) => {
                            entries.push(Entry::new(publication, false));
                            continue;
                        }
                        None => "its form is not known".to_owned(),
                    }
                }
                Ok(_) => "another record stands in its place".to_owned(),
                Err(error) => error.to_string(),
            };
            self.lose(name, position, &damage);
        }
        entries
    }

    pub(super) fn lose(&self, topic: &str, position: Position, damage: &str) {
        tracing::error!(topic, %position, damage, "a publication cannot be read from the store");
        metrics::counter!("rt_broker_lost_publications_total").increment(1);
        let why = format!("publication {position} of topic {topic:?} cannot be read: {damage}");
        self.shared.set_degraded(why);
        let mut topics = self.shared.topics();
        topics.lose(topic, position.offset());
    }
}
