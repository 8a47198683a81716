//! Opening the files of a store: what is there, what is kept aside, and that it is on the disk.

use super::aside;
use super::disk::DiskFile;
use super::error::{ErrorKind, StoreError};
use super::folder::{Ending, Folder, create_folder};
use super::progress::{Checkpoint, Progress};
use super::recover::{self, Inventory};
use super::replay::{Frame, Location};
use super::scan::Window;
use super::segment::{CUT_OFF, JOURNAL, PROGRESS, Segment, copy, segment_name};
use std::io;
use std::path::Path;

/// Recovers the journal in a folder, or creates one in a new store.
///
/// # Errors
/// When [`Journal::open`](super::journal::Journal::open) fails.
pub(super) fn open(
    folder: &Folder,
    visit: &mut dyn FnMut(Frame<'_>),
) -> Result<(Progress, Inventory), StoreError> {
    let disk = &*folder.disk;
    let path = folder.path.join(JOURNAL);
    let (progress, mut checkpoint, damaged) =
        Progress::open(folder.disk.clone(), folder.path.join(PROGRESS))?;
    let names = match disk.list(&path) {
        Ok(names) => Some(names),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(StoreError::io(&path, "cannot be read", error)),
    };
    let is_empty = names.as_ref().is_none_or(Vec::is_empty) && checkpoint.is_none();
    if is_empty && !folder.in_use_before() {
        create_folder(disk, &path)
            .map_err(|error| StoreError::io(&path, "cannot be created", error))?;
        checkpoint = Some(Checkpoint { oldest: 1, ..Checkpoint::default() });
    } else if names.is_none() {
        let what = "does not exist, but the store was in use: restore it from where it was moved \
                    to, or the store from a backup, or give a new folder to begin with nothing; \
                    nothing was changed";
        return Err(StoreError::new(ErrorKind::Refused, &path, what));
    }
    let may_be_stale = match folder.ending() {
        // The last slot and one other were written when the journal was closed.
        Ending::Closed => damaged.into_iter().filter(|damaged| *damaged).count() > 1,
        // The newest slot is one of the first two. That a power cut damages them is usual.
        _ => folder.was_killed_in_this_boot() && (damaged[0] || damaged[1]),
    };
    let mut inventory = recover::open(disk, &path, checkpoint, may_be_stale, visit)?;
    aside::set_aside(disk, &path, &folder.path.join(CUT_OFF), &mut inventory);
    for header in &inventory.repairs {
        // A failure leaves it as it is. Without a copy nothing is overwritten.
        if let Some(segment) = inventory.segments.get(&header.number)
            && !segment.move_aside
        {
            let _ = segment.file.write_at(0, &header.encode());
        }
    }
    let synced = checkpoint.map(|checkpoint| checkpoint.synced);
    let synced = synced.filter(|_| folder.was_killed_in_this_boot());
    for (number, segment) in &inventory.segments {
        secure(&path.join(segment_name(*number)), *number, segment, synced)?;
    }
    disk.sync_folder(&path).map_err(|error| StoreError::sync(&path, error))?;
    // A process that was killed may have left a segment whose header was never synced.
    inventory.appendable &= folder.ending() == Ending::Closed;
    Ok((progress, inventory))
}

/// Makes sure that a segment is on the disk.
///
/// What was not synced before the process was killed is written once more. Perhaps a sync of it had
/// failed: then the system still has it to read, and takes it for written to the disk.
fn secure(
    path: &Path,
    number: u32,
    segment: &Segment,
    synced: Option<Location>,
) -> Result<(), StoreError> {
    let file = &*segment.file;
    if let Some(synced) = synced
        && number >= synced.segment
    {
        let from = if number == synced.segment { synced.at.into() } else { 0 };
        // What the disk cannot read now is left alone: recovery has reported it.
        if is_readable(file, from, segment.end.into()) {
            copy(file, from, segment.end.into(), file, from)
                .map_err(|error| StoreError::io(path, "cannot be written", error))?;
        }
    }
    file.sync().map_err(|error| StoreError::sync(path, error))
}

fn is_readable(file: &dyn DiskFile, from: u64, end: u64) -> bool {
    let mut window = Window::new(file, end);
    let mut at = from;
    while at < end && window.error.is_none() {
        at += window.get(at, 1 << 20).len().max(1) as u64;
    }
    window.error.is_none()
}
