//! The file that says how far the journal was acknowledged.
//!
//! It is overwritten after each commit, before the commit is acknowledged, without a sync. So it is
//! exact after the process was killed, and may be stale after a power cut. What it says is the least
//! that the journal must hold: without it a journal that lost its end would look complete.
//!
//! Three slots, a block each, keep one of them intact whatever happens. Commits overwrite the first
//! two by turns, so that a damaged one costs one commit's progress. A power cut can destroy both,
//! since neither is synced. The third is only written by [`Progress::settle`], which syncs one of the
//! other two first, and leaves that one alone until the third is synced too.

use super::disk::{Disk, DiskFile};
use super::error::StoreError;
use super::format::{self, FORMAT, Fields, MAGIC, Tail};
use super::replay::Location;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

const SLOTS: usize = 3;
const SETTLED_SLOT: u64 = 2;
/// A block: the unit that a power cut can destroy.
const SLOT_STEP: u64 = 4096;
const SLOT_BYTES: usize = 80;

/// The content of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Checkpoint {
    /// Where the newest acknowledged commit ends.
    pub(super) tail: Tail,
    /// Number of the oldest segment that is still needed.
    pub(super) oldest: u32,
    /// Everything before this place was synced.
    pub(super) synced: Location,
}

/// The file, which is created when it is first written.
#[derive(Debug)]
pub(super) struct Progress {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    /// Grows with each write: of two slots the larger one is newer.
    sequence: u64,
    /// Which of the first two slots is written next.
    turn: u64,
    /// Whether the third slot is known to be on the disk.
    is_settled: bool,
}

impl Progress {
    /// Opens the file if it exists, and returns what it says, `None` where no slot can be read, and
    /// which slots are damaged.
    ///
    /// # Errors
    /// When the file cannot be opened or is of another version.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        path: PathBuf,
    ) -> Result<(Self, Option<Checkpoint>, [bool; SLOTS]), StoreError> {
        let file = match disk.open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io(&path, "cannot be opened", error)),
        };
        let (mut slots, mut versions) = ([None; SLOTS], Vec::new());
        let places = (0..).step_by(SLOT_STEP as usize);
        for ((slot, at), file) in slots.iter_mut().zip(places).zip(file.iter().cycle()) {
            let mut bytes = [0; SLOT_BYTES];
            // A slot that cannot be read counts as damaged.
            let _ = file.read_at(at, &mut bytes);
            *slot = decode(&bytes);
            versions.extend(format::other_version(&bytes));
        }
        // One flipped bit must not look like another version: all slots name it, or none.
        if let [version, rest @ ..] = &versions[..]
            && rest.len() + 1 == SLOTS
            && rest.iter().all(|other| other == version)
        {
            return Err(StoreError::other_version(&path, *version, FORMAT));
        }
        let sequences = slots.map(|slot| slot.map_or(0, |(sequence, _)| sequence));
        let newest = slots.into_iter().flatten().max_by_key(|(sequence, _)| *sequence);
        let (sequence, checkpoint) = newest.unzip();
        let sequence = sequence.unwrap_or(0);
        let turn = u64::from(sequences[1] < sequences[0]);
        let damaged = slots.map(|slot| file.is_some() && slot.is_none());
        Ok((Self { disk, path, file, sequence, turn, is_settled: false }, checkpoint, damaged))
    }

    /// Whether the file exists.
    pub(super) fn exists(&self) -> bool {
        self.file.is_some()
    }

    fn create(&self, checkpoint: Checkpoint) -> Result<Arc<dyn DiskFile>, StoreError> {
        // All slots are valid from the beginning: one that is not is damaged.
        let mut bytes = encode(0, checkpoint);
        bytes.resize(SLOT_STEP as usize, 0);
        let create = || {
            let file = self.disk.create(&self.path)?;
            file.write_at(0, &bytes.repeat(SLOTS))?;
            file.sync()?;
            self.path.parent().map_or(Ok(()), |folder| self.disk.sync_folder(folder))?;
            Ok(file)
        };
        create().map_err(|error| StoreError::io(&self.path, "cannot be created", error))
    }

    /// Writes what was acknowledged, usually without a sync.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&mut self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        if !self.is_settled {
            return self.settle(checkpoint);
        }
        self.write_slot(self.turn, checkpoint)?;
        self.turn = 1 - self.turn;
        Ok(())
    }

    /// Makes what was acknowledged survive a power cut.
    ///
    /// # Errors
    /// When the file cannot be written or synced.
    pub(super) fn settle(&mut self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.write_slot(self.turn, checkpoint)?;
        self.sync()?;
        self.turn = 1 - self.turn;
        self.is_settled = false;
        self.write_slot(SETTLED_SLOT, checkpoint)?;
        self.sync()?;
        self.is_settled = true;
        // So that a slot that was damaged is valid again.
        self.write(checkpoint)
    }

    fn write_slot(&mut self, slot: u64, checkpoint: Checkpoint) -> Result<(), StoreError> {
        let bytes = encode(self.sequence + 1, checkpoint);
        let file = match &self.file {
            Some(file) => file,
            None => {
                let created = self.create(checkpoint)?;
                self.file.insert(created)
            }
        };
        file.write_at(slot * SLOT_STEP, &bytes)
            .map_err(|error| StoreError::io(&self.path, "cannot be written", error))?;
        self.sequence += 1;
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.file
            .as_ref()
            .map_or(Ok(()), |file| file.sync())
            .map_err(|error| StoreError::sync(&self.path, error))
    }
}

fn encode(sequence: u64, checkpoint: Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.oldest.to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.synced.segment.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.synced.at.to_le_bytes());
    checkpoint.tail.encode(&mut bytes);
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    bytes
}

/// Decodes a slot into its sequence number and what it says.
fn decode(slot: &[u8; SLOT_BYTES]) -> Option<(u64, Checkpoint)> {
    let (content, sum) = slot.split_last_chunk()?;
    let mut fields = Fields(content);
    let valid = fields.take() == MAGIC
        && fields.u32() == FORMAT
        && xxh3_64(content) == u64::from_le_bytes(*sum);
    valid.then(|| {
        let (oldest, sequence) = (fields.u32(), fields.u64());
        let synced = Location { segment: fields.u32(), at: fields.u32() };
        (sequence, Checkpoint { tail: Tail::decode(&mut fields), oldest, synced })
    })
}

#[cfg(test)]
mod tests {
    use super::super::simulated_disk::{Fault, Operation, SimulatedDisk};
    use super::*;
    use std::path::Path;

    fn checkpoint(commit: u64) -> Checkpoint {
        let mut checkpoint = Checkpoint { oldest: 1, ..Checkpoint::default() };
        checkpoint.tail.end.commit = commit;
        checkpoint
    }

    fn open(disk: &SimulatedDisk) -> (Progress, Option<u64>) {
        let path = Path::new("/folder/progress").to_owned();
        let (progress, found, _) = Progress::open(Arc::new(disk.clone()), path).unwrap();
        (progress, found.map(|checkpoint| checkpoint.tail.end.commit))
    }

    #[test]
    fn a_kill_loses_nothing_and_a_power_cut_nothing_that_was_settled() {
        for seed in 0..200 {
            let disk = SimulatedDisk::new();
            disk.create_folder(Path::new("/folder")).unwrap();
            disk.sync_folder(Path::new("/")).unwrap();
            let (mut progress, nothing) = open(&disk);
            assert_eq!(nothing, None);
            progress.settle(checkpoint(1)).unwrap();
            // The sync of the third slot fails.
            let mut syncs = 0;
            disk.set_plan(move |_, operation| {
                syncs += u32::from(operation == Operation::Sync);
                (operation == Operation::Sync && syncs == 2).then_some(Fault::Error)
            });
            progress.settle(checkpoint(2)).unwrap_err();
            disk.clear_plan();
            for commit in 3..6 + seed % 2 {
                progress.write(checkpoint(commit)).unwrap();
                assert_eq!(open(&disk).1, Some(commit), "as after a kill");
            }
            disk.power_cut(seed);
            assert!(open(&disk).1 >= Some(2), "seed {seed}: {:?}", open(&disk).1);
        }
    }
}
