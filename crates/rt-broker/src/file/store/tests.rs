//! Tests of the journal as a whole.

mod healthy;

use super::disk::RealDisk;
use super::error::StoreError;
use super::folder::{Durability, Folder};
use super::format::FrameHead;
use super::journal::{Journal, JournalOptions};
use super::replay::{Location, Recovered};
use std::path::Path;
use std::sync::Arc;

/// A frame as it was written or read back.
type Written = (FrameHead, Vec<u8>, Location);

const OPTIONS: JournalOptions = JournalOptions { segment_bytes: 10_000, seed: 7 };

fn head(offset: u64) -> FrameHead {
    FrameHead { kind: 1, topic: offset % 3, offset, time: 1000 + offset }
}

/// Opens a journal and returns what it holds.
fn open(path: &Path) -> Result<(Folder, Journal, Recovered, Vec<Written>), StoreError> {
    let folder = Folder::open(Arc::new(RealDisk), path)?;
    let mut frames = Vec::new();
    let (journal, recovered) = Journal::open(&folder, OPTIONS, |frame| {
        frames.push((frame.head, frame.body.to_vec(), frame.location));
    })?;
    Ok((folder, journal, recovered, frames))
}

/// Commits one frame for each body; their offsets count up from `offset`.
fn commit(
    journal: &mut Journal,
    offset: u64,
    bodies: &[Vec<u8>],
    durability: Durability,
) -> Result<Vec<Written>, StoreError> {
    let mut commit = journal.begin();
    let mut push = |(offset, body): (u64, &Vec<u8>)| {
        let location = commit.push(head(offset), |bytes| bytes.extend_from_slice(body));
        (head(offset), body.clone(), location)
    };
    let written = (offset..).zip(bodies).map(&mut push).collect();
    journal.commit(commit, durability)?;
    Ok(written)
}
