//! From a chunk to what it completes.

use super::{
    Decoder,
    field::{Field, split},
    lines::State,
};
use crate::{
    event::{Decoded, Event, EventRef, Item},
    scan::scan,
};
use alloc::string::String;
use core::{mem, time::Duration};

/// The bytes of UTF-8's byte order mark.
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// From this size on the data's buffer is handed over, below it is copied and kept.
const HAND_OVER: usize = 4096;

/// A chunk being decoded: gives what it completes, one after the other.
///
/// Lends what it gives, so it is no `Iterator`: take items in a `while let` loop. What is not taken
/// when it is dropped is lost.
#[derive(Debug)]
pub struct Feed<'d, 'c> {
    decoder: &'d mut Decoder,
    rest: &'c [u8],
}

/// What comes next, without a borrow of the decoder: `None` for text stands for its buffers.
pub(crate) enum Step<'c> {
    Event { data: Option<&'c str>, kind: Option<&'c str> },
    Comment(Option<&'c str>),
    Retry(Duration),
    TooLarge,
}

impl<'d, 'c> Feed<'d, 'c> {
    #[inline]
    pub(super) fn new(decoder: &'d mut Decoder, chunk: &'c [u8]) -> Self {
        Self { decoder, rest: chunk }
    }

    /// The next event, comment, retry or report of something too large; `None` when the chunk is
    /// used up.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        let step = self.decoder.step::<true>(&mut self.rest)?;
        Some(self.decoder.lend(step))
    }

    /// As [`next`](Self::next), owned. Large data is moved out of the decoder, not copied.
    #[inline]
    pub fn next_owned(&mut self) -> Option<Decoded> {
        let step = self.decoder.step::<true>(&mut self.rest)?;
        Some(self.decoder.give(step))
    }

    /// What has not been decoded yet.
    pub fn remaining(&self) -> &'c [u8] {
        self.rest
    }
}

impl Decoder {
    /// Decodes up to the next thing to report; without `ALL`, comments and retry are none.
    #[inline]
    pub(crate) fn step<'c, const ALL: bool>(&mut self, rest: &mut &'c [u8]) -> Option<Step<'c>> {
        if self.spent {
            self.clear_spent();
        }
        self.start_of_chunk(rest);
        // One data line and the type, as long as they lie in this chunk.
        let mut data: Option<&'c str> = None;
        let mut kind: Option<&'c str> = None;
        loop {
            let bytes = *rest;
            if self.line.state != State::None {
                let piece = scan(bytes).line;
                *rest = &bytes[piece.len()..];
                if let Some(step) = self.piece(piece) {
                    return Some(step);
                }
                if rest.is_empty() {
                    return None;
                }
                self.skip_line_end(rest);
                if let Some(step) = self.end_of_line::<ALL>() {
                    return Some(step);
                }
                continue;
            }
            let Some(&first) = bytes.first() else {
                self.keep(data, kind);
                return None;
            };
            if first == b'\n' || first == b'\r' {
                self.skip_line_end(rest);
                if let Some(step) = self.dispatch(data.take(), kind.take()) {
                    return Some(step);
                }
                continue;
            }
            let scan = scan(bytes);
            let line = scan.line;
            let (field, start) = split(line);
            let over = if field == Field::Comment {
                line.len() > self.max
            } else {
                line.len() >= self.max - self.block.size
            };
            if over || line.len() == bytes.len() {
                // Cut by the end of the chunk or too large: the loop's first branch ends it.
                self.keep(data.take(), kind.take());
                *rest = &bytes[line.len()..];
                if let Some(step) = self.piece(line) {
                    return Some(step);
                }
                if rest.is_empty() {
                    return None;
                }
                continue;
            }
            *rest = &bytes[line.len()..];
            self.skip_line_end(rest);
            if field != Field::Comment {
                self.count(line.len());
            } else if !ALL {
                continue;
            }
            let value = match scan.ascii {
                Some(text) => Some(&text[start..]),
                None => simdutf8::basic::from_utf8(&line[start..]).ok(),
            };
            match field {
                Field::Data if !self.block.skip => match (value, data) {
                    (Some(value), None) if !self.block.has_data => data = Some(value),
                    _ => {
                        self.keep(data.take(), None);
                        self.next_data_line();
                        match value {
                            Some(value) => self.block.data.push_str(value),
                            None => push_lossy(&mut self.block.data, &line[start..]),
                        }
                    }
                },
                Field::Event if !self.block.skip => match value {
                    Some(value) => kind = Some(value),
                    None => {
                        kind = None;
                        self.block.kind.clear();
                        push_lossy(&mut self.block.kind, &line[start..]);
                    }
                },
                Field::Data | Field::Event | Field::Unknown => {}
                Field::Id => match value {
                    Some(value) => self.set_id(value),
                    None => {
                        let mut id = String::new();
                        push_lossy(&mut id, &line[start..]);
                        self.set_id(&id);
                    }
                },
                Field::Retry => {
                    if let Some(wait) = value.and_then(retry)
                        && ALL
                    {
                        self.keep(data, kind);
                        return Some(Step::Retry(wait));
                    }
                }
                Field::Comment => {
                    self.keep(data, kind);
                    if value.is_none() {
                        push_lossy(&mut self.line.value, &line[start..]);
                        self.spent = true;
                    }
                    return Some(Step::Comment(value));
                }
            }
        }
    }

    /// What a step means, lent.
    #[inline]
    pub(crate) fn lend<'a>(&'a self, step: Step<'a>) -> Item<'a> {
        match step {
            Step::Event { data, kind } => Item::Event(EventRef {
                data: data.unwrap_or(&self.block.data),
                kind: kind.unwrap_or(&self.block.kind),
                id: &self.id,
            }),
            Step::Comment(text) => Item::Comment(text.unwrap_or(&self.line.value)),
            Step::Retry(wait) => Item::Retry(wait),
            Step::TooLarge => Item::TooLarge { limit: self.max },
        }
    }

    /// What a step means, owned; large data is moved out of its buffer.
    #[inline]
    pub(crate) fn give(&mut self, step: Step<'_>) -> Decoded {
        match step {
            Step::Event { data: None, kind } if self.block.data.len() >= HAND_OVER => {
                let data = mem::take(&mut self.block.data);
                let kind = kind.unwrap_or(&self.block.kind);
                Decoded::Event(Event::assemble(data, kind, &self.id))
            }
            step => self.lend(step).to_owned(),
        }
    }

    /// The empty line: ends the block.
    #[inline]
    fn dispatch<'c>(&mut self, data: Option<&'c str>, kind: Option<&'c str>) -> Option<Step<'c>> {
        if self.block.has_id {
            mem::swap(&mut self.id, &mut self.block.id);
            self.block.has_id = false;
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
    fn keep(&mut self, data: Option<&str>, kind: Option<&str>) {
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
    fn clear_spent(&mut self) {
        self.spent = false;
        self.line.value.clear();
        if self.block.size == 0 {
            self.block.data.clear();
            self.block.kind.clear();
            self.block.has_data = false;
        }
    }

    /// Steps over the line end that comes first. A CR at the end of the chunk ends the line at
    /// once; an LF that comes next will belong to it.
    #[inline]
    fn skip_line_end(&mut self, rest: &mut &[u8]) {
        let used = match **rest {
            [b'\r', b'\n', ..] => 2,
            [b'\r'] => {
                self.after_cr = true;
                1
            }
            _ => 1,
        };
        *rest = &rest[used..];
    }

    /// What may only come first in a chunk: the LF of an earlier CR, and the byte order mark.
    #[inline]
    fn start_of_chunk(&mut self, rest: &mut &[u8]) {
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            if rest[0] == b'\n' {
                *rest = &rest[1..];
            }
        }
        if self.bom < 3 {
            self.byte_order_mark(rest);
        }
    }

    #[cold]
    fn byte_order_mark(&mut self, rest: &mut &[u8]) {
        while let Some(&byte) = rest.first()
            && self.bom < 3
        {
            let seen = usize::from(self.bom);
            if byte == BOM[seen] {
                self.bom += 1;
                *rest = &rest[1..];
            } else {
                // No byte order mark after all: what looked like its start belongs to the line.
                self.bom = 3;
                if seen > 0 {
                    self.piece(&BOM[..seen]);
                }
            }
        }
    }
}

/// The value of a retry field, in milliseconds: ASCII digits and nothing else.
pub(crate) fn retry(value: &str) -> Option<Duration> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis = value
        .bytes()
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_millis(millis))
}

/// Appends text that is known not to be UTF-8.
#[cold]
fn push_lossy(out: &mut String, bytes: &[u8]) {
    out.push_str(&String::from_utf8_lossy(bytes));
}
