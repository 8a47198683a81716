//! Bounds by count, bytes and age, and how much of them is used.

use crate::bounds::Bounds;
use crate::position::Offset;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// The properties of a publication that bounds depend on.
pub(crate) trait Retained {
    fn offset(&self) -> Offset;

    fn time(&self) -> Timestamp;

    /// Bytes as bounds count them.
    fn size(&self) -> usize;
}

impl<T: Retained> Retained for Arc<T> {
    fn offset(&self) -> Offset {
        (**self).offset()
    }

    fn time(&self) -> Timestamp {
        (**self).time()
    }

    fn size(&self) -> usize {
        (**self).size()
    }
}

/// The newest publication of a topic that is no longer held; all zero where nothing is missing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Evicted {
    /// Its offset.
    pub offset: Offset,
    /// Its time, in the engine's clock.
    pub time: Timestamp,
}

/// How much is held, beside how much may be held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    bounds: Bounds,
    count: usize,
    bytes: usize,
    evicted: Evicted,
}

impl Budget {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, count: 0, bytes: 0, evicted: Evicted::default() }
    }

    pub(crate) fn add(&mut self, item: &impl Retained) {
        self.count += 1;
        self.bytes += item.size();
    }

    pub(crate) fn remove(&mut self, item: &impl Retained) {
        self.count -= 1;
        self.bytes -= item.size();
    }

    /// Removes an item because of a bound.
    pub(crate) fn evict(&mut self, item: &impl Retained) {
        self.remove(item);
        self.note_evicted(Evicted { offset: item.offset(), time: item.time() });
    }

    pub(crate) fn note_evicted(&mut self, evicted: Evicted) {
        if evicted.offset >= self.evicted.offset {
            self.evicted = evicted;
        }
    }

    /// Whether the oldest item has to go: there is more than one and they exceed the count or the
    /// bytes, or it is too old. So the newest stays whatever its size, until it is too old.
    pub(crate) fn must_evict(&self, oldest: &impl Retained, now: Timestamp) -> bool {
        self.is_exceeded() || self.bounds.is_too_old(oldest.time(), now)
    }

    /// Whether there is more than one item, and more than the count or the bytes allow.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.count > 1
            && (self.count > self.bounds.max_count() || self.bytes > self.bounds.max_bytes())
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(crate) fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn evicted(&self) -> Evicted {
        self.evicted
    }
}
