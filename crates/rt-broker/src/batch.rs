//! Batches of consecutive entries.

use crate::entry::{EncodingCache, Entry, WireFormat};
use crate::position::{Offset, Position};
use crate::publication::Publication;
use bytes::Bytes;
use std::sync::Arc;

/// Consecutive entries for one subscriber, usually shared with others at the same position.
#[derive(Debug)]
pub struct Batch {
    pub(crate) after: Offset,
    pub(crate) through: Position,
    pub(crate) shared: bool,
    entries: Box<[Arc<Entry>]>,
    encoded: EncodingCache,
}

impl Batch {
    pub(crate) fn new(
        after: Offset,
        through: Position,
        shared: bool,
        entries: Box<[Arc<Entry>]>,
    ) -> Arc<Self> {
        Arc::new(Self { after, through, shared, entries, encoded: EncodingCache::default() })
    }

    /// Returns the entries, oldest first; never empty.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Returns the position after this batch.
    #[must_use]
    pub fn through(&self) -> Position {
        self.through
    }

    /// Returns all its entries in a wire format, one after the other. The first caller joins them,
    /// the others share the bytes. A batch of one entry is that entry's own bytes.
    pub fn encoded(&self, format: WireFormat, encode: impl Fn(&Publication) -> Bytes) -> &Bytes {
        if let [only] = &*self.entries {
            return only.encoded(format, encode);
        }
        self.joined(format, |entries| {
            let parts = || entries.iter().map(|entry| entry.encoded(format, &encode));
            let mut joined = Vec::with_capacity(parts().map(Bytes::len).sum());
            parts().for_each(|part| joined.extend_from_slice(part));
            joined.into()
        })
    }

    /// Returns the whole batch in a wire format as the caller writes it. The first caller makes the
    /// bytes, the others share them. Every caller's `join` must make the same bytes for a format,
    /// which is either [`encoded`](Self::encoded) everywhere or joined everywhere.
    pub fn joined(&self, format: WireFormat, join: impl FnOnce(&[Arc<Entry>]) -> Bytes) -> &Bytes {
        self.encoded.get(format, || join(&self.entries))
    }
}
