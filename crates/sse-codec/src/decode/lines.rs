//! A line that is split over chunks: each piece goes straight to where it belongs, so that no byte
//! is looked at twice.

use super::{
    Decoder,
    feed::Step,
    field::{Field, LONGEST_NAME, split},
};
use crate::utf8::Tail;
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
    pub(super) fn reset(&mut self) {
        self.state = State::None;
        self.len = 0;
        self.value.clear();
        self.tail.clear();
    }
}

impl Decoder {
    /// Takes a piece of a line that began earlier or ends later. Gives a step if the line is now
    /// known to be too large.
    pub(super) fn piece<'c>(&mut self, mut piece: &[u8]) -> Option<Step<'c>> {
        let len = self.line.len + piece.len();
        match self.line.state {
            State::Rest => return None,
            State::None => self.line.state = State::Name,
            State::Name | State::Value(_) => {}
        }
        if self.line.state == State::Name {
            let held = self.line.len;
            let more = piece.len().min(LONGEST_NAME - held);
            self.line.name[held..held + more].copy_from_slice(&piece[..more]);
            self.line.len += more;
            piece = &piece[more..];
            let name = self.line.name;
            let name = &name[..self.line.len];
            if name.len() == LONGEST_NAME || name.first() == Some(&b':') {
                self.open(name);
            }
        }
        self.line.len = len;
        if self.is_over(len) {
            return self.overflow();
        }
        self.append(piece);
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
            Field::Retry => super::feed::retry(&value).map(Step::Retry),
            Field::Comment => ALL.then_some(Step::Comment(None)),
        };
        self.line.value = value;
        match step {
            Some(Step::Comment(_)) => self.spent = true,
            _ => self.line.value.clear(),
        }
        step
    }

    /// The field is known from the line's first bytes.
    fn open(&mut self, name: &[u8]) {
        let (mut field, value) = split(name);
        if self.block.skip && matches!(field, Field::Data | Field::Event) {
            field = Field::Unknown;
        }
        if field == Field::Data {
            self.next_data_line();
        }
        self.line.state = State::Value(field);
        self.append(&name[value..]);
    }

    #[inline]
    fn append(&mut self, piece: &[u8]) {
        match self.line.state {
            State::Value(Field::Data) => self.line.tail.push(&mut self.block.data, piece),
            State::Value(Field::Unknown) | State::None | State::Name | State::Rest => {}
            State::Value(_) => self.line.tail.push(&mut self.line.value, piece),
        }
    }

    /// Whether a line of `len` bytes is over the bound.
    #[inline]
    fn is_over(&self, len: usize) -> bool {
        if self.line.state == State::Value(Field::Comment) {
            return len > self.max;
        }
        len >= self.max - self.block.size
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
