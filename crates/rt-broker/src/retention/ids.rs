//! Finding a publication by an id that it brought.

use crate::position::Offset;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// An id under which a publication can be found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Id<'a> {
    /// The message's own id, as event streams carry it.
    Message(&'a str),
    /// The id under which it was known where it was imported from.
    External(&'a [u8]),
}

/// The offsets of publications by their ids. Empty, and without memory, in most topics.
///
/// An id is known by its hash alone. Its 64 bits are keyed at random per topic, so no publisher can
/// aim at a collision, and by chance there is none.
#[derive(Default, Debug)]
pub(crate) struct IdIndex(Option<Box<Index>>);

#[derive(Default, Debug)]
struct Index {
    keys: RandomState,
    /// The newest publication with an id.
    offsets: HashMap<u64, Offset>,
    /// The hashes of a publication's ids: at most one of each kind.
    hashes: HashMap<Offset, [Option<u64>; 2]>,
}

impl IdIndex {
    pub(crate) fn insert(&mut self, id: Id<'_>, offset: Offset) {
        let index = self.0.get_or_insert_default();
        let hash = index.keys.hash_one(id);
        index.offsets.insert(hash, offset);
        let [first, second] = index.hashes.entry(offset).or_default();
        if first.is_none() { *first = Some(hash) } else { *second = Some(hash) }
    }

    pub(crate) fn find(&self, id: Id<'_>) -> Option<Offset> {
        let index = self.0.as_ref()?;
        index.offsets.get(&index.keys.hash_one(id)).copied()
    }

    /// Forgets the ids of a publication.
    pub(crate) fn remove(&mut self, offset: Offset) {
        let Some(index) = &mut self.0 else { return };
        for hash in index.hashes.remove(&offset).into_iter().flatten().flatten() {
            // A newer publication may have the same id.
            if index.offsets.get(&hash) == Some(&offset) {
                index.offsets.remove(&hash);
            }
        }
        if index.hashes.is_empty() {
            self.0 = None;
        }
    }
}
