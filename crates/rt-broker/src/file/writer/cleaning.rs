//! Removing old segments of the journal, after what is still needed was written again.
//!
//! Segments go oldest first only. So a record that says what became of a publication (that it was
//! evicted, deleted, dropped) always outlives the publication's own record, and nothing that is gone
//! can come back. Publications of quiet topics are moved on the way, a little at a time, and only
//! while the journal is more than twice as large as what it holds.

use super::cleaner::Cleaning;
use super::thread::{Writer, push_reserved};
use crate::error::Error;
use crate::file::state::{IndexEntry, Segments, Topics, frame};
use crate::file::store::Commit;
use crate::file::store::record::Kind;
use crate::file::store::{FrameHead, Location};
use crate::local::keys;
use crate::position::Offset;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// Topics whose records are written again in one step.
const RECORDS: usize = 512;
/// The journal may be twice as large as what it holds, and this many segments larger.
const SLACK: u64 = 2;
/// About the bytes of a publication and of a topic in the journal, beside their texts.
const PUBLICATION: u64 = 80;
const TOPIC: u64 = 120;

impl Writer {
    /// Does a step, if there is anything to clean.
    pub(super) fn clean(&mut self) {
        if self.failure.is_some() {
            return;
        }
        if self.cleaner.under_way.is_none() && std::mem::take(&mut self.cleaner.due) {
            self.cleaner.under_way = self.next_to_clean();
        }
        let Some(cleaning) = self.cleaner.under_way.take() else { return };
        match self.clean_step(cleaning) {
            Ok(more) => {
                self.cleaner.due |= more.is_none();
                self.cleaner.under_way = more;
            }
            // Begun again once the store can be written.
            Err(error) => tracing::warn!(%error, "an old segment of the journal cannot be cleaned"),
        }
    }

    fn next_to_clean(&self) -> Option<Cleaning> {
        let segments = self.journal.reader().segments();
        let [oldest, _, ..] = &*segments else { return None };
        let segment = oldest.number;
        let written: u64 = segments.iter().map(|segment| u64::from(segment.bytes)).sum();
        let topics = self.shared.topics();
        let held = (topics.held().bytes + topics.held().names) as u64
            + topics.held().publications as u64 * PUBLICATION
            + topics.len() as u64 * TOPIC;
        let unused = !topics.segments.must_be_read(segment, self.shared.clock.now());
        if !unused && written <= 2 * held + SLACK * u64::from(self.journal.segment_bytes()) {
            return None;
        }
        let topics = topics.segments.topics(segment);
        Some(Cleaning { segment, topics, at: 0 })
    }

    /// Moves a part of what is needed; removes the segment once nothing is.
    fn clean_step(&mut self, mut cleaning: Cleaning) -> Result<Option<Cleaning>, Error> {
        let now = self.shared.clock.now();
        if !cleaning.topics.is_empty() {
            let rest = cleaning.topics.len().saturating_sub(RECORDS);
            let names = cleaning.topics.split_off(rest);
            self.change(now, |topics, commit| {
                for name in names {
                    record_again(topics, &name, cleaning.segment, commit);
                }
                Ok(())
            })?;
            return Ok(Some(cleaning));
        }
        if self.shared.topics().segments.must_be_read(cleaning.segment, now)
            && let Some(next) = self.move_frames(cleaning.segment, cleaning.at, now)?
        {
            return Ok(Some(Cleaning { at: next, ..cleaning }));
        }
        self.lose_rest(cleaning.segment);
        let reserved = self.shared.clock.next_reservation();
        self.change(now, |_, commit| {
            push_reserved(reserved, commit);
            Ok(())
        })?;
        // What was moved must be on the disk before its old place goes.
        self.sync()?;
        let removal = self.journal.remove_oldest(cleaning.segment);
        let removal = removal.map_err(|error| self.failed(error))?;
        self.background.remove(removal);
        self.shared.topics().segments.remove(cleaning.segment);
        Ok(None)
    }

    /// Writes again what is still needed of the next part of a segment; returns where to read on.
    fn move_frames(&mut self, segment: u32, at: u32, now: Timestamp) -> Result<Option<u32>, Error> {
        // Read without the topics' lock, which others wait for.
        let mut records = Vec::new();
        let scanned = self.journal.reader().scan(segment, at, self.cleaner.step_bytes(), |frame| {
            records.push(Record {
                head: frame.head,
                body: frame.body.to_vec(),
                location: frame.location,
            });
        });
        let next = scanned.map_err(|error| {
            Error::unavailable("a segment of its journal cannot be read", error.to_string())
        })?;
        let mut moved: Vec<(Arc<str>, IndexEntry)> = Vec::new();
        self.change(now, |topics, commit| {
            for record in &records {
                match Kind::from_number(record.head.kind) {
                    Some(Kind::Publication | Kind::Moved) => {
                        moved.extend(move_publication(topics, record, commit));
                    }
                    Some(Kind::Key) => keep_key(topics, record, now, commit),
                    _ => {}
                }
            }
            Ok(())
        })?;
        let mut topics = self.shared.topics();
        for (name, slot) in moved {
            topics.moved(&name, slot, segment);
        }
        Ok(next)
    }

    /// Gives up what is held in a segment and could not be read.
    fn lose_rest(&mut self, segment: u32) {
        let rest = |segments: &Segments| segments.publications(segment);
        if rest(&self.shared.topics().segments) == 0 {
            return;
        }
        let mut lost = Vec::new();
        for (name, topic) in self.shared.topics().iter() {
            let unread = topic.held.after(Offset::ZERO);
            let unread = unread.filter(|slot| slot.location.segment == segment);
            lost.extend(unread.map(|slot| (name.clone(), topic.position(slot.offset))));
        }
        for (name, position) in lost {
            self.lose(&name, position, "its segment of the journal is damaged");
        }
    }
}

/// A record of the segment that is cleaned.
struct Record {
    head: FrameHead,
    body: Vec<u8>,
    location: Location,
}

/// Writes a topic's record again, if its newest one is in the segment.
fn record_again(topics: &mut Topics, name: &Arc<str>, segment: u32, commit: &mut Commit) {
    if topics.get(name).is_some_and(|topic| topic.head.recorded_in == Some(segment)) {
        topics.change_topic(name, |topic, commit| topic.record(name, commit), commit);
    }
}

fn move_publication(
    topics: &mut Topics,
    record: &Record,
    commit: &mut Commit,
) -> Option<(Arc<str>, IndexEntry)> {
    let name = topics.name_of(record.head.topic)?.clone();
    let held = &topics.get(&name)?.held;
    let slot = held.get(Offset::new(record.head.offset)).copied()?;
    if slot.location != record.location {
        return None;
    }
    let location = copy(Kind::Moved, record, commit);
    Some((name, IndexEntry { location, ..slot }))
}

fn keep_key(topics: &mut Topics, record: &Record, now: Timestamp, commit: &mut Commit) {
    let time = Timestamp::from_millis(record.head.time);
    if time.after(keys::WINDOW) > now {
        let location = copy(Kind::Key, record, commit);
        topics.segments.keep_key(location.segment, time);
    }
}

fn copy(kind: Kind, from: &Record, commit: &mut Commit) -> Location {
    let (offset, time) = (Offset::new(from.head.offset), Timestamp::from_millis(from.head.time));
    let head = frame(kind, from.head.topic, offset, time);
    commit.push(head, |body| body.extend_from_slice(&from.body))
}
