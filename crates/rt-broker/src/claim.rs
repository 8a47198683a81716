//! Delete after retrieval: publications that are leased to one poller.

use crate::entry::Entry;
use crate::position::Position;
use crate::start::Start;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// What a poller claims from a topic whose publications are
/// [deleted after retrieval](crate::Bounds::delete_after_retrieval).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// Where to begin.
    pub start: Start,
    /// The largest number of publications.
    pub limit: usize,
    /// About the largest number of bytes of all publications together; one publication is claimed
    /// whatever its size.
    pub bytes: usize,
}

impl ClaimRequest {
    /// Requests all that follows `start`.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self { start, limit: usize::MAX, bytes: usize::MAX }
    }

    /// Requests at most this many publications.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Requests publications of about this many bytes together, and one at least.
    #[must_use]
    pub fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }
}

/// What one poller has claimed.
///
/// The publications are leased to it. The position of the last one, given to
/// [`Broker::confirm`](crate::Broker::confirm), deletes them all. If they are not confirmed, they
/// can be claimed again once the lease has ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claim {
    /// The claimed publications, oldest first; empty if nothing can be claimed now.
    pub entries: Vec<Arc<Entry>>,
    /// Whether publications between the start and the last entry are no longer held or could not be
    /// read.
    pub lost: bool,
    /// When the next lease of another poller ends, if nothing could be claimed: the time to try
    /// again.
    pub look_again: Option<Timestamp>,
    /// The time of the oldest publication after the start that another poller holds, if nothing
    /// could be claimed. It may become free, so a poller that resumes by time must not move past it.
    pub held_since: Option<Timestamp>,
    /// The newest position that left the history before it was claimed, by the topic's bounds.
    pub evicted: Option<Position>,
}

impl Claim {
    /// Creates a claim. For engines.
    #[must_use]
    pub fn new(entries: Vec<Arc<Entry>>, lost: bool, look_again: Option<Timestamp>) -> Self {
        Self { entries, lost, look_again, held_since: None, evicted: None }
    }
}
