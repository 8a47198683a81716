//! A line that is split over chunks: each piece goes straight to where it belongs, so that no byte
//! is looked at twice.

use super::{
    Decoder,
    feed::Step,
    field::{Field, LONGEST_NAME, retry, split},
};
use crate::{scan::Scan, utf8::Tail};
use alloc::string::String;
use core::mem;

/// The line that has begun in an earlier chunk.
#[derive(Default)]
pub(super) struct Line {
    pub(super) state: State,
    /// Its bytes so far.
    len: usize,
    /// Its first bytes, until they tell the field.
    name: [u8; LONGEST_NAME],
    /// Its value so far, if it is not data.
    pub(super) value: String,
    tail: Tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// No line has begun.
    #[default]
    None,
    /// The field is not known yet.
    Name,
    /// A value is coming.
    Value(Field),
    /// The line is over the bound; what is left of it is thrown away.
    Rest,
}

impl Line {
    /// Whether a line other than a comment has begun. A line over the bound counts by what it left
    /// in its block.
    pub(super) fn has_begun_a_field(&self) -> bool {
        match self.state {
            State::None | State::Rest => false,
            State::Name => true,
            State::Value(field) => field != Field::Comment,
        }
    }

    pub(super) fn reset(&mut self) {
        self.state = State::None;
        self.len = 0;
        super::block::clear(&mut self.value);
        self.tail.clear();
    }
}

impl Decoder {
    /// Takes a piece of a line that began earlier or ends later. Gives a step if the line is now
    /// known to be too large.
    #[inline(always)]
    pub(super) fn piece<'c>(&mut self, piece: Scan<'_>) -> Option<Step<'c>> {
        let State::Value(field) = self.line.state else { return self.first_piece(piece.line) };
        self.line.len += piece.line.len();
        if self.is_over(field, self.line.len) {
            return self.overflow();
        }
        match piece.ascii {
            Some(text) => self.append(field, |tail, out| tail.push_ascii(out, text)),
            None => self.append(field, |tail, out| tail.push(out, piece.line)),
        }
        None
    }

    /// The same for a line whose field is not known, or that is not wanted.
    #[inline(never)]
    fn first_piece<'c>(&mut self, piece: &[u8]) -> Option<Step<'c>> {
        if self.line.state == State::Rest {
            return None;
        }
        let held = self.line.len;
        let (name, value) = piece.split_at(piece.len().min(LONGEST_NAME - held));
        self.line.name[held..held + name.len()].copy_from_slice(name);
        self.line.len = held + piece.len();
        self.line.state = State::Name;
        let name = self.line.name;
        let name = &name[..self.line.len.min(LONGEST_NAME)];
        let known = name.len() == LONGEST_NAME || name.first() == Some(&b':');
        let field = if known { self.open(name) } else { Field::Unknown };
        if self.is_over(field, self.line.len) {
            return self.overflow();
        }
        self.append(field, |tail, out| tail.push(out, value));
        None
    }

    /// Ends the line whose last piece was taken.
    pub(super) fn end_of_line<'c, const ALL: bool>(&mut self) -> Option<Step<'c>> {
        if self.line.state == State::Name {
            let name = self.line.name;
            self.open(&name[..self.line.len]);
        }
        let len = mem::take(&mut self.line.len);
        let State::Value(field) = mem::take(&mut self.line.state) else { return None };
        if field == Field::Data {
            self.line.tail.finish(&mut self.block.data);
        } else {
            self.line.tail.finish(&mut self.line.value);
        }
        if field != Field::Comment {
            self.count(len);
        }
        let value = mem::take(&mut self.line.value);
        let step = match field {
            Field::Data | Field::Unknown => None,
            Field::Event => {
                self.block.kind.clear();
                self.block.kind.push_str(&value);
                None
            }
            Field::Id => {
                self.set_id(&value);
                None
            }
            Field::Retry => retry(&value).filter(|_| ALL).map(Step::Retry),
            Field::Comment => ALL.then_some(Step::Comment(None)),
        };
        self.line.value = value;
        match step {
            Some(Step::Comment(_)) => self.spent = true,
            _ => super::block::clear(&mut self.line.value),
        }
        step
    }

    /// The field is known from the line's first bytes.
    fn open(&mut self, name: &[u8]) -> Field {
        let (mut field, value) = split(name);
        if self.block.skip && matches!(field, Field::Data | Field::Event) {
            field = Field::Unknown;
        }
        if field == Field::Data {
            self.next_data_line();
        }
        self.line.state = State::Value(field);
        self.append(field, |tail, out| tail.push(out, &name[value..]));
        field
    }

    /// Appends to where the value of the field is collected, if it is.
    #[inline(always)]
    fn append(&mut self, field: Field, push: impl FnOnce(&mut Tail, &mut String)) {
        match field {
            Field::Data => push(&mut self.line.tail, &mut self.block.data),
            Field::Unknown => {}
            _ => push(&mut self.line.tail, &mut self.line.value),
        }
    }

    /// The line is over the bound: what is left of it is thrown away.
    #[cold]
    fn overflow<'c>(&mut self) -> Option<Step<'c>> {
        let comment = self.line.state == State::Value(Field::Comment);
        self.line.state = State::Rest;
        self.line.tail.clear();
        self.line.value = String::new();
        if comment { Some(Step::TooLarge) } else { self.skip_block() }
    }
}
