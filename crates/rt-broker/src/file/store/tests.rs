//! Tests of the journal as a whole, on a simulated disk.

mod crash;
mod damage;
mod failures;
mod files;

use super::error::StoreError;
use super::folder::{CommitDurability, Folder};
use super::format::FrameHead;
use super::journal::Journal;
use super::options::JournalOptions;
use super::preparer::Preparation;
use super::replay::{Location, Loss, Recovered};
use super::segment::segment_name;
use super::simulated_disk::SimulatedDisk;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A frame as it was written or read back.
#[derive(Clone, PartialEq, Debug)]
struct Written {
    head: FrameHead,
    body: Vec<u8>,
    location: Location,
}

/// A store that was opened, and what it held.
struct Opened {
    folder: Folder,
    journal: Journal,
    recovered: Recovered,
    frames: Vec<Written>,
}

const PATH: &str = "/store";

/// The path of a segment.
fn segment(number: u32) -> PathBuf {
    Path::new(PATH).join("journal").join(segment_name(number))
}

fn head(offset: u64) -> FrameHead {
    FrameHead { kind: 1, topic: offset % 3, offset, time: 1000 + offset }
}

fn try_open(disk: &SimulatedDisk, segment_bytes: u32) -> Result<Opened, StoreError> {
    let folder = Folder::open(Arc::new(disk.clone()), Path::new(PATH))?;
    let mut frames = Vec::new();
    let seed = disk.paths().len() as u64;
    // A choice that the crash tests can repeat.
    let preparation = if seed.is_multiple_of(2) { Preparation::AtOnce } else { Preparation::Off };
    let options = JournalOptions { segment_bytes, seed, preparation };
    let (journal, recovered) = Journal::open(&folder, options, |frame| {
        let (head, body, location) = (frame.head, frame.body.to_vec(), frame.location);
        frames.push(Written { head, body, location });
    })?;
    Ok(Opened { folder, journal, recovered, frames })
}

fn open(disk: &SimulatedDisk) -> Opened {
    try_open(disk, 10_000).unwrap()
}

impl Opened {
    /// Commits one frame for each body; their offsets count up from `offset`.
    fn commit(
        &mut self,
        offset: u64,
        bodies: &[Vec<u8>],
        durability: CommitDurability,
    ) -> Result<Vec<Written>, StoreError> {
        let mut commit = self.journal.begin();
        let push = |(offset, body): (u64, &Vec<u8>)| {
            let location = commit.push(head(offset), |bytes| bytes.extend_from_slice(body));
            Written { head: head(offset), body: body.clone(), location }
        };
        let written = (offset..).zip(bodies).map(push).collect();
        self.journal.commit(commit, durability)?;
        Ok(written)
    }
}

/// A store on a new disk with a frame for each body, a commit each.
fn write(bodies: &[Vec<u8>]) -> (SimulatedDisk, Opened, Vec<Written>) {
    let disk = SimulatedDisk::new();
    let mut opened = open(&disk);
    opened.folder.begin(CommitDurability::Sync).unwrap();
    let mut written = Vec::new();
    for (offset, body) in (1..).zip(bodies) {
        written.extend(
            opened.commit(offset, std::slice::from_ref(body), CommitDurability::Sync).unwrap(),
        );
    }
    (disk, opened, written)
}

/// Twelve commits in three segments.
fn three_segments() -> (SimulatedDisk, Opened, Vec<Written>) {
    let bodies: Vec<_> = (0..12).map(|n| vec![n + 1; 1500]).collect();
    let (disk, opened, written) = write(&bodies);
    let segments = opened.journal.reader().segments();
    assert_eq!(segments.iter().map(|segment| segment.number).collect::<Vec<_>>(), [1, 2, 3]);
    (disk, opened, written)
}

fn in_segment(written: &[Written], number: u32) -> Vec<Written> {
    written.iter().filter(|frame| frame.location.segment == number).cloned().collect()
}

/// The losses by their segments.
fn losses(opened: &Opened) -> Vec<(u32, Loss)> {
    let damage = &opened.recovered.damage;
    assert_eq!(damage.len() as u64, opened.recovered.damages);
    damage.iter().map(|damage| (damage.location.segment, damage.loss.clone())).collect()
}

/// The losses that an opening reports now.
fn losses_of(disk: &SimulatedDisk) -> Vec<(u32, Loss)> {
    losses(&open(disk))
}

/// Opens the store, commits one more frame, and opens it again: nothing changes but the new frame.
fn reopens_with(disk: &SimulatedDisk, expected: &[Written]) -> Opened {
    let mut opened = open(disk);
    assert_eq!(opened.frames, expected);
    let more = opened.commit(100, &[b"more".to_vec()], CommitDurability::Sync).unwrap();
    drop(opened);
    let opened = open(disk);
    assert_eq!(opened.frames, [expected, &more[..]].concat());
    opened
}
