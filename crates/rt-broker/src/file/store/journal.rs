//! Writing the journal.
//!
//! A commit is one write, and one sync where it is asked for. Then the progress is written, and only
//! then is the commit acknowledged. When anything of this fails, the file's end is uncertain, and the
//! journal is never cut: it goes on in a new segment, whose header says where the valid part of the
//! last one ends.
//!
//! **A new segment and a power cut.** With [`CommitDurability::Sync`] the header of a new segment, its entry
//! in the folder, and the progress that names it are synced before its first commit is acknowledged.
//! So a newest segment without a readable header, which the settled progress does not name, has
//! nothing that was acknowledged. With [`CommitDurability::Write`] none of this is synced, nor is the
//! segment before: a header that survives a power cut may name commits that did not, which recovery
//! reports as lost.
//! [`Journal::sync`] syncs all segments that were written since the last sync, oldest first.

use super::aside::Removal;
use super::commit::{Commit, Place};
use super::disk::{Disk, DiskFile};
use super::error::{ErrorKind, StoreError};
use super::folder::{CommitDurability, Folder};
use super::format::{End, HEADER_BYTES, SegmentHeader, Tail};
use super::open;
use super::options::JournalOptions;
use super::preparer::Preparer;
use super::progress::{Checkpoint, Progress};
use super::reader::{JournalReader, State};
use super::recover::Inventory;
use super::replay::{Frame, Location, Recovered};
use super::segment::{CUT_OFF, JOURNAL, Segment};
use super::unsynced::UnsyncedSegments;
use std::sync::Arc;

/// A segment that is prepared, in the folder of the segments.
const PREPARED: &str = "prepared.new";

/// Size in bytes of the first segment. Each one is twice as large as the one before, up to the size
/// that is asked for, so that most of a small store is in segments that were prepared.
const FIRST_SEGMENT_BYTES: u32 = 2 << 20;

/// The part of a segment that is written before the next one is prepared: small stores stay small.
const PREPARE_AFTER: u32 = 4;

/// The size of a commit's buffer above which its memory is given back, in bytes.
const MAX_KEPT_BUFFER: usize = 1 << 20;

/// The segment that is written.
#[derive(Debug)]
struct ActiveSegment {
    number: u32,
    salt: u64,
    file: Arc<dyn DiskFile>,
}

/// A journal that is open for writing.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    reader: JournalReader,
    /// The size of the segment that is written, and of those of a large store.
    segment_bytes: u32,
    max_segment_bytes: u32,
    preparer: Preparer,
    salts: fastrand::Rng,
    progress: Progress,
    checkpoint: Checkpoint,
    /// `None` where a new segment must be begun.
    active: Option<ActiveSegment>,
    next_commit: u64,
    next_segment: u32,
    /// Segments that were written since they were synced.
    unsynced: UnsyncedSegments,
    /// Whether a segment was begun since the folder was synced and the progress settled.
    unsettled: bool,
    /// Whether a commit that failed may be in a file, and no header makes it void yet.
    has_failed_commit: bool,
    buffer: Vec<u8>,
}

impl Journal {
    /// Opens the journal in a store's folder, which is created in a new store, and passes each frame
    /// that counts to `visit`.
    ///
    /// What recovery could not use is copied to `cut-off`, and stays where it is. Only a damaged
    /// header is written again, once it was copied. Everything that was delivered is on the disk
    /// when this returns.
    ///
    /// # Errors
    /// When the journal of a store that was in use is missing, a file has another version of the
    /// format, or a file cannot be read at all. Damage is no error: it is reported.
    pub(crate) fn open(
        folder: &Folder,
        options: JournalOptions,
        mut visit: impl FnMut(Frame<'_>),
    ) -> Result<(Self, Recovered), StoreError> {
        let (progress, inventory) = open::open(folder, &mut visit)?;
        let Inventory { recovered, segments, tail, next_commit, next_segment, appendable, .. } =
            inventory;
        let disk = folder.disk.clone();
        let oldest = segments.keys().next().copied().unwrap_or(1);
        let synced = Location { segment: tail.end.segment, at: tail.end.byte };
        let checkpoint = Checkpoint { tail, oldest, synced };
        let newest = segments.get(&tail.end.segment).filter(|_| appendable);
        let active = newest.map(|newest| ActiveSegment {
            number: tail.end.segment,
            salt: newest.salt,
            file: newest.file.clone(),
        });
        // Half of the limit leaves room for the commit that fills the segment.
        let half_limit = u32::try_from(disk.file_size_limit() / 2).unwrap_or(u32::MAX);
        let max_segment_bytes = options.segment_bytes.min(half_limit);
        let bytes = segments.values().map(|segment| segment.end).fold(0, u32::saturating_add);
        let segment_bytes = bytes.max(FIRST_SEGMENT_BYTES).min(max_segment_bytes);
        let prepared = folder.path.join(JOURNAL).join(PREPARED);
        // A file that was not used when the process ended.
        let _ = disk.remove(&prepared);
        let preparer = Preparer::new(disk.clone(), prepared, options.preparation);
        let journal = Self {
            disk,
            reader: JournalReader::new(folder.path.clone(), State { segments, checkpoint }),
            segment_bytes,
            max_segment_bytes,
            preparer,
            salts: fastrand::Rng::with_seed(options.seed),
            progress,
            checkpoint,
            active,
            next_commit,
            next_segment,
            unsynced: UnsyncedSegments::default(),
            unsettled: false,
            has_failed_commit: false,
            buffer: Vec::new(),
        };
        Ok((journal, recovered))
    }

    /// Returns a reader, which other threads may use while the journal is written.
    pub(crate) fn reader(&self) -> &JournalReader {
        &self.reader
    }

    /// Returns the size in bytes at which the present segment is full.
    pub(crate) fn segment_bytes(&self) -> u32 {
        self.segment_bytes
    }

    fn next_segment_bytes(&self) -> u32 {
        self.segment_bytes.saturating_mul(2).min(self.max_segment_bytes)
    }

    /// Begins a commit. It may be dropped, and nothing else may be written before it is committed.
    pub(crate) fn begin(&mut self) -> Commit {
        let place = self.next_place();
        let active = self.active.as_ref().filter(|_| !place.is_new_segment);
        let salt = active.map_or_else(|| self.salts.u64(..), |active| active.salt);
        Commit::new(self.next_commit, place, salt, std::mem::take(&mut self.buffer))
    }

    fn next_place(&self) -> Place {
        let end = self.checkpoint.tail.end;
        let (segment, start) = match &self.active {
            Some(active) if active.number != end.segment => (active.number, HEADER_BYTES),
            Some(_) if end.byte < self.segment_bytes => (end.segment, end.byte),
            _ => {
                let segment = self.next_segment;
                return Place { segment, start: HEADER_BYTES, is_new_segment: true };
            }
        };
        Place { segment, start, is_new_segment: false }
    }

    /// Writes a commit; when this returns it is as durable as asked. An empty one is not written.
    ///
    /// # Errors
    /// When the disk is full or fails, a limit on the file's size is met, or the commit is too
    /// large. The journal is as it was before. As far as the disk still takes writes, the commit will
    /// not come back after a crash either. The same frames can be put together and tried again.
    /// After an error of the kind [`ErrorKind::Lost`], commits of [`CommitDurability::Write`] that were not
    /// synced are lost.
    ///
    /// # Panics
    /// When something else was written since the commit was begun.
    pub(crate) fn commit(
        &mut self,
        mut commit: Commit,
        durability: CommitDurability,
    ) -> Result<(), StoreError> {
        assert_eq!(commit.place, self.next_place(), "nothing was written since it was begun");
        let result = if commit.is_empty() { Ok(()) } else { self.write(&mut commit, durability) };
        self.buffer = commit.bytes;
        self.buffer.clear();
        self.buffer.shrink_to(MAX_KEPT_BUFFER);
        result
    }

    fn write(
        &mut self,
        commit: &mut Commit,
        durability: CommitDurability,
    ) -> Result<(), StoreError> {
        let Some(byte) = commit.finish() else {
            let what = "cannot hold a commit of this size: publish less at once";
            return Err(StoreError::new(ErrorKind::CommitTooLarge, &self.reader.folder, what));
        };
        let (tail, segment) = (self.checkpoint.tail, commit.place.segment);
        let before = if tail.end.segment == segment { tail.before } else { tail.end };
        let end = End { commit: self.next_commit, segment, byte };
        let tail = Tail { end, salt: commit.salt, before };
        let checkpoint = Checkpoint { tail, ..self.checkpoint };
        if let Err(error) = self.try_write(commit, durability, checkpoint) {
            self.abandon_segment();
            return Err(error);
        }
        if byte > self.segment_bytes / PREPARE_AFTER {
            self.preparer.start(self.next_segment_bytes());
        }
        self.next_commit += 1;
        self.checkpoint = checkpoint;
        let mut state = self.reader.state_mut();
        state.checkpoint = checkpoint;
        if let Some(segment) = state.segments.get_mut(&segment) {
            segment.end = byte;
        }
        Ok(())
    }

    fn try_write(
        &mut self,
        commit: &Commit,
        durability: CommitDurability,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreError> {
        let Place { segment, start, is_new_segment } = commit.place;
        if is_new_segment {
            self.begin_segment(segment, commit.salt)?;
        }
        let path = || self.reader.path(segment);
        if let Some(active) = &self.active {
            active
                .file
                .write_at(start.into(), &commit.bytes)
                .map_err(|error| StoreError::io(&path(), "cannot be written", error))?;
            self.unsynced.note_write(active.number, &active.file, start);
        }
        if durability == CommitDurability::Sync {
            self.unsynced.sync_all(&self.reader)?;
            if self.unsettled {
                return self.settle(checkpoint);
            }
        }
        self.write_progress(checkpoint)
    }

    /// Begins a segment after the newest commit.
    fn begin_segment(&mut self, number: u32, salt: u64) -> Result<(), StoreError> {
        self.next_segment = number + 1;
        if self.checkpoint.tail == Tail::default() && !self.progress.exists() {
            // A journal without its progress is reported as damaged.
            self.progress.settle(self.checkpoint)?;
        }
        let (first_commit, previous) = (self.next_commit, self.checkpoint.tail);
        let header = SegmentHeader { number, salt, first_commit, previous };
        let path = self.reader.path(number);
        self.segment_bytes = self.next_segment_bytes();
        let prepared = self.preparer.take(&path, self.segment_bytes);
        let create = || {
            let file = prepared.map_or_else(|| self.disk.create(&path), Ok)?;
            file.write_at(0, &header.encode())?;
            Ok(file)
        };
        let file = create().map_err(|error| {
            // If it stays, recovery finds that no segment follows it.
            let _ = self.disk.remove(&path);
            StoreError::io(&path, "cannot be created", error)
        })?;
        let segment = Segment { file: file.clone(), salt, end: HEADER_BYTES, move_aside: false };
        self.reader.state_mut().segments.insert(number, segment);
        self.unsynced.note_write(number, &file, 0);
        self.unsettled = true;
        self.has_failed_commit = false;
        self.active = Some(ActiveSegment { number, salt, file });
        Ok(())
    }

    /// Leaves a segment whose end is uncertain after a failure.
    ///
    /// The header of the next segment makes what was written after the newest commit void. It is
    /// written at once, so that a crash does not bring a failed commit back; where that fails too,
    /// it is left to the next commit.
    fn abandon_segment(&mut self) {
        // The disk may be full.
        self.preparer.cancel();
        self.drop_active();
        let (number, salt) = (self.next_segment, self.salts.u64(..));
        // The segment that was left may still fail: the header of the new one does not wait for it.
        let begun = self
            .begin_segment(number, salt)
            .and_then(|()| self.unsynced.sync(&self.reader, number))
            .and_then(|()| self.settle(self.checkpoint));
        self.has_failed_commit = begun.is_err();
        if begun.is_err() {
            self.drop_active();
        }
    }

    fn drop_active(&mut self) {
        let Some(active) = self.active.take() else { return };
        if active.number != self.checkpoint.tail.end.segment {
            // It holds no commit, so the next header does not name it.
            self.reader.state_mut().segments.remove(&active.number);
            self.unsynced.remove(active.number);
            let _ = self.disk.remove(&self.reader.path(active.number));
        }
    }

    /// Makes everything that was written survive a power cut.
    ///
    /// # Errors
    /// When the disk fails. The next sync writes again what this one should have synced: only where
    /// the system no longer has it is it lost ([`ErrorKind::Lost`]).
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        let synced = self.unsynced.sync_all(&self.reader).and_then(|()| match self.unsettled {
            true => self.settle(self.checkpoint),
            false => self.write_progress(self.checkpoint),
        });
        if synced.is_err() {
            self.abandon_segment();
        }
        synced
    }

    fn write_progress(&mut self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        let synced = self.unsynced.synced(checkpoint.tail);
        self.progress.write(Checkpoint { synced, ..checkpoint })
    }

    fn settle(&mut self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        let folder = self.reader.folder.join(JOURNAL);
        self.disk.sync_folder(&folder).map_err(|error| StoreError::sync(&folder, error))?;
        let synced = self.unsynced.synced(checkpoint.tail);
        self.progress.settle(Checkpoint { synced, ..checkpoint })?;
        self.unsettled = false;
        Ok(())
    }

    /// Removes the oldest segment from the journal. What is still needed of it must have been
    /// committed again; it is synced first.
    ///
    /// # Errors
    /// When the disk fails: the segment stays then.
    ///
    /// # Panics
    /// When the segment is not the oldest, or the newest commit is in it.
    pub(crate) fn remove_oldest(&mut self, number: u32) -> Result<Removal, StoreError> {
        let segments = self.reader.segments();
        assert!(segments[0].number == number, "only the oldest segment can be removed");
        assert!(number != self.checkpoint.tail.end.segment, "the newest segment cannot be removed");
        let checkpoint = Checkpoint { oldest: segments[1].number, ..self.checkpoint };
        if let Err(error) =
            self.unsynced.sync_all(&self.reader).and_then(|()| self.settle(checkpoint))
        {
            self.abandon_segment();
            return Err(error);
        }
        self.checkpoint = checkpoint;
        let mut state = self.reader.state_mut();
        state.checkpoint = checkpoint;
        let removed = state.segments.remove(&number);
        let aside =
            removed.filter(|segment| segment.move_aside).map(|_| self.reader.folder.join(CUT_OFF));
        Ok(Removal::new(self.disk.clone(), self.reader.path(number), aside))
    }

    /// Waits until a segment that is being prepared is ready.
    #[cfg(test)]
    pub(super) fn wait_for_preparation(&self) {
        self.preparer.wait();
    }

    /// Closes the journal. Everything is on the disk then, and no commit that failed comes back.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn close(mut self) -> Result<(), StoreError> {
        if self.has_failed_commit {
            let salt = self.salts.u64(..);
            self.begin_segment(self.next_segment, salt)?;
        }
        self.unsynced.sync_all(&self.reader)?;
        self.settle(self.checkpoint)
    }
}
