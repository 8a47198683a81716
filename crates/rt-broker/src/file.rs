//! The engine whose history is in a folder, in four layers, each of which uses those below it only:
//!
//! - [`store`]: the journal and its folder, and what its records say;
//! - [`state`]: the topics in memory, changed in transactions, and made again by replay;
//! - [`writer`]: the thread that writes: commands, commits, housekeeping, recovery;
//! - [`engine`] and [`builder`]: the engine itself.

mod backup;
mod builder;
mod engine;
mod state;
mod store;
mod writer;

/// The disk of the crash simulation: no part of the public interface.
#[cfg(feature = "simulation")]
pub mod simulation {
    pub use super::store::simulated_disk::{Fault, Operation, SimulatedDisk};
}

pub use builder::FileEngineBuilder;
pub use engine::{FileEngine, Import, Imported};
