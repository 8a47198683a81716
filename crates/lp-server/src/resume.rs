//! Where a poll resumes, by golongpoll's `since_time` and `last_id`.

use crate::event_id;
use rt_broker::{ExternalId, Position, Start, Timestamp};
use uuid::Uuid;

/// Where a poll resumes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Resume {
    /// With the next event.
    Live,
    /// With the oldest event that is held.
    Earliest,
    /// After this time.
    Since(Timestamp),
    /// After the event with this UUID if it is held, else with the events of this time and later.
    LastId(LastId),
}

/// The last event that a client has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LastId {
    pub(crate) uuid: Uuid,
    pub(crate) time: Timestamp,
}

impl Resume {
    pub(crate) fn start(&self) -> Start {
        match *self {
            Self::Live => Start::Live,
            Self::Earliest => Start::Earliest,
            Self::Since(time) => Start::Time(time),
            Self::LastId(LastId { uuid, time }) => {
                let position = event_id::to_position(uuid).map(Start::After);
                let imported = ExternalId::new(uuid.as_bytes()).map(Start::ExternalId);
                let starts = position.into_iter().chain(imported);
                Start::AnyOf(starts.chain([Start::Time(time.previous())]).collect())
            }
        }
    }

    /// Returns the position that it names, if any.
    pub(crate) fn position(&self) -> Option<Position> {
        match self {
            Self::LastId(last) => event_id::to_position(last.uuid),
            _ => None,
        }
    }

    /// Returns the time that it names, if any.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match *self {
            Self::Live => None,
            Self::Earliest => Some(Timestamp::ZERO),
            Self::Since(time) | Self::LastId(LastId { time, .. }) => Some(time),
        }
    }
}
