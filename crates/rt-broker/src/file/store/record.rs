//! The records in the journal's frames: publications, and the fate of their topics.
//!
//! A frame's head names the topic by its number, and an offset and a time: those of the publication,
//! or of the topic's newest one. Every record about a topic but [`Kind::Moved`] and [`Kind::Key`]
//! begins with its [`TopicSummary`], so that the newest one of them says what must be there. Numbers are
//! little-endian or, where they are usually small, of variable length (LEB128).

use super::fields::{number, put_number, put_text, take_text, text};
use super::message_codec::decode_message;
use super::replay::Location;
use crate::position::{Epoch, Offset, Position};
use crate::publication::Publication;
use crate::retention::Evicted;
use crate::timestamp::Timestamp;
use std::ops::RangeInclusive;

/// The kind of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(in crate::file) enum Kind {
    /// All about a topic but its publications.
    Topic = 1,
    /// A publication that is held.
    Publication = 2,
    /// A publication that was held already, from a segment that is about to be removed.
    Moved = 3,
    /// A publication that only the connected subscribers were given.
    LiveOnly = 4,
    /// Publications were evicted without a new one in their place.
    Evicted = 5,
    /// Publications were confirmed, and so deleted.
    Deleted = 6,
    /// The topic is gone with all it held.
    Dropped = 7,
    /// The idempotency key of a publication.
    Key = 8,
    /// Stamps and marks up to this time may have been given out.
    Reserved = 9,
    /// A place of the journal is damaged, and topics have begun new epochs for it.
    DamageNoted = 10,
}

impl Kind {
    pub(in crate::file) fn from_number(number: u8) -> Option<Self> {
        use Kind::*;
        const KINDS: [Kind; 10] = [
            Topic,
            Publication,
            Moved,
            LiveOnly,
            Evicted,
            Deleted,
            Dropped,
            Key,
            Reserved,
            DamageNoted,
        ];
        KINDS.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The evictions of a topic, and how much it holds, after a record.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::file) struct TopicSummary {
    pub(in crate::file) evicted: Evicted,
    pub(in crate::file) count: u64,
}

impl TopicSummary {
    /// Writes it relative to the head of its frame, which usually makes it a few bytes.
    pub(in crate::file) fn encode(&self, head: Offset, last: Timestamp, out: &mut Vec<u8>) {
        put_number(head.get().wrapping_sub(self.evicted.offset.get()), out);
        put_number(last.as_millis().wrapping_sub(self.evicted.time.as_millis()), out);
        put_number(self.count, out);
    }

    pub(in crate::file) fn decode(head: Offset, last: Timestamp, rest: &mut &[u8]) -> Option<Self> {
        let offset = Offset::new(head.get().wrapping_sub(number(rest)?));
        let time = Timestamp::from_millis(last.as_millis().wrapping_sub(number(rest)?));
        Some(Self { evicted: Evicted { offset, time }, count: number(rest)? })
    }
}

/// The parts of a topic's own record beside its summary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::file) struct TopicRecord {
    pub(in crate::file) epoch: Epoch,
    /// The newest time of an imported publication, where it was published.
    pub(in crate::file) imported: Option<Timestamp>,
    pub(in crate::file) name: Box<str>,
}

impl TopicRecord {
    pub(in crate::file) fn encode(
        epoch: Epoch,
        imported: Option<Timestamp>,
        name: &str,
        out: &mut Vec<u8>,
    ) {
        put_number(epoch.get(), out);
        put_number(imported.map_or(0, |time| time.as_millis().saturating_add(1)), out);
        out.extend_from_slice(name.as_bytes());
    }

    pub(in crate::file) fn decode(mut rest: &[u8]) -> Option<Self> {
        let epoch = Epoch::new(number(&mut rest)?)?;
        let imported = number(&mut rest)?.checked_sub(1).map(Timestamp::from_millis);
        Some(Self { epoch, imported, name: text(rest)?.into() })
    }
}

/// Reads a held publication: its summary is passed over.
pub(in crate::file) fn decode_publication(
    position: Position,
    time: Timestamp,
    body: &[u8],
) -> Option<Publication> {
    let mut rest = body;
    TopicSummary::decode(position.offset(), time, &mut rest)?;
    let (message, origin) = decode_message(rest)?;
    let publication = Publication::new(message, position, time);
    Some(match origin {
        Some(origin) => publication.with_external_id(origin.id),
        None => publication,
    })
}

/// Writes the offsets of deleted publications, in ascending order.
pub(in crate::file) fn encode_offsets(offsets: &[Offset], out: &mut Vec<u8>) {
    let mut before = 0;
    for offset in offsets {
        put_number(offset.get().wrapping_sub(before), out);
        before = offset.get();
    }
}

pub(in crate::file) fn decode_offsets(mut rest: &[u8]) -> Option<Vec<Offset>> {
    let (mut offsets, mut before) = (Vec::new(), 0_u64);
    while !rest.is_empty() {
        before = before.wrapping_add(number(&mut rest)?);
        offsets.push(Offset::new(before));
    }
    Some(offsets)
}

/// An idempotency key, with the epoch of the position that it made. It names its topic, since it
/// holds whatever becomes of that life of the topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::file) struct KeyRecord<'a> {
    pub(in crate::file) epoch: Epoch,
    pub(in crate::file) topic: &'a str,
    pub(in crate::file) key: &'a str,
}

impl<'a> KeyRecord<'a> {
    pub(in crate::file) fn encode(&self, out: &mut Vec<u8>) {
        put_number(self.epoch.get(), out);
        put_text(self.topic.as_bytes(), out);
        out.extend_from_slice(self.key.as_bytes());
    }

    pub(in crate::file) fn decode(mut rest: &'a [u8]) -> Option<Self> {
        let epoch = Epoch::new(number(&mut rest)?)?;
        Some(Self { epoch, topic: text(take_text(&mut rest)?)?, key: text(rest)? })
    }
}

/// A damage that was taken care of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::file) struct DamageNote {
    pub(in crate::file) location: Location,
    /// The commits of which nothing was found, if there were any. The next opening reports them at
    /// another place: where the first commit after them begins.
    pub(in crate::file) commits: Option<RangeInclusive<u64>>,
}

impl DamageNote {
    pub(in crate::file) fn encode(&self, out: &mut Vec<u8>) {
        put_number(self.location.segment.into(), out);
        put_number(self.location.at.into(), out);
        if let Some(commits) = &self.commits {
            put_number(*commits.start(), out);
            put_number(*commits.end(), out);
        }
    }

    pub(in crate::file) fn decode(mut rest: &[u8]) -> Option<Self> {
        let segment = u32::try_from(number(&mut rest)?).ok()?;
        let location = Location { segment, at: u32::try_from(number(&mut rest)?).ok()? };
        let commits = match rest {
            [] => None,
            _ => Some(number(&mut rest)?..=number(&mut rest)?),
        };
        Some(Self { location, commits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn standings_offsets_and_topics_are_read_back(
            numbers: [u64; 5],
            mut offsets: Vec<u64>,
            name in "\\PC{0,20}",
            imported: Option<u32>,
        ) {
            let (head, last) = (Offset::new(numbers[0]), Timestamp::from_millis(numbers[1]));
            let (offset, time) = (Offset::new(numbers[2]), Timestamp::from_millis(numbers[3]));
            let summary = TopicSummary { evicted: Evicted { offset, time }, count: numbers[4] };
            let mut body = Vec::new();
            summary.encode(head, last, &mut body);
            prop_assert_eq!(TopicSummary::decode(head, last, &mut &*body), Some(summary));
            offsets.sort_unstable();
            let offsets: Vec<Offset> = offsets.into_iter().map(Offset::new).collect();
            let mut body = Vec::new();
            encode_offsets(&offsets, &mut body);
            prop_assert_eq!(decode_offsets(&body), Some(offsets));
            let imported = imported.map(|time| Timestamp::from_millis(time.into()));
            let record = TopicRecord { epoch: Epoch::random(), imported, name: name.into() };
            let mut body = Vec::new();
            TopicRecord::encode(record.epoch, record.imported, &record.name, &mut body);
            prop_assert_eq!(TopicRecord::decode(&body), Some(record));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            decode_offsets(&bytes);
            KeyRecord::decode(&bytes);
            TopicRecord::decode(&bytes);
            TopicSummary::decode(Offset::MAX, Timestamp::ZERO, &mut &*bytes);
        }
    }
}
