//! The index of held publications: one entry for each.

use crate::file::store::Location;
use crate::position::Offset;
use crate::retention::Retained;
use crate::timestamp::Timestamp;

/// A held publication: where it stands in the journal, and what bounds need to know of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::file) struct IndexEntry {
    pub(in crate::file) offset: Offset,
    pub(in crate::file) time: Timestamp,
    pub(in crate::file) size: u32,
    pub(in crate::file) location: Location,
}

impl Retained for IndexEntry {
    fn offset(&self) -> Offset {
        self.offset
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn size(&self) -> usize {
        self.size as usize
    }
}
