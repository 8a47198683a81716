//! Which ends of segments are not known to be on the disk, and syncing them.
//!
//! After a sync that failed, the system takes the pages for written, so a second sync would succeed
//! without them. So what was acknowledged is written once more before it is synced again.

use super::disk::DiskFile;
use super::error::{ErrorKind, StoreError};
use super::format::Tail;
use super::reader::JournalReader;
use super::replay::Location;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The segments that were written since they were synced, by their numbers.
#[derive(Debug, Default)]
pub(super) struct UnsyncedSegments(BTreeMap<u32, Unsynced>);

#[derive(Debug)]
struct Unsynced {
    file: Arc<dyn DiskFile>,
    /// The byte from which the segment was written.
    from: u32,
    /// Whether a sync has failed.
    is_suspect: bool,
}

impl UnsyncedSegments {
    /// Notes that a segment was written from a byte on.
    pub(super) fn note_write(&mut self, number: u32, file: &Arc<dyn DiskFile>, from: u32) {
        let unsynced = || Unsynced { file: file.clone(), from, is_suspect: false };
        self.0.entry(number).or_insert_with(unsynced);
    }

    /// Forgets a segment that was removed.
    pub(super) fn remove(&mut self, number: u32) {
        self.0.remove(&number);
    }

    /// Syncs all segments, oldest first.
    ///
    /// # Errors
    /// When the disk fails, and with [`ErrorKind::Lost`] when what a failed sync should have written
    /// cannot be read back.
    pub(super) fn sync_all(&mut self, reader: &JournalReader) -> Result<(), StoreError> {
        while let Some((&number, _)) = self.0.first_key_value() {
            self.sync(reader, number)?;
        }
        Ok(())
    }

    /// Syncs one segment, unless it is on the disk.
    ///
    /// # Errors
    /// When [`sync_all`](Self::sync_all) fails.
    pub(super) fn sync(&mut self, reader: &JournalReader, number: u32) -> Result<(), StoreError> {
        let Entry::Occupied(mut entry) = self.0.entry(number) else { return Ok(()) };
        let path = reader.path(number);
        let unsynced = entry.get_mut();
        if unsynced.is_suspect && !reader.rewrite(number, unsynced.from)? {
            entry.remove();
            let what = "has lost its end: a sync failed, and what it should have written is gone";
            return Err(StoreError::new(ErrorKind::Lost, &path, what));
        }
        if let Err(error) = unsynced.file.sync() {
            unsynced.is_suspect = true;
            return Err(StoreError::sync(&path, error));
        }
        entry.remove();
        Ok(())
    }

    /// The place before which everything is on the disk, in a journal with this end.
    pub(super) fn synced(&self, tail: Tail) -> Location {
        let synced = Location { segment: tail.end.segment, at: tail.end.byte };
        let first = self.0.first_key_value();
        first.map_or(synced, |(&segment, unsynced)| Location { segment, at: unsynced.from })
    }
}
