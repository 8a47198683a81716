//! Deliveries to a subscriber: batches and gaps.

use crate::batch::Batch;
use crate::position::Position;
use std::fmt;
use std::sync::Arc;

/// An item of a [`Subscription`](crate::Subscription).
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Publications, in order.
    Batch(Arc<Batch>),
    /// Publications between the previous delivery and the next one were lost.
    Gap(Gap),
}

/// A stretch of a topic that a subscriber does not receive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    reason: GapReason,
    from: Box<str>,
    resume: Position,
}

impl Gap {
    pub(crate) fn new(reason: GapReason, from: impl Into<Box<str>>, resume: Position) -> Self {
        Self { reason, from: from.into(), resume }
    }

    /// Returns why the stretch was lost.
    #[must_use]
    pub fn reason(&self) -> GapReason {
        self.reason
    }

    /// Returns the start that the topic could not resume from, as text: a position, an id, or a time
    /// in milliseconds.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Returns the position that the next delivery follows. A subscriber that resumes from it does
    /// not receive this gap again.
    #[must_use]
    pub fn resume(&self) -> Position {
        self.resume
    }
}

/// The reason why a subscriber does not receive a stretch of a topic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GapReason {
    /// The position belongs to another epoch of the topic.
    Epoch,
    /// Publications after the position are no longer held.
    Evicted,
    /// The topic does not know the position or id.
    Unknown,
    /// The subscriber was connected and read too slowly.
    Slow,
    /// The store could not read publications that it should hold.
    Lost,
}

impl GapReason {
    /// Returns the lower-case word for the reason, as servers send it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Evicted => "evicted",
            Self::Unknown => "unknown",
            Self::Slow => "slow",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
