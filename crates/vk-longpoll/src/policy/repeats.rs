//! What was read from the history and may come again.
use std::collections::HashMap;

/// More than that many of one age are not remembered: what comes again is among the newest.
const MOST: usize = 5_000;

/// The events that were read from the history lately. The server counted its `ts` before the history
/// was asked: what happened between comes twice.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// How often each may come again.
    newer: HashMap<String, u32>,
    older: HashMap<String, u32>,
    until: Option<i64>,
}

impl Repeats {
    pub(super) fn add(&mut self, identity: String) {
        if self.newer.len() >= MOST {
            self.older = std::mem::take(&mut self.newer);
        }
        *self.newer.entry(identity).or_default() += 1;
    }

    /// The history was read up to this number.
    pub(super) fn until(&mut self, pts: Option<i64>) {
        self.until = pts;
    }

    /// Whether this one has come before; it may not a second time.
    pub(super) fn take(&mut self, identity: &str) -> bool {
        for some in [&mut self.newer, &mut self.older] {
            if let Some(count) = some.get_mut(identity)
                && *count > 0
            {
                *count -= 1;
                return true;
            }
        }
        false
    }

    /// An answer has come up to this number: past the end of the history, nothing is a repeat.
    pub(super) fn passed(&mut self, pts: Option<i64>) {
        let still_within = pts.zip(self.until).is_some_and(|(pts, until)| pts < until);
        if !still_within {
            self.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newer.is_empty() && self.older.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
