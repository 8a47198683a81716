//! The topics in memory: everything that the engine knows, but the publications themselves.

mod change;
mod index_entry;
mod replay;
mod segments;
mod topic;
mod topics;

pub(in crate::file) use change::Limits;
pub(in crate::file) use index_entry::IndexEntry;
pub(in crate::file) use replay::{Loss, Replay, ReplayResult};
pub(in crate::file) use segments::Segments;
pub(in crate::file) use topic::{Topic, frame};
pub(in crate::file) use topics::{Publish, Published, Topics};
