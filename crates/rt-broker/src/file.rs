//! The engine whose history is in a folder, in four layers, each of which uses those below it only:
//!
//! - [`store`]: the journal and its folder, and what its records say;
//! - [`state`]: the topics in memory, changed in transactions, and made again by replay;
//! - [`writer`]: the thread that writes: commands, commits, housekeeping, recovery;
//! - [`engine`] and [`builder`]: the engine itself.

mod builder;
mod engine;
mod state;
pub(crate) mod store;
mod writer;

pub use builder::FileEngineBuilder;
pub use engine::{FileEngine, Import, Imported};
