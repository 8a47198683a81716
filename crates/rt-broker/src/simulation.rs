//! Entry points into the store of the file engine for the crash simulation, the fuzz targets and the
//! benchmark. They are not part of the public interface and may change in any release.

pub use crate::file::store::simulated_disk::{Fault, Operation, SimulatedDisk};

use crate::file::store::{
    CommitDurability, Disk, Ending, Folder, FrameHead, Journal, JournalOptions, Preparation,
    RealDisk, StoreError,
};
use std::path::Path;
use std::sync::Arc;

/// A journal on a real disk, for measurements.
#[derive(Debug)]
pub struct RawJournal {
    journal: Journal,
    _folder: Folder,
}

impl RawJournal {
    /// Opens the journal in a folder, with the next segment prepared in the background or not.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn open(path: &Path, prepared: bool) -> Self {
        let preparation = if prepared { Preparation::InBackground } else { Preparation::Off };
        let options = JournalOptions { preparation, ..JournalOptions::default() };
        let opened = Folder::open(Arc::new(RealDisk), path)
            .and_then(|folder| Ok((Journal::open(&folder, options, |_| {})?, folder)));
        let ((journal, _), folder) = opened.unwrap_or_else(|error| panic!("{error}"));
        Self { journal, _folder: folder }
    }

    /// Returns the size of all segments, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let segments = self.journal.reader().segments();
        segments.iter().map(|segment| u64::from(segment.bytes)).sum()
    }

    /// Commits these bodies, and returns when they are on the disk.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn commit(&mut self, bodies: &[Vec<u8>]) {
        let mut commit = self.journal.begin();
        for (offset, body) in (0..).zip(bodies) {
            let head = FrameHead { kind: 1, topic: 1, offset, time: 1 };
            commit.push(head, |bytes| bytes.extend_from_slice(body));
        }
        let done = self.journal.commit(commit, CommitDurability::Sync);
        done.unwrap_or_else(|error| panic!("{error}"));
    }
}

const PATH: &str = "/store";

/// Opens the store and returns the offsets of its frames, and how much damage was reported.
fn open(disk: &SimulatedDisk) -> Result<(Folder, Journal, Vec<u64>, u64), StoreError> {
    let folder = Folder::open(Arc::new(disk.clone()), Path::new(PATH))?;
    let mut offsets = Vec::new();
    let options = JournalOptions { segment_bytes: 5000, seed: 1, preparation: Preparation::Off };
    let (journal, recovered) = Journal::open(&folder, options, |frame| {
        let FrameHead { offset, .. } = frame.head;
        assert_eq!(frame.body, body(offset), "a body that was not written");
        offsets.push(offset);
    })?;
    Ok((folder, journal, offsets, recovered.damages))
}

fn body(offset: u64) -> Vec<u8> {
    vec![offset as u8; (offset * 97 % 900) as usize]
}

/// Damages the files of a store as `edits` says, and opens it. Checks for any damage that only frames
/// that were written are read back, in order, that missing frames are reported, and that the store
/// takes new commits.
///
/// # Panics
/// When one of the checks fails.
pub fn recover_damaged(edits: &[u8]) {
    let disk = SimulatedDisk::new();
    let commit = |journal: &mut Journal, offsets: std::ops::Range<u64>| {
        let mut commit = journal.begin();
        for offset in offsets {
            let head = FrameHead { kind: 1, topic: offset % 3, offset, time: offset };
            commit.push(head, |bytes| bytes.extend_from_slice(&body(offset)));
        }
        journal.commit(commit, CommitDurability::Sync).expect("the disk has no fault");
    };
    let (folder, mut journal, ..) = open(&disk).expect("it is new");
    folder.begin(CommitDurability::Sync).expect("the disk has no fault");
    for first in (1..40).step_by(3) {
        commit(&mut journal, first..first + 3);
    }
    drop((folder, journal));
    for edit in edits.chunks_exact(6) {
        damage(&disk, edit);
    }
    // A refusal says why: the marker or a version is damaged.
    let Ok((folder, mut journal, found, damages)) = open(&disk) else { return };
    assert!(found.is_sorted_by(|a, b| a < b), "frames out of order or twice: {found:?}");
    let is_reported = damages > 0 || folder.ending() == Ending::MayHaveLost;
    assert!(found.len() == 39 || is_reported, "a loss that is not reported: {found:?}");
    commit(&mut journal, 100..101);
    drop((folder, journal));
    let (.., again, _) = open(&disk).expect("it was opened before");
    assert_eq!(again, [found, vec![100]].concat(), "what was recovered is still there");
}

fn damage(disk: &SimulatedDisk, edit: &[u8]) {
    let [file, action, high, low, len, value] = edit[..6] else { return };
    let mut paths = disk.paths();
    // This file says how the last process ended, and recovery judges the progress by it.
    paths.retain(|path| !path.ends_with("open"));
    let Some(path) = paths.get(usize::from(file) % paths.len().max(1)) else { return };
    if action % 8 == 7 {
        // A failure leaves the file, which is fine here.
        let _ = disk.remove(path);
        return;
    }
    disk.edit(path, |bytes| {
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        let end = bytes.len().min(at + usize::from(len) + 1);
        match action % 8 {
            0 => bytes.truncate(at),
            1 => bytes[at..end].fill(0),
            2 => bytes[at..end].fill(value),
            3 => drop(bytes.splice(at..at, vec![value; usize::from(len)])),
            4 => drop(bytes.drain(at..end)),
            5 => bytes.extend_from_slice(&vec![value; usize::from(len) * 40]),
            _ => bytes[at..end].iter_mut().take(1).for_each(|byte| *byte ^= 1 << (value % 8)),
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn no_damage_is_silent(edits in prop::collection::vec(any::<[u8; 6]>(), 1..6)) {
            super::recover_damaged(&edits.concat());
        }
    }
}
