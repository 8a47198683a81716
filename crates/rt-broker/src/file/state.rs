//! The topics in memory: everything that the engine knows, but the publications themselves.

mod change;
mod replay;
mod segments;
mod topic;
mod topics;

pub(in crate::file) use change::Limits;
pub(in crate::file) use replay::{Loss, Replay, ReplayResult};
pub(in crate::file) use segments::Segments;
pub(in crate::file) use topic::{Slot, Topic, frame};
pub(in crate::file) use topics::{Publish, Published, Topics};
