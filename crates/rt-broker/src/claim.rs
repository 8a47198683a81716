//! Delete after retrieval: publications that are leased to one poller.

use crate::entry::Entry;
use crate::position::Position;
use crate::start::Start;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// A poller's request for publications of a topic whose publications are
/// [deleted after retrieval](crate::Bounds::delete_after_retrieval).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// The start that the claimed publications follow.
    pub start: Start,
    /// The maximum number of publications.
    pub limit: usize,
    /// The approximate maximum of all publications together, in bytes. One publication is claimed
    /// whatever its size.
    pub bytes: usize,
}

impl ClaimRequest {
    /// Requests all publications that follow `start`.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self { start, limit: usize::MAX, bytes: usize::MAX }
    }

    /// Requests at most this many publications.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Requests publications of about this many bytes together, and at least one.
    #[must_use]
    pub fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }
}

/// Publications that one poller has claimed.
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
    /// The time to try again if nothing could be claimed: the next lease of another poller ends then.
    pub look_again: Option<Timestamp>,
    /// The time of the oldest publication after the start that is leased to another poller, if
    /// nothing could be claimed. Its lease may end unconfirmed, so a poller that resumes by time must
    /// not move past it.
    pub held_since: Option<Timestamp>,
    /// The newest position that the topic's bounds evicted before it was claimed.
    pub evicted: Option<Position>,
}

impl Claim {
    /// Creates a claim. For engines.
    #[must_use]
    pub fn new(entries: Vec<Arc<Entry>>, lost: bool, look_again: Option<Timestamp>) -> Self {
        Self { entries, lost, look_again, held_since: None, evicted: None }
    }
}
