//! A block: the lines up to an empty one, of which an event may come.

use super::{Decoder, feed::Step, field::Field};
use alloc::string::String;
use core::mem;

/// A buffer of up to this many bytes is kept for the next event.
const KEPT: usize = 64 << 10;

/// The longest id line, in bytes. An id stays in effect and goes with every event after it, so that a
/// long one would be paid for again and again; no server accepts a header as long as this either.
const LONGEST_ID_LINE: usize = 8 << 10;

/// A larger one is kept for this many chunks: events tend to be as large as the ones before.
const LULL: u8 = 64;

/// What the lines since the last empty line amount to.
#[derive(Default)]
pub(super) struct Block {
    pub(super) data: String,
    pub(super) has_data: bool,
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) has_id: bool,
    /// Bytes of the lines so far, a line end counted as one.
    pub(super) size: usize,
    /// The block is over the bound: its data and type are thrown away.
    pub(super) skip: bool,
}

impl Block {
    /// Whether no line has come since the last empty line, other than comments.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.size == 0 && !self.skip
    }
}

impl Decoder {
    /// The empty line: ends the block.
    #[inline]
    pub(super) fn dispatch<'c>(
        &mut self,
        data: Option<&'c str>,
        kind: Option<&'c str>,
    ) -> Option<Step<'c>> {
        if self.block.is_empty() {
            return None;
        }
        if self.block.has_id {
            mem::swap(&mut self.id, &mut self.block.id);
            self.block.has_id = false;
            clear(&mut self.block.id);
        }
        self.block.size = 0;
        if data.is_none() && !self.block.has_data || self.block.skip {
            self.block.skip = false;
            self.clear_spent();
            return None;
        }
        self.spent = self.block.has_data || !self.block.kind.is_empty();
        Some(Step::Event { data, kind })
    }

    /// Keeps what was only lent so far, since the chunk or the turn is over.
    #[inline]
    pub(super) fn keep(&mut self, data: Option<&str>, kind: Option<&str>) {
        if let Some(data) = data {
            self.next_data_line();
            self.block.data.push_str(data);
        }
        if let Some(kind) = kind {
            self.block.kind.clear();
            self.block.kind.push_str(kind);
        }
    }

    /// Another data line begins: an LF stands between it and the one before.
    #[inline]
    pub(super) fn next_data_line(&mut self) {
        if mem::replace(&mut self.block.has_data, true) {
            self.block.data.push('\n');
        }
    }

    /// An id counts from the end of its block on, and not at all if it has a NUL.
    #[inline]
    pub(super) fn set_id(&mut self, id: &str) {
        if memchr::memchr(0, id.as_bytes()).is_none() {
            self.block.id.clear();
            self.block.id.push_str(id);
            self.block.has_id = true;
        }
    }

    /// Whether a line of `len` bytes is over the bound, which it shares with the lines of its block
    /// unless it is a comment.
    #[inline]
    pub(super) fn is_over(&self, field: Field, len: usize) -> bool {
        match field {
            Field::Comment => len > self.max,
            Field::Id if len > LONGEST_ID_LINE => true,
            _ => len >= self.max - self.block.size,
        }
    }

    /// A line of the block has ended; it was within the bound.
    #[inline]
    pub(super) fn count(&mut self, len: usize) {
        if !self.block.skip {
            self.block.size += len + 1;
        }
    }

    /// The block is over the bound: says so, once.
    #[cold]
    pub(super) fn skip_block<'c>(&mut self) -> Option<Step<'c>> {
        self.block.size = 0;
        self.block.data = String::new();
        self.block.kind = String::new();
        self.block.has_data = false;
        (!mem::replace(&mut self.block.skip, true)).then_some(Step::TooLarge)
    }

    /// Clears what was given out.
    pub(super) fn clear_spent(&mut self) {
        self.spent = false;
        clear(&mut self.line.value);
        if self.block.size == 0 {
            if !self.block.data.is_empty() {
                self.lull = 0;
            }
            self.block.data.clear();
            clear(&mut self.block.kind);
            self.block.has_data = false;
        }
    }

    /// Gives back a large buffer that has not been needed for a while; called once a chunk.
    #[inline]
    pub(crate) fn begin_chunk(&mut self) {
        if self.block.data.capacity() > KEPT {
            if self.spent {
                self.clear_spent();
            }
            // What has begun and is not complete is needed.
            if self.block.data.is_empty() {
                self.lull += 1;
                if self.lull == LULL {
                    self.block.data = String::new();
                    self.lull = 0;
                }
            }
        }
    }
}

/// Empties a buffer that is seldom large.
#[inline]
pub(super) fn clear(buffer: &mut String) {
    if buffer.capacity() > KEPT {
        *buffer = String::new();
    }
    buffer.clear();
}
