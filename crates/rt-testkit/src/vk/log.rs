//! The events of one account, in their order.

use std::collections::VecDeque;

use serde_json::Value;

/// One event, and where it left the counters.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) row: Value,
    /// The account's pts after this row; a row without a pts of its own repeats the last.
    pub(super) pts: u64,
    pub(super) has_pts: bool,
}

#[derive(Debug)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    /// The counters before the first entry that is kept.
    base_ts: u64,
    base_pts: u64,
    /// Polls from before this are too old.
    floor: u64,
}

/// Whether a row counts in pts and comes back in the history: what happens to messages and to
/// conversations does, who is online, who types and counters do not.
pub fn has_pts(row: &Value) -> bool {
    let code = row.get(0).and_then(Value::as_i64).unwrap_or_default();
    matches!(code, 1..=7 | 10..=14 | 18..=21 | 51 | 52)
}

impl Log {
    pub(super) fn new(ts: u64, pts: u64) -> Self {
        Self { entries: VecDeque::new(), base_ts: ts, base_pts: pts, floor: ts }
    }

    pub(super) fn ts(&self) -> u64 {
        self.base_ts + self.entries.len() as u64
    }

    pub(super) fn pts(&self) -> u64 {
        self.entries.back().map_or(self.base_pts, |entry| entry.pts)
    }

    pub(super) fn push(&mut self, row: Value, has_pts: bool) {
        let pts = self.pts() + u64::from(has_pts);
        self.entries.push_back(Entry { row, pts, has_pts });
    }

    /// Makes polls from before now too old.
    pub(super) fn forget(&mut self) {
        self.floor = self.ts();
    }

    /// Keeps this many rows for polls, and this many in all.
    pub(super) fn shrink(&mut self, for_polls: u64, in_all: usize) {
        self.floor = self.floor.max(self.ts().saturating_sub(for_polls));
        while self.entries.len() > in_all {
            let Some(gone) = self.entries.pop_front() else { break };
            self.base_ts += 1;
            self.base_pts = gone.pts;
        }
        self.floor = self.floor.max(self.base_ts);
    }

    /// Whether a poll may go on from here.
    pub(super) fn covers(&self, ts: u64) -> bool {
        (self.floor..=self.ts()).contains(&ts)
    }

    /// The rows after a `ts` that the log still has; none for one that it has not.
    pub(super) fn after(&self, ts: u64) -> Option<impl Iterator<Item = &Entry>> {
        let known = (self.base_ts..=self.ts()).contains(&ts);
        known.then(|| self.entries.range((ts - self.base_ts) as usize..))
    }

    /// The same by pts.
    pub(super) fn after_pts(&self, pts: u64) -> Option<impl Iterator<Item = &Entry>> {
        let known = (self.base_pts..=self.pts()).contains(&pts);
        let at = self.entries.partition_point(|entry| entry.pts <= pts);
        known.then(|| self.entries.range(at..))
    }

    /// The pts at a ts.
    pub(super) fn pts_at(&self, ts: u64) -> u64 {
        let at = ts.saturating_sub(self.base_ts) as usize;
        let entry = at.checked_sub(1).and_then(|at| self.entries.get(at));
        if ts > self.ts() { self.pts() } else { entry.map_or(self.base_pts, |entry| entry.pts) }
    }
}
