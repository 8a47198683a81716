//! The state with which an engine opens a log.

use crate::entry::Entry;
use crate::position::{Epoch, Offset};
use crate::retention::Evicted;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The state of a topic with which an engine [opens](crate::Log::open) a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The topic's epoch.
    pub epoch: Epoch,
    /// The offset of the newest publication, held or not; zero before the first.
    pub head: Offset,
    /// All publications that are held, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// The offset and the time of the newest publication that is no longer held.
    pub evicted: Evicted,
    /// Publications after the evicted ones that should be held and could not be read.
    pub lost: Vec<RangeInclusive<Offset>>,
}

impl Snapshot {
    /// Creates the snapshot of a topic without publications.
    #[must_use]
    pub fn empty(epoch: Epoch) -> Self {
        Self {
            epoch,
            head: Offset::ZERO,
            entries: Vec::new(),
            evicted: Evicted::default(),
            lost: Vec::new(),
        }
    }
}
