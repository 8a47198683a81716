//! How a journal is written.

use super::preparer::Preparation;

/// How a journal is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalOptions {
    /// Size in bytes at which a segment is full: the commit that reaches it is the last in it. The
    /// first segments of a small store are smaller.
    pub(crate) segment_bytes: u32,
    /// Seed of the segments' salts, which nobody outside may guess.
    pub(crate) seed: u64,
    /// Whether the next segment is filled with zeros in advance, for faster syncs.
    pub(crate) preparation: Preparation,
}

impl Default for JournalOptions {
    fn default() -> Self {
        // The standard library's hashers are seeded by the operating system.
        let hasher = std::hash::RandomState::new();
        let seed = std::hash::BuildHasher::hash_one(&hasher, "salt");
        Self { segment_bytes: 64 << 20, seed, preparation: Preparation::InBackground }
    }
}
