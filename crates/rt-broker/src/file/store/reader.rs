//! Reading the journal while it is written: single frames, old segments, and whole copies.

use super::disk::Disk;
use super::error::{ErrorKind, StoreError};
use super::folder::{create_folder, mark_copy};
use super::format::{COMMIT, FrameHead, HEAD_BYTES, HEADER_BYTES, RawHead};
use super::progress::{Checkpoint, Progress};
use super::replay::{Frame, Location};
use super::scan::{Item, Scanner, Window};
use super::segment::{JOURNAL, PROGRESS, Segment, copy as copy_bytes, segment_name};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The journal as readers see it: always as it was after a commit.
#[derive(Debug)]
pub(super) struct State {
    pub(super) segments: BTreeMap<u32, Segment>,
    pub(super) checkpoint: Checkpoint,
}

/// Reads an open journal, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct JournalReader {
    pub(super) folder: Arc<PathBuf>,
    state: Arc<RwLock<State>>,
}

/// A segment and its size up to the last commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentSize {
    pub(crate) number: u32,
    pub(crate) bytes: u32,
}

/// A frame that was read on its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OwnedFrame {
    pub(crate) head: FrameHead,
    pub(crate) body: Bytes,
}

impl JournalReader {
    pub(super) fn new(folder: PathBuf, state: State) -> Self {
        Self { folder: Arc::new(folder), state: Arc::new(RwLock::new(state)) }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a segment.
    pub(crate) fn path(&self, segment: u32) -> PathBuf {
        self.folder.join(JOURNAL).join(segment_name(segment))
    }

    /// The segments of the journal, oldest first.
    pub(crate) fn segments(&self) -> Vec<SegmentSize> {
        let size = |(number, segment): (&u32, &Segment)| SegmentSize {
            number: *number,
            bytes: segment.end,
        };
        self.state().segments.iter().map(size).collect()
    }

    /// Reads the frame at a location, with one read where its body has at most `body_hint` bytes.
    ///
    /// # Errors
    /// When the segment was removed or cannot be read, or the frame is damaged.
    pub(crate) fn read(
        &self,
        location: Location,
        body_hint: usize,
    ) -> Result<OwnedFrame, StoreError> {
        let segment = self.state().segments.get(&location.segment).cloned();
        let Some(segment) = segment else {
            return Err(StoreError::new(
                ErrorKind::Damaged,
                &self.path(location.segment),
                "is not part of the journal any more",
            ));
        };
        let at = u64::from(location.at);
        let read = |bytes: &mut Vec<u8>, len: usize| {
            // The size comes from the caller or from a head with a valid checksum.
            bytes.resize(len.min(segment.end.saturating_sub(location.at) as usize), 0);
            segment.file.read_at(at, bytes).map(|read| bytes.truncate(read)).map_err(|error| {
                StoreError::io(&self.path(location.segment), "cannot be read", error)
            })
        };
        let damaged = || {
            let what = format!(
                "has a damaged record at byte {at}: it is lost, the others are not; check the disk"
            );
            StoreError::new(ErrorKind::Damaged, &self.path(location.segment), what)
        };
        let mut bytes = Vec::new();
        read(&mut bytes, HEAD_BYTES as usize + body_hint)?;
        let raw = RawHead::decode(&bytes, segment.salt, at).ok_or_else(damaged)?;
        let len = HEAD_BYTES as usize + raw.body_bytes as usize;
        if bytes.len() < len {
            read(&mut bytes, len)?;
        }
        bytes.truncate(len);
        let body = Bytes::from(bytes).slice(HEAD_BYTES as usize..);
        if raw.matches(&body, segment.salt) {
            Ok(OwnedFrame { head: raw.head, body })
        } else {
            Err(damaged())
        }
    }

    /// Writes a segment again from a byte on, at which a frame or the segment begins, up to its last
    /// commit. Returns whether all of that could be read back as it was written.
    ///
    /// A sync of it failed: the system may still have it to read, and take it for written to the
    /// disk.
    ///
    /// # Errors
    /// When the segment cannot be written.
    pub(super) fn rewrite(&self, number: u32, from: u32) -> Result<bool, StoreError> {
        let Some(segment) = self.state().segments.get(&number).cloned() else { return Ok(true) };
        let (file, end) = (&*segment.file, u64::from(segment.end));
        let frames = u64::from(from.max(HEADER_BYTES));
        let mut scanner = Scanner::new(Window::new(file, end), segment.salt, frames);
        while scanner.at() < end {
            if !matches!(scanner.next(), Some(Item::Frame { intact: true, .. })) {
                return Ok(false);
            }
        }
        copy_bytes(file, from.into(), end, file, from.into())
            .map_err(|error| StoreError::io(&self.path(number), "cannot be written", error))?;
        Ok(true)
    }

    /// Visits the intact frames of a segment in their order, from a byte on and until about
    /// `max_bytes` were read. Begin at byte 0. Returns where to continue, or `None` at the end.
    ///
    /// # Errors
    /// When the segment was removed.
    pub(crate) fn scan(
        &self,
        segment: u32,
        from: u32,
        max_bytes: u32,
        mut visit: impl FnMut(Frame<'_>),
    ) -> Result<Option<u32>, StoreError> {
        let number = segment;
        let segment = self.state().segments.get(&number).cloned().ok_or_else(|| {
            StoreError::new(
                ErrorKind::Damaged,
                &self.path(number),
                "is not part of the journal any more",
            )
        })?;
        let from = from.max(HEADER_BYTES);
        let window = Window::new(&*segment.file, segment.end.into());
        let mut scanner = Scanner::new(window, segment.salt, from.into());
        while scanner.at() < u64::from(segment.end) {
            let read = scanner.at() - u64::from(from);
            if read >= u64::from(max_bytes) {
                // Less than the segment's end.
                return Ok(Some(scanner.at() as u32));
            }
            match scanner.next() {
                Some(Item::Frame { at, raw, intact: true }) if raw.head.kind != COMMIT => {
                    let location = Location { segment: number, at: at as u32 };
                    visit(Frame { head: raw.head, body: scanner.body(at, &raw), location });
                }
                Some(_) => {}
                None => break,
            }
        }
        Ok(None)
    }

    /// Copies the journal as it is after its newest commit to a folder, which is created and must be
    /// empty. The copy opens as a store of which some may be missing
    /// ([`Ending::MayHaveLost`](super::folder::Ending::MayHaveLost)).
    ///
    /// The journal is written meanwhile. Once `cancelled` is true the copy ends with an error.
    ///
    /// # Errors
    /// When the folder is not empty or cannot be written, or the journal cannot be read. What was
    /// begun is removed.
    pub(crate) fn copy_to(
        &self,
        disk: &Arc<dyn Disk>,
        folder: &Path,
        cancelled: &AtomicBool,
    ) -> Result<(), StoreError> {
        let failed = |error| StoreError::io(folder, "cannot be written", error);
        let existed = disk.list(folder).is_ok();
        create_folder(&**disk, folder).map_err(failed)?;
        if !disk.list(folder).map_err(failed)?.is_empty() {
            let what = "is not empty: give an empty or a new folder; nothing in it was changed";
            return Err(StoreError::new(ErrorKind::Refused, folder, what));
        }
        let copied = self.copy_files(disk, folder, cancelled);
        if copied.is_err() {
            remove_copy(&**disk, folder, existed);
        }
        copied
    }

    fn copy_files(
        &self,
        disk: &Arc<dyn Disk>,
        folder: &Path,
        cancelled: &AtomicBool,
    ) -> Result<(), StoreError> {
        let (segments, checkpoint) = {
            let state = self.state();
            (state.segments.clone(), state.checkpoint)
        };
        let journal = folder.join(JOURNAL);
        let failed = |error| StoreError::io(&journal, "cannot be written", error);
        create_folder(&**disk, &journal).map_err(failed)?;
        for (number, segment) in segments {
            if cancelled.load(Ordering::Relaxed) {
                let what = "was not copied: the copy was cancelled";
                return Err(StoreError::new(ErrorKind::Io, &self.path(number), what));
            }
            let to = journal.join(segment_name(number));
            let copy = || copy_bytes(&*segment.file, 0, segment.end.into(), &*disk.create(&to)?, 0);
            copy().map_err(|error| StoreError::io(&to, "cannot be written", error))?;
        }
        disk.sync_folder(&journal).map_err(failed)?;
        let (mut progress, ..) = Progress::open(disk.clone(), folder.join(PROGRESS))?;
        progress.settle(checkpoint)?;
        mark_copy(&**disk, folder)
    }
}

/// Removes what a failed copy has written, as far as possible.
fn remove_copy(disk: &dyn Disk, folder: &Path, keep_folder: bool) {
    let remove_files = |folder: &Path| -> io::Result<()> {
        for name in disk.list(folder)? {
            let _ = disk.remove(&folder.join(name));
        }
        Ok(())
    };
    let journal = folder.join(JOURNAL);
    let _ = remove_files(&journal).and_then(|()| disk.remove_folder(&journal));
    let _ = remove_files(folder);
    if !keep_folder {
        let _ = disk.remove_folder(folder);
    }
}
