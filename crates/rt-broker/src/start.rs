//! The start of a subscription or a read.

use crate::delivery::{Gap, GapReason};
use crate::external_id::ExternalId;
use crate::position::{Epoch, Offset, Position};
use crate::retention::{Evicted, Id};
use crate::timestamp::Timestamp;

/// The place in a topic at which a subscription or a read begins.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Start {
    /// With the next publication.
    Live,
    /// With the oldest publication that is held.
    Earliest,
    /// After this position.
    After(Position),
    /// After the newest held publication whose message has this [id](crate::Message::with_id).
    LastId(Box<str>),
    /// After the newest held publication that was imported with this id.
    ExternalId(ExternalId),
    /// After this time.
    Time(Timestamp),
    /// After the first of these that the topic holds. If it holds none, the last one decides, with
    /// its gap. If the topic can resume, but from a later alternative than one that belongs to
    /// another epoch, a gap of reason [`Epoch`](GapReason::Epoch) comes first. An empty list is
    /// [`Live`](Self::Live).
    ///
    /// ```
    /// use rt_broker::{Position, Start, Timestamp};
    ///
    /// # let position: Position = "00000000000002a-7".parse()?;
    /// // From the position if it is still held, and by time if it is not.
    /// let seen = Timestamp::from_millis(1_795_230_332_805);
    /// let start = Start::AnyOf(Box::new([Start::After(position), Start::Time(seen)]));
    /// # Ok::<(), rt_broker::ParsePositionError>(())
    /// ```
    AnyOf(Box<[Start]>),
}

/// The state of a topic that a [`Start`] is resolved against.
pub(crate) trait Lookup {
    fn epoch(&self) -> Epoch;

    /// Returns the offset of the newest publication, held or not.
    fn head(&self) -> Offset;

    fn evicted(&self) -> Evicted;

    /// Returns the newest stored publication with this id.
    fn by_id(&self, id: Id<'_>) -> Option<Offset>;

    /// Returns the newest held publication that is stamped at or before this time.
    fn by_time(&self, time: Timestamp) -> Option<Offset>;
}

/// The place in a topic that a [`Start`] stands for.
pub(crate) struct StartPoint {
    /// Reading begins after this offset.
    pub(crate) after: Offset,
    /// The gap before it, if publications were lost.
    pub(crate) gap: Option<Gap>,
}

/// The reason why a topic cannot resume from a start.
struct Miss {
    reason: GapReason,
    from: String,
}

impl Start {
    pub(crate) fn resolve(&self, topic: &impl Lookup) -> StartPoint {
        let mut other_epoch = None;
        let (after, gap) = match self.find(topic, &mut other_epoch) {
            Ok(after) => (after, other_epoch),
            Err(miss) => (topic.evicted().offset, Some(miss)),
        };
        let resume = Position::new(topic.epoch(), after);
        StartPoint { after, gap: gap.map(|miss| Gap::new(miss.reason, miss.from, resume)) }
    }

    fn find(&self, topic: &impl Lookup, other_epoch: &mut Option<Miss>) -> Result<Offset, Miss> {
        let miss = |reason, from: String| Miss { reason, from };
        match self {
            Self::Live => Ok(topic.head()),
            Self::Earliest => Ok(topic.evicted().offset),
            Self::After(position) => {
                after(*position, topic).map_err(|reason| miss(reason, position.to_string()))
            }
            Self::LastId(id) => {
                let found = topic.by_id(Id::Message(id));
                found.ok_or_else(|| miss(GapReason::Unknown, id.to_string()))
            }
            Self::ExternalId(id) => {
                let found = topic.by_id(Id::External(id.as_bytes()));
                found.ok_or_else(|| miss(GapReason::Unknown, id.to_string()))
            }
            Self::Time(time) if *time < topic.evicted().time => {
                Err(miss(GapReason::Evicted, time.to_string()))
            }
            Self::Time(time) => Ok(topic.by_time(*time).unwrap_or(topic.evicted().offset)),
            Self::AnyOf(starts) => {
                let Some((last, earlier)) = starts.split_last() else { return Ok(topic.head()) };
                for start in earlier {
                    match start.find(topic, other_epoch) {
                        Ok(after) => return Ok(after),
                        Err(miss) if miss.reason == GapReason::Epoch => *other_epoch = Some(miss),
                        Err(_) => {}
                    }
                }
                last.find(topic, other_epoch)
            }
        }
    }
}

fn after(position: Position, topic: &impl Lookup) -> Result<Offset, GapReason> {
    if position.epoch() != topic.epoch() {
        Err(GapReason::Epoch)
    } else if position.offset() > topic.head() {
        Err(GapReason::Unknown)
    } else if position.offset() < topic.evicted().offset {
        Err(GapReason::Evicted)
    } else {
        Ok(position.offset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds the offsets 3 to 5, stamped 30 to 50, with the ids "3" to "5".
    struct Topic(Epoch);

    impl Lookup for Topic {
        fn epoch(&self) -> Epoch {
            self.0
        }

        fn head(&self) -> Offset {
            Offset::new(5)
        }

        fn evicted(&self) -> Evicted {
            Evicted { offset: Offset::new(2), time: Timestamp::from_millis(20) }
        }

        fn by_id(&self, id: Id<'_>) -> Option<Offset> {
            let text = match id {
                Id::Message(text) => text,
                Id::External(bytes) => std::str::from_utf8(bytes).ok()?,
            };
            text.parse().ok().filter(|id| (3..=5).contains(id)).map(Offset::new)
        }

        fn by_time(&self, time: Timestamp) -> Option<Offset> {
            let offset = (time.as_millis() / 10).min(5);
            (offset > 2).then(|| Offset::new(offset))
        }
    }

    fn resolve(start: &Start) -> (u64, String) {
        let topic = Topic(Epoch::new(1).unwrap());
        let StartPoint { after, gap } = start.resolve(&topic);
        let reason = gap.map(|gap| {
            assert_eq!(gap.resume(), Position::new(topic.0, after));
            gap.reason().as_str().to_owned()
        });
        (after.get(), reason.unwrap_or_default())
    }

    fn at(epoch: u64, offset: u64) -> Start {
        Start::After(Position::new(Epoch::new(epoch).unwrap(), Offset::new(offset)))
    }

    fn time(millis: u64) -> Start {
        Start::Time(Timestamp::from_millis(millis))
    }

    fn id(text: &str) -> Start {
        Start::LastId(text.into())
    }

    fn external(text: &str) -> Start {
        Start::ExternalId(ExternalId::new(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_start_is_an_offset_or_a_gap_after_what_was_evicted() {
        for (start, after, reason) in [
            (Start::Live, 5, ""),
            (Start::Earliest, 2, ""),
            (at(1, 2), 2, ""),
            (at(1, 4), 4, ""),
            (at(1, 1), 2, "evicted"),
            (at(1, 6), 2, "unknown"),
            (at(2, 4), 2, "epoch"),
            (id("4"), 4, ""),
            (id("1"), 2, "unknown"),
            (external("4"), 4, ""),
            (external("9"), 2, "unknown"),
            (time(45), 4, ""),
            (time(20), 2, ""),
            (time(19), 2, "evicted"),
            (time(u64::MAX), 5, ""),
        ] {
            assert_eq!(resolve(&start), (after, reason.to_owned()), "{start:?}");
        }
    }

    #[test]
    fn of_several_starts_the_first_that_is_held_decides() {
        let any_of = |starts: &[Start]| resolve(&Start::AnyOf(starts.into()));
        for (starts, after, reason) in [
            (&[at(1, 4), time(30)][..], 4, ""),
            (&[at(1, 1), id("3"), time(50)], 3, ""),
            (&[at(1, 9), external("9"), time(40)], 4, ""),
            // Resuming by another start may leave something out: the other epoch is reported.
            (&[at(2, 4), time(40)], 4, "epoch"),
            (&[at(2, 4), external("3"), time(50)], 3, "epoch"),
            // The last one decides, with its own gap.
            (&[at(2, 4), time(10)], 2, "evicted"),
            (&[time(10), at(2, 4)], 2, "epoch"),
            (&[Start::AnyOf([at(2, 4), id("1")].into()), time(40)], 4, "epoch"),
            (&[], 5, ""),
        ] {
            assert_eq!(any_of(starts), (after, reason.to_owned()), "{starts:?}");
        }
    }
}
