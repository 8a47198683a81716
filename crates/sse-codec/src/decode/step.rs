//! From a chunk to what it completes, a step at a time.

use super::{
    Decoder, Edge,
    cut_line::State,
    feed::Step,
    field::{Field, retry, split},
};
use crate::scan::{Scan, scan};
use alloc::string::String;

/// The bytes of UTF-8's byte order mark.
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

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
                // Mostly a keep-alive: the empty line after it ends nothing.
                if let ([b'\n', after @ ..], true) = (*rest, self.block.is_empty()) {
                    *rest = after;
                }
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

/// Appends a value: the text if it is known, else the bytes, which are not UTF-8 then.
#[inline]
fn push(out: &mut String, text: Option<&str>, bytes: &[u8]) {
    match text {
        Some(text) => out.push_str(text),
        None => out.push_str(&String::from_utf8_lossy(bytes)),
    }
}
