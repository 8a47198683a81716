//! The values of one row, each as the text that it is.
//!
//! A row is split before it is typed: what tells shapes apart may then be looked at in any order,
//! and no value is read more deeply than its type asks, however deep it is nested.

use crate::json::Typed;
use crate::scan::Values;

/// What is wrong with a row, and at which of its values; the code is value 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Missing(usize),
    Wrong(usize),
}

/// The values of a row, in order, each as JSON.
pub(super) struct Row<'a> {
    /// Most rows have no more: they need no memory of their own.
    first: [&'a str; FIRST],
    more: Vec<&'a str>,
    length: usize,
}

/// As many as a message has in this version of the protocol and the next ones.
const FIRST: usize = 12;

impl<'a> Row<'a> {
    /// The values of an array; `None` for what is not an array.
    pub(super) fn split(json: &'a str) -> Option<Self> {
        let mut row = Self { first: [""; FIRST], more: Vec::new(), length: 0 };
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

    pub(super) fn need<T: Typed>(&self, at: usize) -> Result<T, Fault> {
        self.raw(at).ok_or(Fault::Missing(at)).and_then(|raw| T::typed(raw).ok_or(Fault::Wrong(at)))
    }

    pub(super) fn find<T: Typed>(&self, at: usize) -> Result<Option<T>, Fault> {
        self.raw(at).map(|raw| T::typed(raw).ok_or(Fault::Wrong(at))).transpose()
    }

    /// All values from this place on.
    pub(super) fn rest<T: Typed>(&self, from: usize) -> Result<Vec<T>, Fault> {
        (from..self.len()).map(|at| self.need(at)).collect()
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
