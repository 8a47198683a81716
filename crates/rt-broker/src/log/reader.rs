//! One subscriber's place in a log, and what its first position means.

use super::window::Window;
use crate::{Gap, GapReason, Position, Start};
use std::sync::Arc;
use std::task::Waker;

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
}

impl Reader {
    pub(crate) fn new(client: Option<Arc<str>>, start: Start, max_lag: usize) -> Self {
        Self {
            client,
            start: Some(Box::new(start)),
            after: 0,
            live_from: 0,
            gap: None,
            max_lag,
            waker: None,
        }
    }

    /// Turns the start it was given into a place in the opened window.
    pub(crate) fn resolve(&mut self, window: &Place<'_>) {
        let Some(start) = self.start.take() else { return };
        self.live_from = window.head;
        let after = match *start {
            Start::Live => Ok(window.head),
            Start::Earliest => Ok(window.evicted.0),
            Start::After(position) => {
                window.after(position).map_err(|why| (why, position.to_string()))
            }
            Start::Time(time) if time < window.evicted.1 => {
                Err((GapReason::Evicted, time.to_string()))
            }
            Start::Time(time) => Ok((window.find_time)(time)),
            Start::Id(text) => window.id(&text).map_err(|why| (why, text.into_string())),
        };
        match after {
            Ok(after) => self.after = after,
            Err((reason, from)) => {
                self.after = window.evicted.0;
                let resume = Position::new(window.epoch, self.after);
                self.gap = Some(Box::new(Gap::new(reason, Some(from), resume)));
            }
        }
    }
}

/// What resolving a start needs of a window.
pub(crate) struct Place<'a> {
    pub(crate) epoch: crate::Epoch,
    pub(crate) head: u64,
    /// Offset and time of the newest stored publication that is no longer held.
    pub(crate) evicted: (u64, u64),
    pub(crate) find_time: &'a dyn Fn(u64) -> u64,
    pub(crate) find_id: &'a dyn Fn(&str) -> Option<u64>,
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

    /// A position of this life, else a message's own id among what is held.
    fn id(&self, text: &str) -> Result<u64, GapReason> {
        let position = text.parse::<Position>().ok();
        match position {
            Some(position) if position.epoch() == self.epoch => self.after(position),
            _ => (self.find_id)(text).ok_or(match position {
                Some(_) => GapReason::Epoch,
                None => GapReason::Unknown,
            }),
        }
    }
}

impl Window {
    /// Resolves a start against what is held, without a subscriber: what an engine's read needs.
    pub(crate) fn resolve(&self, reader: &mut Reader) {
        let Some(epoch) = self.epoch else { return };
        reader.resolve(&Place {
            epoch,
            head: self.head,
            evicted: self.evicted,
            find_time: &|time| self.last_at_or_before(time),
            find_id: &|id| self.find_id(id),
        });
    }
}
