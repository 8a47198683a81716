//! The lowest layer of the file engine: a journal of numbers and bytes in a folder.
//!
//! Everything that an engine must remember is appended to a journal as checksummed frames, and is
//! read back by replaying the journal. This layer knows nothing of topics or publications; the
//! layers above give the frames their meaning.
//!
//! - [`disk`]: the calls that reach the operating system, behind a trait so that tests can fail them.
//! - [`folder`]: whose folder it is, who has it open, and how the last process that used it ended.
//! - [`format`]: the bytes of segment headers and frames.
//! - [`progress`]: the file that says how far the journal was acknowledged.
//! - [`scan`]: reading frames from bytes that may be damaged.
//! - [`replay`]: which frames of a segment count, and what is lost of it.
//! - [`recover`]: opening the files of a journal, and keeping copies of what is not used.
//! - [`preparer`]: filling the next segment with zeros, which makes syncs faster.
//! - [`journal`] and [`reader`]: writing commits; reading frames, cleaning and backups meanwhile.

mod disk;
mod error;
mod folder;
pub(in crate::file) mod format;
mod journal;
pub(in crate::file) mod message_codec;
mod preparer;
mod progress;
mod reader;
pub(in crate::file) mod record;
mod recover;
mod replay;
mod scan;
#[cfg(any(test, feature = "simulation"))]
pub(crate) mod simulated_disk;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "simulation"))]
pub(crate) use preparer::Preparation;
pub(crate) use {
    disk::{Disk, RealDisk},
    error::{ErrorKind, StoreError},
    folder::{Durability, Ending, Folder},
    format::FrameHead,
    journal::{Commit, Journal, JournalOptions, Removal},
    reader::JournalReader,
    replay::{Damage, Frame, Location, Recovered},
};
