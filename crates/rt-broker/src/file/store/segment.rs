//! The files of a journal.

use super::disk::DiskFile;
use super::scan::Window;
use std::io;
use std::sync::Arc;

/// The folder of the segments.
pub(super) const JOURNAL: &str = "journal";
/// The file of the progress.
pub(super) const PROGRESS: &str = "progress";
/// The folder of what recovery cannot use.
pub(super) const CUT_OFF: &str = "cut-off";

/// The largest number of a segment that is looked at. No journal gets there.
const MAX_SEGMENT: u32 = 4_000_000_000;

/// The size of the pieces in which files are copied, in bytes.
const COPY_BYTES: usize = 1 << 20;

/// A segment of an open journal.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) salt: u64,
    /// Byte after the last commit.
    pub(super) end: u32,
    /// Whether the file has bytes of which no copy could be made: it is kept when it is removed.
    pub(super) move_aside: bool,
}

/// The name of a segment's file.
pub(super) fn segment_name(number: u32) -> String {
    format!("{number:010}.log")
}

/// The number of the segment in a file of this name.
pub(super) fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".log")?.parse().ok()?;
    let is_ours = (1..=MAX_SEGMENT).contains(&number) && segment_name(number) == name;
    is_ours.then_some(number)
}

/// Copies the bytes of a file between two places to a place in another, and syncs that.
pub(super) fn copy(
    from: &dyn DiskFile,
    mut at: u64,
    end: u64,
    to: &dyn DiskFile,
    mut to_at: u64,
) -> io::Result<()> {
    let mut window = Window::new(from, end.min(from.len()?));
    while at < window.end() {
        let piece = window.get(at, COPY_BYTES).to_vec();
        // What the disk cannot read stands in the window as other bytes.
        if let Some(error) = window.error.take() {
            return Err(error);
        }
        to.write_at(to_at, &piece)?;
        at += piece.len() as u64;
        to_at += piece.len() as u64;
    }
    to.sync()
}
