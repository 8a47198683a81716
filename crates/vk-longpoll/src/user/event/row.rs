//! The values of one row, each as the text that it is.
//!
//! A row is split before it is typed: what tells shapes apart may then be looked at in any order,
//! and no value is read more deeply than its type asks, however deep it is nested.

use crate::MalformedParts;
use crate::json::Typed;
use crate::scan::Values;
use std::cell::RefCell;

/// What is wrong with a row, and at which of its values; the code is value 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Missing(usize),
    Wrong(usize),
    /// The conversation in the object at this place.
    WrongPeer(usize),
}

/// The values of a row, in order, each as JSON.
pub(super) struct Row<'a> {
    /// Most rows have no more: they need no memory of their own.
    first: [&'a str; FIRST],
    more: Vec<&'a str>,
    length: usize,
    /// Borrowed, so that a row has less to drop: that is a per cent of the time that decoding takes.
    malformed: &'a RefCell<MalformedParts>,
}

/// As many as a message has in this version of the protocol and the next ones.
const FIRST: usize = 12;

impl<'a> Row<'a> {
    /// The values of an array; `None` for what is not an array.
    ///
    /// What cannot be read of them is noted in `malformed`.
    #[inline]
    pub(super) fn split(json: &'a str, malformed: &'a RefCell<MalformedParts>) -> Option<Self> {
        let mut row = Self { first: [""; FIRST], more: Vec::new(), length: 0, malformed };
        for value in Values::of_array(json)? {
            match row.first.get_mut(row.length) {
                Some(place) => *place = value,
                None => row.more.push(value),
            }
            row.length += 1;
        }
        Some(row)
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    fn get(&self, at: usize) -> Option<&'a str> {
        if at >= self.length {
            return None;
        }
        self.first.get(at).or_else(|| self.more.get(at - FIRST)).copied()
    }

    /// The value at this place, unless it is absent: `null` is as good as absent.
    pub(super) fn raw(&self, at: usize) -> Option<&'a str> {
        self.get(at).filter(|value| *value != "null")
    }

    /// The value at this place, without which the row is not what its code says.
    pub(super) fn need<T: Typed>(&self, at: usize) -> Result<T, Fault> {
        let raw = self.raw(at).ok_or(Fault::Missing(at))?;
        self.read(at, raw).ok_or(Fault::Wrong(at))
    }

    /// The value at this place, if it has one. One that cannot be read is noted, and as good as
    /// absent.
    pub(super) fn find<T: Typed>(&self, at: usize) -> Option<T> {
        let raw = self.raw(at)?;
        let value = self.read(at, raw);
        if value.is_none() {
            self.note(at, raw);
        }
        value
    }

    /// A value that tells what the event is about: it may be absent, but not unreadable.
    pub(super) fn identity<T: Typed>(&self, at: usize) -> Result<Option<T>, Fault> {
        self.raw(at).map(|_| self.need(at)).transpose()
    }

    /// All values from this place on that can be read; the others are noted.
    pub(super) fn rest<T: Typed>(&self, from: usize) -> Vec<T> {
        (from..self.length).filter_map(|at| self.element(at)).collect()
    }

    /// An element of a list: `null` is no such element.
    fn element<T: Typed>(&self, at: usize) -> Option<T> {
        let value = self.find(at);
        if self.get(at) == Some("null") {
            self.note(at, "null");
        }
        value
    }

    fn read<T: Typed>(&self, at: usize, raw: &str) -> Option<T> {
        if !T::HAS_PARTS {
            return T::typed(raw);
        }
        let mut inner = MalformedParts::default();
        let value = T::read(raw, &mut inner);
        if value.is_some() {
            self.note_within(at, &inner);
        }
        value
    }

    #[cold]
    pub(super) fn note(&self, at: usize, raw: &str) {
        self.malformed.borrow_mut().add(&format!("[{at}]"), raw);
    }

    pub(super) fn note_within(&self, at: usize, inner: &MalformedParts) {
        if !inner.is_empty() {
            self.malformed.borrow_mut().add_within(&format!("[{at}]"), inner);
        }
    }

    /// All values from this place on, whatever they are.
    pub(super) fn all(&self, from: usize) -> Vec<crate::Json> {
        (from..self.length).filter_map(|at| Typed::typed(self.get(at)?)).collect()
    }
}

/// A row that can be read as this.
pub(super) trait FromRow: Sized {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault>;
}
