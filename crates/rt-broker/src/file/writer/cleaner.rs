//! Which segment of the journal is being emptied, and how far.

use std::sync::Arc;

/// Bytes that are read of a segment in one step.
const MIN_STEP: u32 = 256 << 10;
const MAX_STEP: u32 = 16 << 20;

/// The segment that is being emptied.
#[derive(Debug)]
pub(super) struct Cleaner {
    pub(super) under_way: Option<Cleaning>,
    /// Whether there may be something to clean: looked at with each new segment and each sweep.
    pub(super) due: bool,
    /// Bytes that were written since the last step.
    written: u64,
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
        Self { under_way: None, due: true, written: 0, newest_segment: 0 }
    }
}

impl Cleaner {
    /// How many bytes to read in the next step: more than were written since the last one, so that
    /// cleaning keeps pace.
    pub(super) fn step_bytes(&mut self) -> u32 {
        let written = u32::try_from(std::mem::take(&mut self.written)).unwrap_or(u32::MAX);
        written.saturating_mul(2).clamp(MIN_STEP, MAX_STEP)
    }

    /// Looks for something to clean in the next turn.
    pub(super) fn look(&mut self) {
        self.due = true;
    }

    /// This many bytes of the journal were written in this segment.
    pub(super) fn note_write(&mut self, segment: u32, bytes: usize) {
        self.written += bytes as u64;
        self.due |= segment != self.newest_segment;
        self.newest_segment = segment;
    }

    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }
}
