//! Which segment of the journal is being emptied, and how far.

use std::sync::Arc;

/// The segment that is being emptied.
#[derive(Debug)]
pub(super) struct Cleaner {
    pub(super) under_way: Option<Cleaning>,
    /// Whether there may be something to clean: looked at with each new segment and each sweep.
    pub(super) due: bool,
    newest_segment: u32,
}

#[derive(Debug)]
pub(super) struct Cleaning {
    pub(super) segment: u32,
    /// Topics whose newest record may be in it.
    pub(super) topics: Vec<Arc<str>>,
    /// Where to read on.
    pub(super) at: u32,
}

impl Default for Cleaner {
    fn default() -> Self {
        Self { under_way: None, due: true, newest_segment: 0 }
    }
}

impl Cleaner {
    /// Looks for something to clean in the next turn.
    pub(super) fn look(&mut self) {
        self.due = true;
    }

    /// The journal was written in this segment.
    pub(super) fn note_segment(&mut self, segment: u32) {
        self.due |= segment != self.newest_segment;
        self.newest_segment = segment;
    }

    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }
}
