//! From a chunk to what it completes.

use super::{
    Decoder, Edge,
    field::{Field, split},
    lines::State,
};
use crate::{
    event::{Decoded, Event, EventRef, Item},
    scan::{Scan, scan},
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
        if self.edge != Edge::None {
            self.start_of_chunk(rest);
        }
        if self.line.state != State::None {
            let step = self.resume::<ALL>(rest);
            if step.is_some() || rest.is_empty() {
                return step;
            }
        }
        self.lines::<ALL>(rest)
    }

    /// Decodes lines that begin in this chunk.
    #[inline]
    fn lines<'c, const ALL: bool>(&mut self, rest: &mut &'c [u8]) -> Option<Step<'c>> {
        // One data line and the type, as long as they lie in this chunk.
        let mut data: Option<&'c str> = None;
        let mut kind: Option<&'c str> = None;
        loop {
            let bytes = *rest;
            let Some(&first) = bytes.first() else {
                self.keep(data, kind);
                return None;
            };
            if first == b'\n' || first == b'\r' {
                *rest = self.after_line_end(bytes);
                if let Some(step) = self.dispatch(data.take(), kind.take()) {
                    return Some(step);
                }
                continue;
            }
            let scan = scan(bytes);
            let (line, end) = bytes.split_at(scan.line.len());
            let (field, start) = split(line);
            if end.is_empty() || self.is_over(field, line.len()) {
                self.keep(data.take(), kind.take());
                *rest = end;
                let step = self.piece(Scan { line, ..scan });
                if !end.is_empty() {
                    *rest = self.after_line_end(end);
                    self.end_of_line::<ALL>();
                }
                if step.is_some() || rest.is_empty() {
                    return step;
                }
                continue;
            }
            *rest = self.after_line_end(end);
            if field == Field::Comment && !ALL {
                continue;
            }
            let value = match scan.ascii {
                Some(text) => Some(&text[start..]),
                None => simdutf8::basic::from_utf8(&line[start..]).ok(),
            };
            if let (Field::Data, Some(value), None, [b'\n', after @ ..]) =
                (field, value, kind, *rest)
                && data.is_none()
                && self.block.is_empty()
            {
                // The most common event by far: one line of data and nothing else.
                *rest = after;
                return Some(Step::Event { data: Some(value), kind: None });
            }
            if field != Field::Comment {
                self.count(line.len());
            }
            match (field, value) {
                (Field::Data | Field::Event, _) if self.block.skip => {}
                (Field::Unknown, _) => {}
                (Field::Data, Some(value)) if data.is_none() && !self.block.has_data => {
                    data = Some(value);
                }
                (Field::Data, value) => {
                    self.keep(data.take(), None);
                    self.next_data_line();
                    push(&mut self.block.data, value, &line[start..]);
                }
                (Field::Event, Some(value)) => kind = Some(value),
                (Field::Event, None) => {
                    kind = None;
                    self.block.kind.clear();
                    push(&mut self.block.kind, value, &line[start..]);
                }
                (Field::Id, Some(value)) => self.set_id(value),
                (Field::Id, None) => self.set_id(&String::from_utf8_lossy(&line[start..])),
                (Field::Retry, value) => {
                    if let Some(wait) = value.and_then(retry)
                        && ALL
                    {
                        self.keep(data, kind);
                        return Some(Step::Retry(wait));
                    }
                }
                (Field::Comment, value) => {
                    self.keep(data, kind);
                    if value.is_none() {
                        push(&mut self.line.value, value, &line[start..]);
                        self.spent = true;
                    }
                    return Some(Step::Comment(value));
                }
            }
        }
    }

    /// Goes on with a line that began in an earlier chunk.
    #[inline]
    fn resume<'c, const ALL: bool>(&mut self, rest: &mut &'c [u8]) -> Option<Step<'c>> {
        let scan = scan(rest);
        let end = &rest[scan.line.len()..];
        let step = self.piece(scan);
        if end.is_empty() {
            *rest = end;
            return step;
        }
        *rest = self.after_line_end(end);
        step.or(self.end_of_line::<ALL>())
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

    /// What a step means, owned.
    #[inline]
    pub(crate) fn give(&mut self, step: Step<'_>) -> Decoded {
        match step {
            Step::Event { data, kind } => Decoded::Event(self.give_event(data, kind)),
            step => self.lend(step).to_owned(),
        }
    }

    /// The event of a step, or the bound if it was too large; nothing else.
    #[inline]
    pub(crate) fn give_result(&mut self, step: Step<'_>) -> Option<Result<Event, usize>> {
        match step {
            Step::Event { data, kind } => Some(Ok(self.give_event(data, kind))),
            Step::TooLarge => Some(Err(self.max)),
            Step::Comment(_) | Step::Retry(_) => None,
        }
    }

    /// The event of a step, owned; large data is moved out of its buffer.
    #[inline]
    pub(crate) fn give_event(&mut self, data: Option<&str>, kind: Option<&str>) -> Event {
        let data = match data {
            Some(data) if self.id.is_empty() && kind.is_none() && self.block.kind.is_empty() => {
                return Event::from_data(data.into());
            }
            None if self.block.data.len() >= HAND_OVER => {
                let data = mem::take(&mut self.block.data);
                return Event::assemble(data, kind.unwrap_or(&self.block.kind), &self.id);
            }
            data => data.unwrap_or(&self.block.data),
        };
        EventRef { data, kind: kind.unwrap_or(&self.block.kind), id: &self.id }.to_owned()
    }

    /// The empty line: ends the block.
    #[inline]
    fn dispatch<'c>(&mut self, data: Option<&'c str>, kind: Option<&'c str>) -> Option<Step<'c>> {
        if self.block.is_empty() {
            return None;
        }
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

    /// Whether a line of `len` bytes is over the bound, which it shares with the lines of its block
    /// unless it is a comment.
    #[inline]
    pub(super) fn is_over(&self, field: Field, len: usize) -> bool {
        match field {
            Field::Comment => len > self.max,
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
    fn clear_spent(&mut self) {
        self.spent = false;
        self.line.value.clear();
        if self.block.size == 0 {
            self.block.data.clear();
            self.block.kind.clear();
            self.block.has_data = false;
        }
    }

    /// What comes after the line end that comes first. A CR at the end of the chunk ends the line
    /// at once; an LF that comes next will belong to it.
    #[inline]
    fn after_line_end<'c>(&mut self, bytes: &'c [u8]) -> &'c [u8] {
        match bytes {
            [b'\r', b'\n', after @ ..] => after,
            [b'\r'] => {
                self.edge = Edge::AfterCr;
                &[]
            }
            _ => &bytes[1..],
        }
    }

    /// What may only come first in a chunk: the LF of an earlier CR, and the byte order mark.
    #[cold]
    fn start_of_chunk(&mut self, rest: &mut &[u8]) {
        while let Some(&byte) = rest.first() {
            match self.edge {
                Edge::None => return,
                Edge::AfterCr => {
                    self.edge = Edge::None;
                    if byte != b'\n' {
                        return;
                    }
                }
                Edge::Bom(seen) => {
                    let bom = &BOM[..usize::from(seen)];
                    if byte != BOM[bom.len()] {
                        // No byte order mark after all: what looked like it belongs to the line.
                        self.edge = Edge::None;
                        if seen > 0 {
                            self.piece(Scan { line: bom, ascii: None });
                        }
                        return;
                    }
                    let last = bom.len() + 1 == BOM.len();
                    self.edge = if last { Edge::None } else { Edge::Bom(seen + 1) };
                }
            }
            *rest = &rest[1..];
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

/// Appends a value: the text if it is known, else the bytes, which are not UTF-8 then.
#[inline]
fn push(out: &mut String, text: Option<&str>, bytes: &[u8]) {
    match text {
        Some(text) => out.push_str(text),
        None => out.push_str(&String::from_utf8_lossy(bytes)),
    }
}
