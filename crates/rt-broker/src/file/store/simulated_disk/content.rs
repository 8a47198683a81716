//! The bytes of a simulated file, and which of them are on the disk.

use std::collections::HashMap;
use std::ops::Range;

#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) synced: Vec<u8>,
    /// The ranges that were written since the last sync.
    pub(super) dirty: Vec<Range<usize>>,
    /// The ranges that were dirty when a sync failed.
    pub(super) dropped: Vec<Range<usize>>,
    pub(super) is_locked: bool,
}

impl Content {
    /// Everything is on the disk.
    pub(super) fn settle(&mut self) {
        self.synced.clone_from(&self.bytes);
        self.dirty.clear();
        self.dropped.clear();
        self.is_locked = false;
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[at..end].copy_from_slice(bytes);
        self.dirty.push(at..end);
    }

    pub(super) fn sync(&mut self) {
        self.synced.resize(self.bytes.len(), 0);
        for range in self.dirty.drain(..) {
            self.synced[range.clone()].copy_from_slice(&self.bytes[range.clone()]);
            // What was dropped and written again is on the disk now.
            let rest = |dropped: Range<usize>| {
                let before = dropped.start..dropped.end.min(range.start);
                let after = dropped.start.max(range.end)..dropped.end;
                [before, after].into_iter().filter(|piece| !piece.is_empty())
            };
            self.dropped = std::mem::take(&mut self.dropped).into_iter().flat_map(rest).collect();
        }
    }

    pub(super) fn power_cut(&mut self, rng: &mut fastrand::Rng) {
        let block = 512 << rng.u32(0..4);
        let mut effects = HashMap::new();
        let old = std::mem::take(&mut self.synced);
        let mut lost: Vec<_> = self.dropped.drain(..).chain(self.dirty.drain(..)).collect();
        // A later write to the same place has the same effect: it is in the same block.
        lost.sort_by_key(|range| range.start);
        for range in lost {
            for at in range {
                let effect = *effects.entry(at / block).or_insert_with(|| rng.u8(0..4));
                self.bytes[at] = match effect {
                    0 => self.bytes[at],
                    1 => old.get(at).copied().unwrap_or(0),
                    2 => 0,
                    _ => rng.u8(..),
                };
            }
        }
        if self.bytes.len() > old.len() && rng.bool() {
            self.bytes.truncate(rng.usize(old.len()..self.bytes.len()));
        }
        self.settle();
    }
}
