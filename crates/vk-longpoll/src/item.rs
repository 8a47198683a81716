//! What happens to a loop.
use std::time::Duration;

use crate::{Error, Failed, Position};

/// Something that happened to a loop.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item<E> {
    /// An event.
    Event(E),
    /// The events of an answer have been handed out: the moment to save the position.
    Answered(Answered),
    /// Events are missing before what follows, and cannot be read any more. It comes once for each
    /// time that the server has forgotten events, after those that the history has.
    Gap(Gap),
    /// A poll or a call failed; the next one is already planned.
    Disconnected(Disconnected),
}

/// An answer whose events have been handed out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answered {
    /// Where to go on from, now or after a restart.
    pub position: Position,
    /// How many events there were.
    pub events: usize,
    /// What the server answered instead of events; the loop goes on from it.
    pub failed: Option<Failed>,
    /// Whether it was the account's history that was asked.
    pub recovered: bool,
}

/// Events are missing, and cannot be read any more.
#[derive(Debug)]
#[non_exhaustive]
pub struct Gap {
    /// The place after which they are missing.
    pub from: Position,
    /// Which events are missing.
    pub missing: Missing,
    /// The reason why the history cannot be read: VK refuses to give one so old, or a page of it is too
    /// large, malformed, or leads no further. `None` where the history was read, and where there is
    /// none: bots, and sessions without a token.
    pub error: Option<Error>,
}

/// The events that a [`Gap`] lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// All events.
    All,
    /// Those that no history has: all codes but the ones of
    /// [`EventKind::is_in_history`](crate::user::EventKind::is_in_history). The others have been read
    /// from the history.
    NotInHistory,
}

/// Why a poll or a call failed, and when the next one starts.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// What went wrong.
    pub error: Error,
    /// How long it is until the next one.
    pub retry_in: Duration,
}
