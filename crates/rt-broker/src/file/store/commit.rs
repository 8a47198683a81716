//! Putting a commit together.

use super::format::{COMMIT, CommitMark, FrameHead, MAX_BODY_BYTES, RawHead};
use super::replay::Location;

/// A commit that is being put together.
#[derive(Debug)]
pub(crate) struct Commit {
    number: u64,
    pub(super) place: Place,
    pub(super) salt: u64,
    frames: u64,
    pub(super) bytes: Vec<u8>,
    has_large_body: bool,
}

/// Where a commit is going to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) segment: u32,
    /// Byte in the segment.
    pub(super) start: u32,
    /// Whether the segment must be begun.
    pub(super) is_new_segment: bool,
}

impl Commit {
    /// An empty commit, which reuses the memory of an empty buffer.
    pub(super) fn new(number: u64, place: Place, salt: u64, bytes: Vec<u8>) -> Self {
        Self { number, place, salt, frames: 0, bytes, has_large_body: false }
    }

    /// Appends a frame, whose body is what `write` appends to the buffer, and returns where it will
    /// be once the commit is written. `write` must not change what is in the buffer.
    ///
    /// # Panics
    /// When the kind is 0 or 255.
    pub(crate) fn push(&mut self, head: FrameHead, write: impl FnOnce(&mut Vec<u8>)) -> Location {
        assert!(!matches!(head.kind, 0 | COMMIT), "this kind of frame is the journal's own");
        let location = self.next_location();
        self.append(head, write);
        self.frames += 1;
        location
    }

    /// Returns where the next frame will be.
    pub(crate) fn next_location(&self) -> Location {
        // Where it does not fit, the commit is refused.
        let at = u32::try_from(self.end()).unwrap_or(u32::MAX);
        Location { segment: self.place.segment, at }
    }

    /// Makes room for this many bytes more.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    fn append(&mut self, head: FrameHead, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.end();
        let raw = RawHead::encode_frame(&mut self.bytes, self.salt, at, head, write);
        self.has_large_body |= raw.body_bytes > MAX_BODY_BYTES;
    }

    fn end(&self) -> u64 {
        u64::from(self.place.start) + self.bytes.len() as u64
    }

    /// Appends the frame that ends the commit, and returns the byte after it. `None` where the commit
    /// is too large.
    pub(super) fn finish(&mut self) -> Option<u32> {
        let start = self.place.start.into();
        let mark = CommitMark { number: self.number, frames: self.frames, start };
        self.append(mark.head(), |_| {});
        u32::try_from(self.end()).ok().filter(|_| !self.has_large_body)
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Size so far, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}
