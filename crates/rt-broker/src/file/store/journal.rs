//! Writing the journal.
//!
//! A commit is one write, and one sync where it is asked for. Then the progress is written, and only
//! then is the commit acknowledged. When anything of this fails, the file's end is uncertain, and the
//! journal is never cut: it goes on in a new segment, whose header says where the valid part of the
//! last one ends.
//!
//! **A new segment and a power cut.** With [`Durability::Sync`] the header of a new segment, its entry
//! in the folder, and the progress that names it are synced before its first commit is acknowledged.
//! So a newest segment without a readable header, which the settled progress does not name, has
//! nothing that was acknowledged. With [`Durability::Write`] none of this is synced, nor is the segment before: a
//! header that survives a power cut may name commits that did not, which recovery reports as lost.
//! [`Journal::sync`] syncs all segments that were written since the last sync, oldest first.

use super::disk::{Disk, DiskFile};
use super::error::{ErrorKind, StoreError};
use super::folder::{Durability, Ending, Folder, create_folder};
use super::format::{
    CommitMark, End, FrameHead, HEADER_BYTES, MAX_BODY_BYTES, RawHead, SegmentHeader, Tail,
};
use super::preparer::{Preparation, Preparer};
use super::progress::{Acknowledged, Progress};
use super::reader::{JournalReader, Segment, State};
use super::recover::{self, Opened};
use super::replay::{Frame, Location, Recovered};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of the segments, the file of the progress, and the folder of what recovery cannot use.
pub(super) const JOURNAL: &str = "journal";
pub(super) const PROGRESS: &str = "progress";
const CUT_OFF: &str = "cut-off";

/// A segment that is prepared, in the folder of the segments.
const PREPARED: &str = "prepared.new";

/// The part of a segment that is written before the next one is prepared: small stores stay small.
const PREPARE_AFTER: u32 = 4;

/// The size of a commit's buffer above which its memory is given back, in bytes.
const MAX_KEPT_BUFFER: usize = 1 << 20;

/// How a journal is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalOptions {
    /// Size in bytes at which a segment is full: the commit that reaches it is the last in it.
    pub(crate) segment_bytes: u32,
    /// Seed of the segments' salts, which nobody outside may guess.
    pub(crate) seed: u64,
    /// Whether the next segment is filled with zeros in advance, for faster syncs.
    pub(crate) preparation: Preparation,
}

impl Default for JournalOptions {
    fn default() -> Self {
        // The standard library's hashers are seeded by the operating system.
        let hasher = std::hash::RandomState::new();
        let seed = std::hash::BuildHasher::hash_one(&hasher, "salt");
        Self { segment_bytes: 64 << 20, seed, preparation: Preparation::InBackground }
    }
}

/// The segment that is written.
#[derive(Debug)]
struct Active {
    number: u32,
    salt: u64,
    file: Arc<dyn DiskFile>,
}

/// The end of a segment that is not known to be on the disk.
#[derive(Debug)]
struct Unsynced {
    file: Arc<dyn DiskFile>,
    from: u32,
    /// A sync has failed: the system may take for written what the disk does not have.
    is_suspect: bool,
}

/// A journal that is open for writing.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    reader: JournalReader,
    segment_bytes: u32,
    preparer: Preparer,
    salts: fastrand::Rng,
    progress: Progress,
    said: Acknowledged,
    /// `None` where a new segment must be begun.
    active: Option<Active>,
    next_commit: u64,
    next_segment: u32,
    /// Segments that were written since they were synced.
    unsynced: BTreeMap<u32, Unsynced>,
    /// Whether a segment was begun since the folder was synced and the progress settled.
    unsettled: bool,
    /// Whether a commit that failed may be in a file, and no header makes it void yet.
    has_failed_commit: bool,
    buffer: Vec<u8>,
}

/// A commit that is being put together.
#[derive(Debug)]
pub(crate) struct Commit {
    number: u64,
    segment: u32,
    salt: u64,
    is_first: bool,
    start: u32,
    frames: u64,
    bytes: Vec<u8>,
    has_large_body: bool,
}

impl Commit {
    /// Appends a frame, whose body is what `write` appends to the buffer, and returns where it will
    /// be once the commit is written. `write` must not change what is in the buffer.
    ///
    /// # Panics
    /// When the kind is 0 or 255.
    pub(crate) fn push(&mut self, head: FrameHead, write: impl FnOnce(&mut Vec<u8>)) -> Location {
        assert!(!matches!(head.kind, 0 | 255), "this kind of frame is the journal's own");
        let at = self.append(head, write);
        self.frames += 1;
        // Where it does not fit, the commit is refused.
        Location { segment: self.segment, at: u32::try_from(at).unwrap_or(u32::MAX) }
    }

    /// Returns where the next frame will be.
    pub(crate) fn next_location(&self) -> Location {
        // Where it does not fit, the commit is refused.
        Location { segment: self.segment, at: u32::try_from(self.end()).unwrap_or(u32::MAX) }
    }

    /// Makes room for this many bytes more.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    fn append(&mut self, head: FrameHead, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let at = self.end();
        let raw = RawHead::encode_frame(&mut self.bytes, self.salt, at, head, write);
        self.has_large_body |= raw.body_bytes > MAX_BODY_BYTES;
        at
    }

    fn end(&self) -> u64 {
        u64::from(self.start) + self.bytes.len() as u64
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Size so far, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A segment that is not part of the journal any more. Its file is removed by
/// [`run`](Self::run), which can take long and may be called on any thread.
#[must_use]
#[derive(Debug)]
pub(crate) struct Removal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Where to keep the file.
    aside: Option<PathBuf>,
}

impl Removal {
    /// Removes the file, or moves it aside where damage in it could not be copied.
    ///
    /// # Errors
    /// When it cannot be removed: the next opening tries again.
    pub(crate) fn run(self) -> Result<(), StoreError> {
        let removed = match &self.aside {
            Some(aside) => recover::move_aside(&*self.disk, &self.path, aside),
            None => self.disk.remove(&self.path),
        };
        removed.map_err(|error| StoreError::io(&self.path, "cannot be removed", error))
    }
}

impl Journal {
    /// Opens the journal in a store's folder, which is created in a new store, and passes each frame
    /// that counts to `visit`.
    ///
    /// The journal's files are not changed before the first commit. What recovery could not use is
    /// copied to `cut-off`. Everything that was delivered is on the disk when this returns.
    ///
    /// # Errors
    /// When the journal of a store that was in use is missing, a file has another version of the
    /// format, or a file cannot be read at all. Damage is no error: it is reported.
    pub(crate) fn open(
        folder: &Folder,
        options: JournalOptions,
        mut visit: impl FnMut(Frame<'_>),
    ) -> Result<(Self, Recovered), StoreError> {
        let disk = folder.disk.clone();
        let path = folder.path.join(JOURNAL);
        let (progress, mut said, damaged) =
            Progress::open(disk.clone(), folder.path.join(PROGRESS))?;
        let names = match disk.list(&path) {
            Ok(names) => Some(names),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io(&path, "cannot be read", error)),
        };
        let is_new = names.as_ref().is_none_or(Vec::is_empty) && said.is_none();
        if is_new && !folder.in_use_before() {
            create_folder(&*disk, &path)
                .map_err(|error| StoreError::io(&path, "cannot be created", error))?;
            said = Some(Acknowledged { oldest: 1, ..Acknowledged::default() });
        } else if names.is_none() {
            return Err(missing_journal(&path));
        }
        let may_be_stale = match folder.ending() {
            // The last slot and one other were written when the journal was closed.
            Ending::Closed => damaged.into_iter().filter(|damaged| *damaged).count() > 1,
            // The newest slot is one of the first two. A power cut damages them as a rule.
            _ => folder.was_killed_in_this_boot() && (damaged[0] || damaged[1]),
        };
        let mut opened = recover::open(&*disk, &path, said, may_be_stale, &mut visit)?;
        recover::set_aside(&*disk, &path, &folder.path.join(CUT_OFF), &mut opened);
        let Opened { recovered, segments, tail, next_commit, next_segment, appendable, .. } =
            opened;
        for (number, segment) in &segments {
            let path = path.join(recover::segment_name(*number));
            if folder.was_killed_in_this_boot()
                && let Some(said) = said
                && *number >= said.synced.segment
            {
                let from = if *number == said.synced.segment { said.synced.at } else { 0 };
                rewrite(&path, segment, from)?;
            }
            segment.file.sync().map_err(|error| StoreError::sync(&path, error))?;
        }
        disk.sync_folder(&path).map_err(|error| StoreError::sync(&path, error))?;
        let oldest = segments.keys().next().copied().unwrap_or(1);
        let synced = Location { segment: tail.end.segment, at: tail.end.byte };
        let said = Acknowledged { tail, oldest, synced };
        // A process that was killed may have left a segment whose header was never synced.
        let appendable = appendable && folder.ending() == Ending::Closed;
        let newest = segments.get(&tail.end.segment).filter(|_| appendable);
        let active = newest.map(|newest| Active {
            number: tail.end.segment,
            salt: newest.salt,
            file: newest.file.clone(),
        });
        // Half of the limit leaves room for the commit that fills the segment.
        let half_limit = u32::try_from(disk.file_size_limit() / 2).unwrap_or(u32::MAX);
        let segment_bytes = options.segment_bytes.min(half_limit);
        let prepared = path.join(PREPARED);
        // A file that was not used when the process ended.
        let _ = disk.remove(&prepared);
        let preparer =
            Preparer::new(disk.clone(), prepared, segment_bytes.into(), options.preparation);
        let journal = Self {
            disk,
            reader: JournalReader::new(folder.path.clone(), State { segments, said }),
            segment_bytes,
            preparer,
            salts: fastrand::Rng::with_seed(options.seed),
            progress,
            said,
            active,
            next_commit,
            next_segment,
            unsynced: BTreeMap::new(),
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

    /// Returns the size in bytes at which a segment is full.
    pub(crate) fn segment_bytes(&self) -> u32 {
        self.segment_bytes
    }

    /// Begins a commit. It may be dropped; another one may be begun only then.
    pub(crate) fn begin(&mut self) -> Commit {
        let end = self.said.tail.end;
        let active = self.active.as_ref();
        let active =
            active.filter(|active| active.number != end.segment || end.byte < self.segment_bytes);
        let (segment, salt, start) = match active {
            Some(active) if active.number == end.segment => (active.number, active.salt, end.byte),
            Some(active) => (active.number, active.salt, HEADER_BYTES),
            None => (self.next_segment, self.salts.u64(..), HEADER_BYTES),
        };
        Commit {
            number: self.next_commit,
            segment,
            salt,
            is_first: active.is_none(),
            start,
            frames: 0,
            bytes: std::mem::take(&mut self.buffer),
            has_large_body: false,
        }
    }

    /// Writes a commit; when this returns it is as durable as asked. An empty one is not written.
    ///
    /// # Errors
    /// When the disk is full or fails, a limit on the file's size is met, or the commit is too
    /// large. The journal is as it was before. As far as the disk still takes writes, the commit will
    /// not come back after a crash either. The same commit can be put together and tried again.
    /// After an error of the kind [`ErrorKind::Lost`], commits of [`Durability::Write`] that were not
    /// synced are lost.
    ///
    /// # Panics
    /// When another commit was written since this one was begun.
    pub(crate) fn commit(
        &mut self,
        mut commit: Commit,
        durability: Durability,
    ) -> Result<(), StoreError> {
        assert_eq!(commit.number, self.next_commit, "a commit is begun when the last is written");
        let result = if commit.is_empty() { Ok(()) } else { self.write(&mut commit, durability) };
        self.buffer = commit.bytes;
        self.buffer.clear();
        self.buffer.shrink_to(MAX_KEPT_BUFFER);
        result
    }

    fn write(&mut self, commit: &mut Commit, durability: Durability) -> Result<(), StoreError> {
        let Commit { number, frames, start, .. } = *commit;
        let mark = CommitMark { number, frames, start: start.into() };
        commit.append(mark.head(), |_| {});
        let Ok(byte) = u32::try_from(commit.end()) else {
            return Err(self.too_large());
        };
        if commit.has_large_body {
            return Err(self.too_large());
        }
        let tail = self.said.tail;
        let before = if tail.end.segment == commit.segment { tail.before } else { tail.end };
        let end = End { commit: number, segment: commit.segment, byte };
        let said = Acknowledged { tail: Tail { end, salt: commit.salt, before }, ..self.said };
        if let Err(error) = self.try_write(commit, durability, said) {
            self.abandon_segment();
            return Err(error);
        }
        if byte > self.segment_bytes / PREPARE_AFTER {
            self.preparer.start();
        }
        self.next_commit += 1;
        self.said = said;
        let mut state = self.reader.state_mut();
        state.said = said;
        if let Some(segment) = state.segments.get_mut(&commit.segment) {
            segment.end = byte;
        }
        Ok(())
    }

    fn too_large(&self) -> StoreError {
        let what = "cannot hold a commit of this size: publish less at once";
        StoreError::new(ErrorKind::CommitTooLarge, &self.reader.folder, what)
    }

    fn try_write(
        &mut self,
        commit: &Commit,
        durability: Durability,
        said: Acknowledged,
    ) -> Result<(), StoreError> {
        if commit.is_first {
            self.begin_segment(commit.segment, commit.salt)?;
        }
        let path = || self.reader.path(commit.segment);
        if let Some(active) = &self.active {
            active
                .file
                .write_at(commit.start.into(), &commit.bytes)
                .map_err(|error| StoreError::io(&path(), "cannot be written", error))?;
            let (file, from) = (active.file.clone(), commit.start);
            self.unsynced.entry(active.number).or_insert(Unsynced {
                file,
                from,
                is_suspect: false,
            });
        }
        if durability == Durability::Sync {
            self.sync_segments()?;
            if self.unsettled {
                return self.settle(said);
            }
        }
        let synced = self.synced(said.tail);
        self.progress.write(Acknowledged { synced, ..said })
    }

    /// Begins a segment after the newest commit.
    fn begin_segment(&mut self, number: u32, salt: u64) -> Result<(), StoreError> {
        self.next_segment = number + 1;
        if self.said.tail == Tail::default() && !self.progress.exists() {
            // A journal without its progress is reported as damaged.
            self.progress.settle(self.said)?;
        }
        let (first_commit, previous) = (self.next_commit, self.said.tail);
        let header = SegmentHeader { number, salt, first_commit, previous };
        let path = self.reader.path(number);
        let prepared = self.preparer.take(&path);
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
        let unsynced = Unsynced { file: file.clone(), from: 0, is_suspect: false };
        self.unsynced.insert(number, unsynced);
        self.unsettled = true;
        self.has_failed_commit = false;
        self.active = Some(Active { number, salt, file });
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
        let begun = self
            .begin_segment(number, salt)
            .and_then(|()| self.sync_segments())
            .and_then(|()| self.settle(self.said));
        self.has_failed_commit = begun.is_err();
        if begun.is_err() {
            self.drop_active();
        }
    }

    fn drop_active(&mut self) {
        let Some(active) = self.active.take() else { return };
        if active.number != self.said.tail.end.segment {
            // It holds no commit, so the next header does not name it.
            self.reader.state_mut().segments.remove(&active.number);
            self.unsynced.remove(&active.number);
            let _ = self.disk.remove(&self.reader.path(active.number));
        }
    }

    /// Makes everything that was written survive a power cut.
    ///
    /// # Errors
    /// When the disk fails. The next sync writes again what this one should have synced: only where
    /// the system no longer has it is it lost ([`ErrorKind::Lost`]).
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        let synced = self.sync_segments().and_then(|()| match self.unsettled {
            true => self.settle(self.said),
            false => {
                let synced = self.synced(self.said.tail);
                self.progress.write(Acknowledged { synced, ..self.said })
            }
        });
        if synced.is_err() {
            self.abandon_segment();
        }
        synced
    }

    fn sync_segments(&mut self) -> Result<(), StoreError> {
        while let Some(mut entry) = self.unsynced.first_entry() {
            let number = *entry.key();
            let path = self.reader.path(number);
            let unsynced = entry.get_mut();
            if unsynced.is_suspect && !self.reader.rewrite(number, unsynced.from)? {
                entry.remove();
                return Err(StoreError::new(
                    ErrorKind::Lost,
                    &path,
                    "has lost its end: a sync failed, and what it should have written is gone",
                ));
            }
            if let Err(error) = unsynced.file.sync() {
                unsynced.is_suspect = true;
                return Err(StoreError::sync(&path, error));
            }
            entry.remove();
        }
        Ok(())
    }

    /// The place before which everything is on the disk, in a journal with this end.
    fn synced(&self, tail: Tail) -> Location {
        let synced = Location { segment: tail.end.segment, at: tail.end.byte };
        let first = self.unsynced.first_key_value();
        first.map_or(synced, |(&segment, unsynced)| Location { segment, at: unsynced.from })
    }

    fn settle(&mut self, said: Acknowledged) -> Result<(), StoreError> {
        let folder = self.reader.folder.join(JOURNAL);
        self.disk.sync_folder(&folder).map_err(|error| StoreError::sync(&folder, error))?;
        let synced = self.synced(said.tail);
        self.progress.settle(Acknowledged { synced, ..said })?;
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
        assert!(number != self.said.tail.end.segment, "the newest segment cannot be removed");
        let said = Acknowledged { oldest: segments[1].number, ..self.said };
        if let Err(error) = self.sync_segments().and_then(|()| self.settle(said)) {
            self.abandon_segment();
            return Err(error);
        }
        self.said = said;
        let mut state = self.reader.state_mut();
        state.said = said;
        let removed = state.segments.remove(&number);
        let aside =
            removed.filter(|segment| segment.move_aside).map(|_| self.reader.folder.join(CUT_OFF));
        Ok(Removal { disk: self.disk.clone(), path: self.reader.path(number), aside })
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
        self.sync_segments()?;
        self.settle(self.said)
    }
}

/// Writes the end of a segment once more, which is not known to be on the disk.
///
/// A sync of it may have failed: then the system may still have it to read, and take it for written.
fn rewrite(path: &Path, segment: &Segment, from: u32) -> Result<(), StoreError> {
    let (file, from, end) = (&*segment.file, from.into(), segment.end.into());
    recover::copy(file, from, end, file, from)
        .map_err(|error| StoreError::io(path, "cannot be written", error))
}

fn missing_journal(path: &Path) -> StoreError {
    let what = "does not exist, but the store was in use: restore it from where it was moved to, \
                or the store from a backup, or give a new folder to begin with nothing; nothing \
                was changed";
    StoreError::new(ErrorKind::Refused, path, what)
}
