//! The writer thread: commands, commits, housekeeping, recovery.

mod background;
mod cleaner;
mod cleaning;
mod clock;
mod housekeeping;
mod publishing;
mod queue;
mod reading;
mod recovery;
mod shared;
mod thread;

pub(in crate::file) use queue::{Command, QueuedPublish};
pub(in crate::file) use recovery::Opening;
pub(in crate::file) use shared::{Shared, closed};
#[cfg(feature = "simulation")]
pub(in crate::file) use thread::Writer;
