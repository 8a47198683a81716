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
    /// What the server had counted when it gave the `ts`: nothing up to there comes again.
    begin: Option<i64>,
    until: Option<i64>,
}

impl Repeats {
    /// The server says where it is, or (`None`) does not.
    pub(super) fn begin_at(&mut self, pts: Option<i64>) {
        *self = Self { begin: pts, ..Self::default() };
    }

    /// An event was read from the history, at this number.
    pub(super) fn add(&mut self, identity: String, pts: Option<i64>) {
        if pts.zip(self.begin).is_some_and(|(pts, begin)| pts <= begin) {
            return;
        }
        if self.newer.len() >= MOST {
            self.older = std::mem::take(&mut self.newer);
        }
        *self.newer.entry(identity).or_default() += 1;
    }

    /// The history was read up to this number.
    pub(super) fn until(&mut self, pts: Option<i64>) {
        self.until = pts;
    }

    /// Whether this one, at this number, has come before; it may not a second time.
    pub(super) fn take(&mut self, identity: &str, pts: Option<i64>) -> bool {
        if pts.zip(self.until).is_some_and(|(pts, until)| pts > until) {
            return false;
        }
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
