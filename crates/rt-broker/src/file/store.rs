//! The lowest layer of the file engine: a journal of numbers and bytes in a folder.
//!
//! Everything that an engine must remember is appended to a journal as checksummed frames, and is
//! read back by replaying the journal. This layer knows nothing of topics or publications; the
//! layers above give the frames their meaning.
//!
//! - [`disk`]: the calls that reach the operating system, behind a trait so that tests can fail them.
//! - [`folder`]: whose folder it is, who has it open, and how the last process that used it ended.
//! - [`mod@format`]: the bytes of segment headers and frames.
//! - [`progress`]: the file that says how far the journal was acknowledged.
//! - [`segment`]: the files of a journal.
//! - [`scan`]: reading frames from bytes that may be damaged.
//! - [`replay`]: which frames of a segment count, and what is lost of it.
//! - [`recover`]: which files belong to a journal, and in which order.
//! - [`aside`]: copies of what recovery does not use.
//! - [`open`]: all of this when a store is opened.
//! - [`preparer`]: filling the next segment with zeros, which makes syncs faster.
//! - [`commit`], [`journal`] and [`reader`]: writing commits; reading frames, cleaning and backups meanwhile.

mod aside;
mod commit;
mod disk;
mod error;
mod fields;
mod folder;
pub(in crate::file) mod format;
mod journal;
pub(in crate::file) mod message_codec;
mod open;
mod options;
mod preparer;
mod progress;
mod reader;
pub(in crate::file) mod record;
mod recover;
mod replay;
mod scan;
mod segment;
#[cfg(any(test, feature = "simulation"))]
pub(crate) mod simulated_disk;
#[cfg(test)]
mod tests;
mod unsynced;

#[cfg(any(test, feature = "simulation"))]
pub(crate) use preparer::Preparation;
pub(crate) use {
    aside::Removal,
    commit::Commit,
    disk::{Disk, RealDisk},
    error::{ErrorKind, StoreError},
    folder::{CommitDurability, Ending, Folder},
    format::FrameHead,
    journal::Journal,
    options::JournalOptions,
    reader::JournalReader,
    replay::{Damage, Frame, Location, Recovered},
};
