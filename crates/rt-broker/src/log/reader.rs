//! One subscriber's place in a log, and what its first position means.

use crate::{Entry, Epoch, Gap, GapReason, Position, Publication, Start};
use std::sync::Arc;
use std::task::Waker;
use uuid::Uuid;

/// A subscriber as the log knows it. Small, since there is one for every waiting stream: what few ever
/// have is boxed.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) client: Option<Arc<str>>,
    /// Not resolved yet: the log is still opening.
    pub(crate) start: Option<Box<Start>>,
    /// Everything up to and with this offset has been given to it, or is not for it.
    pub(crate) after: u64,
    /// What is live only counts for it above this offset.
    pub(crate) live_from: u64,
    /// Told before anything else.
    pub(crate) gap: Option<Box<Gap>>,
    /// The most bytes that may wait for it once it has caught up.
    pub(crate) max_lag: usize,
    pub(crate) waker: Option<Waker>,
    /// Tells this reader from an earlier or later one under the same key.
    pub(crate) serial: u64,
    /// Cancelled from elsewhere: counts no more and is given nothing, but keeps its position until
    /// its subscription is dropped.
    pub(crate) cancelled: bool,
}

impl Reader {
    pub(crate) fn new(client: Option<Arc<str>>, max_lag: usize) -> Self {
        Self {
            client,
            start: None,
            after: 0,
            live_from: 0,
            gap: None,
            max_lag,
            waker: None,
            serial: 0,
            cancelled: false,
        }
    }

    /// Turns a start into a place in the opened topic.
    pub(crate) fn resolve(&mut self, start: Start, place: &Place<'_>) {
        self.live_from = place.head;
        let after = match start {
            Start::Live => Ok(place.head),
            Start::Earliest => Ok(place.evicted.0),
            Start::After(position) => {
                place.after(position).map_err(|why| (why, position.to_string()))
            }
            Start::Time(time) => place.time(time).map_err(|why| (why, time.to_string())),
            Start::Id(text) => place.id(&text).map_err(|why| (why, text.into_string())),
            Start::Seen { uuid, time } => {
                let after = place.seen(uuid, time);
                if let (Ok(after), true) = (&after, place.is_of_another_life(uuid)) {
                    // Gone on from by its time, which may have left something out.
                    let resume = Position::new(place.epoch, *after);
                    let gap = Gap::new(GapReason::Epoch, Some(uuid.to_string()), resume);
                    self.gap = Some(Box::new(gap));
                }
                after.map_err(|why| (why, uuid.to_string()))
            }
        };
        match after {
            Ok(after) => self.after = after,
            Err((reason, from)) => {
                self.after = place.evicted.0;
                let resume = Position::new(place.epoch, self.after);
                self.gap = Some(Box::new(Gap::new(reason, Some(from), resume)));
            }
        }
    }
}

/// What resolving a start needs of a topic.
pub(crate) struct Place<'a> {
    pub(crate) epoch: Epoch,
    pub(crate) head: u64,
    /// Offset and time of the newest stored publication that is no longer held.
    pub(crate) evicted: (u64, u64),
    pub(crate) held: &'a dyn Held,
}

/// Publications in the order of their offsets.
pub(crate) trait Held {
    fn len(&self) -> usize;

    /// Shared and not borrowed, so that what is on a disk can be read as it is asked for.
    fn at(&self, index: usize) -> Arc<Entry>;

    /// Whether it may be gone on from by an id: it is stored, not held for who is connected only.
    fn is_stored(&self, _index: usize) -> bool {
        true
    }

    /// Whether there may be one with a UUID that does not carry its position.
    fn has_imported(&self) -> bool;
}

impl Place<'_> {
    fn after(&self, position: Position) -> Result<u64, GapReason> {
        if position.epoch() != self.epoch {
            Err(GapReason::Epoch)
        } else if position.offset() > self.head {
            Err(GapReason::Unknown)
        } else if position.offset() < self.evicted.0 {
            Err(GapReason::Evicted)
        } else {
            Ok(position.offset())
        }
    }

    fn time(&self, time: u64) -> Result<u64, GapReason> {
        if time < self.evicted.1 {
            return Err(GapReason::Evicted);
        }
        let (mut low, mut high) = (0, self.held.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.held.at(middle).publication().time() <= time {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low.checked_sub(1).map_or(self.evicted.0, |last| self.offset(last)))
    }

    /// A position of this life, else a message's own id among what is held.
    fn id(&self, text: &str) -> Result<u64, GapReason> {
        let position = text.parse::<Position>().ok();
        match position {
            Some(position) if position.epoch() == self.epoch => self.after(position),
            _ => self.newest(|publication| publication.id() == Some(text)).ok_or(match position {
                Some(_) => GapReason::Epoch,
                None => GapReason::Unknown,
            }),
        }
    }

    fn seen(&self, uuid: Uuid, time: u64) -> Result<u64, GapReason> {
        if let Some(offset) = Position::from_uuid(uuid).and_then(|at| self.after(at).ok()) {
            return Ok(offset);
        }
        // A stranger's made-up ids must not have the whole topic searched.
        let imported = match self.held.has_imported() {
            true => {
                self.newest(|publication| publication.is_imported() && publication.uuid() == uuid)
            }
            false => None,
        };
        imported.map_or_else(|| self.time(time.saturating_sub(1)), Ok)
    }

    fn is_of_another_life(&self, uuid: Uuid) -> bool {
        Position::from_uuid(uuid).is_some_and(|position| position.epoch() != self.epoch)
    }

    fn newest(&self, is: impl Fn(&Publication) -> bool) -> Option<u64> {
        let mut stored = (0..self.held.len()).rev().filter(|&index| self.held.is_stored(index));
        stored.find(|&index| is(self.held.at(index).publication())).map(|index| self.offset(index))
    }

    fn offset(&self, index: usize) -> u64 {
        self.held.at(index).publication().position().offset()
    }
}
