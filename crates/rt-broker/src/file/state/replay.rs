//! The topics, made again from the journal.
//!
//! A topic holds the publications that the journal has of it, less those that later records say were
//! evicted or deleted. Each of these records also says how many publications are held after it. So
//! the newest one of a topic is the check of all that was read before it: a difference means that
//! something is missing, whatever the reason.

use super::change::Limits;
use super::index_entry::IndexEntry;
use super::topic::{Head, Topic};
use super::topics::Topics;
use crate::bounds::Bounds;
use crate::engine::history::Receipt;
use crate::file::store::message_codec;
use crate::file::store::record::{self, DamageNote, KeyRecord, Kind, TopicRecord, TopicSummary};
use crate::file::store::{Damage, Frame, Location};
use crate::local::{BoundsOf, keys};
use crate::position::{Epoch, Offset, Position};
use crate::retention::{Id, Retention};
use crate::timestamp::Timestamp;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The part of the journal that was read so far.
#[derive(Default)]
pub(in crate::file) struct Replay {
    topics: HashMap<u64, ReplayedTopic>,
    keys: Vec<Key>,
    /// The newest reservation: a store that was closed has taken back what it did not use.
    reserved: Option<Timestamp>,
    noted: Noted,
    /// Records whose checksum is right and whose form is not known.
    unknown: usize,
}

/// The content of the journal.
pub(in crate::file) struct ReplayResult {
    pub(in crate::file) topics: Topics,
    pub(in crate::file) losses: Vec<Loss>,
    /// Topics that are of no use any more, and of which nothing says so.
    pub(in crate::file) obsolete: Vec<u64>,
}

struct ReplayedTopic {
    name: Option<Box<str>>,
    epoch: Epoch,
    offset: Offset,
    time: Timestamp,
    imported: Option<Timestamp>,
    recorded_in: Option<u32>,
    /// The summary in its newest record.
    summary: TopicSummary,
    held: Retention<IndexEntry>,
    dropped: bool,
}

struct Key {
    topic: Box<str>,
    key: Box<str>,
    receipt: Receipt,
    segment: u32,
}

/// A topic of which not all is there that its records say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::file) struct Loss {
    /// Its name, unless the record with it is lost.
    pub(in crate::file) topic: Option<Arc<str>>,
    /// Publications that its newest record counts.
    pub(in crate::file) expected: u64,
    /// Publications that are there.
    pub(in crate::file) found: u64,
}

/// The damage of the journal that earlier openings have taken care of.
#[derive(Default)]
struct Noted {
    places: HashSet<Location>,
    commits: Vec<RangeInclusive<u64>>,
}

impl Noted {
    fn add(&mut self, DamageNote { location, commits }: DamageNote) {
        self.places.insert(location);
        self.commits.extend(commits);
    }

    fn contains(&self, damage: &Damage) -> bool {
        let has_commits = || {
            let Some(commits) = damage.commits() else { return false };
            let mut next = *commits.start();
            while let Some(noted) = self.commits.iter().find(|noted| noted.contains(&next)) {
                if noted.end() >= commits.end() {
                    return true;
                }
                next = noted.end() + 1;
            }
            false
        };
        self.places.contains(&damage.location) || has_commits()
    }
}

impl Loss {
    /// The number of publications that are lost: all of them where nothing says whose they are.
    pub(in crate::file) fn publications(&self) -> u64 {
        match self.topic {
            Some(_) => self.expected.saturating_sub(self.found),
            None => self.expected.max(self.found),
        }
    }
}

impl Replay {
    /// Takes over a frame; frames come in the order in which they were written.
    pub(in crate::file) fn apply(&mut self, frame: &Frame<'_>) {
        let known =
            Kind::from_number(frame.head.kind).and_then(|kind| self.apply_known(kind, frame));
        self.unknown += usize::from(known.is_none());
    }

    fn apply_known(&mut self, kind: Kind, frame: &Frame<'_>) -> Option<()> {
        let (offset, time) =
            (Offset::new(frame.head.offset), Timestamp::from_millis(frame.head.time));
        let mut body = frame.body;
        match kind {
            Kind::Reserved => {
                self.reserved = Some(time);
                return Some(());
            }
            Kind::Key => {
                let record = KeyRecord::decode(body)?;
                let receipt = Receipt::new(Position::new(record.epoch, offset), time);
                let (topic, key) = (record.topic.into(), record.key.into());
                self.keys.push(Key { topic, key, receipt, segment: frame.location.segment });
                return Some(());
            }
            Kind::DamageNoted => {
                self.noted.add(DamageNote::decode(body)?);
                return Some(());
            }
            _ => {}
        }
        let summary = TopicSummary::decode(offset, time, &mut body)?;
        let topic = self.topics.entry(frame.head.topic).or_insert_with(ReplayedTopic::new);
        if topic.dropped {
            return Some(());
        }
        match kind {
            Kind::Moved => return topic.hold(offset, time, body, frame.location),
            Kind::Publication => topic.hold(offset, time, body, frame.location)?,
            Kind::Deleted => {
                for offset in record::decode_offsets(body)? {
                    topic.held.remove(offset);
                }
            }
            Kind::Topic => {
                let record = TopicRecord::decode(body)?;
                (topic.epoch, topic.name) = (record.epoch, Some(record.name));
                topic.imported = topic.imported.max(record.imported);
                topic.recorded_in = Some(frame.location.segment);
            }
            Kind::Dropped => {
                topic.dropped = true;
                topic.held = Retention::new(Bounds::UNLIMITED);
            }
            Kind::LiveOnly => {
                topic.imported = topic.imported.max(message_codec::decode_origin_time(body));
            }
            Kind::Evicted => {}
            Kind::Reserved | Kind::Key | Kind::DamageNoted => return None,
        }
        topic.offset = topic.offset.max(offset);
        topic.time = topic.time.max(time);
        topic.summary = summary;
        topic.held.evict_through(summary.evicted);
        Some(())
    }

    /// The time up to which stamps and marks may have been given out, if there were any.
    pub(in crate::file) fn reserved(&self) -> Option<Timestamp> {
        let newest = self.topics.values().map(|topic| topic.time).max();
        self.reserved.max(newest)
    }

    /// The damage that no earlier opening has taken care of.
    pub(in crate::file) fn new_damage(&self, damage: &[Damage]) -> Vec<Damage> {
        let new = |damage: &&Damage| !self.noted.contains(damage);
        damage.iter().filter(new).cloned().collect()
    }

    /// Records that could not be understood, although they are whole.
    pub(in crate::file) fn unknown(&self) -> usize {
        self.unknown
    }

    /// The topics, and what is missing in them after this damage.
    ///
    /// A topic whose name a newer one has was dropped, although the record that said so is lost.
    pub(in crate::file) fn finish(
        self,
        bounds: BoundsOf,
        limits: Limits,
        now: Timestamp,
        damage: &[Damage],
    ) -> ReplayResult {
        let mut topics = Topics::new(bounds, limits);
        let (mut losses, mut obsolete) = (Vec::new(), Vec::new());
        let lost = topics_that_lost_records(damage);
        let mut newest_first: Vec<_> = self.topics.into_iter().collect();
        newest_first.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
        for (id, replayed) in newest_first {
            topics.next_id = topics.next_id.max(id.saturating_add(1));
            if replayed.dropped {
                continue;
            }
            let (expected, found) = (replayed.summary.count, replayed.held.len() as u64);
            let topic = replayed.name.as_deref().map(Arc::<str>::from);
            if topic.is_none() {
                // Nobody can ask for what a topic without a name holds.
                losses.push(Loss { topic: None, expected: expected.max(found), found: 0 });
            } else if expected != found || lost.contains(&id) {
                losses.push(Loss { topic: topic.clone(), expected, found });
            }
            let Some(name) = topic.filter(|name| topics.get(name).is_none()) else {
                obsolete.push(id);
                continue;
            };
            for slot in replayed.held.after(Offset::ZERO) {
                topics.segments.add(slot.location.segment);
            }
            if let Some(segment) = replayed.recorded_in {
                topics.segments.record(segment, name.clone());
            }
            let mut topic = replayed.into_topic(id, topics.bounds_of(&name));
            // Its newest publication is the last use that is known.
            (topic.used_at, topic.last_use) = (now, topic.head.time.as_millis());
            topics.uses = topics.uses.max(topic.last_use);
            topics.insert(name, topic);
        }
        for Key { topic, key, receipt, segment } in self.keys {
            if receipt.time().after(keys::WINDOW) > now {
                topics.segments.keep_key(segment, receipt.time());
                topics.keys.remember(&topic, &key, receipt);
            }
        }
        ReplayResult { topics, losses, obsolete }
    }
}

/// The numbers of the topics of which a record is lost that is not there twice.
fn topics_that_lost_records(damage: &[Damage]) -> HashSet<u64> {
    let (mut lost, mut own_records) = (HashSet::new(), HashSet::new());
    for head in damage.iter().filter_map(Damage::frame) {
        match Kind::from_number(head.kind) {
            Some(Kind::Key | Kind::Reserved | Kind::DamageNoted) => {}
            // A topic's own record is written twice.
            Some(Kind::Topic) if own_records.insert(head.topic) => {}
            _ => drop(lost.insert(head.topic)),
        }
    }
    lost
}

impl ReplayedTopic {
    fn new() -> Self {
        Self {
            name: None,
            epoch: Epoch::random(),
            offset: Offset::ZERO,
            time: Timestamp::ZERO,
            imported: None,
            recorded_in: None,
            summary: TopicSummary::default(),
            held: Retention::new(Bounds::UNLIMITED),
            dropped: false,
        }
    }

    /// Holds a publication, unless it is evicted already.
    fn hold(
        &mut self,
        offset: Offset,
        time: Timestamp,
        body: &[u8],
        location: Location,
    ) -> Option<()> {
        let measured = message_codec::measure_message(body)?;
        let size = measured.size as u32;
        self.held.insert(IndexEntry { offset, time, size, location });
        self.imported = self.imported.max(measured.origin_time);
        let ids = measured.id.map(Id::Message).into_iter();
        if self.held.get(offset).is_some() {
            self.held.index(offset, ids.chain(measured.external_id.map(Id::External)));
        }
        Some(())
    }

    fn into_topic(mut self, id: u64, bounds: Bounds) -> Topic {
        self.held.set_bounds(bounds);
        let Self { epoch, offset, time, imported, recorded_in, .. } = self;
        let head = Head { epoch, offset, time, imported, recorded_in };
        Topic::recovered(id, head, self.held, Timestamp::ZERO)
    }
}
