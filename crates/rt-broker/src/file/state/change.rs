//! The totals over all topics, and the changes of the transaction under way.

use super::topic::Topic;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// Bounds over all topics.
#[derive(Clone, Copy, Debug)]
pub(in crate::file) struct Limits {
    pub(in crate::file) topics: usize,
    pub(in crate::file) bytes: usize,
    pub(in crate::file) publications: usize,
}

impl Limits {
    /// Whether more is held than they allow.
    pub(super) fn are_exceeded_by(&self, held: Held) -> bool {
        held.bytes > self.bytes || held.publications > self.publications
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::file) struct Held {
    pub(in crate::file) bytes: usize,
    pub(in crate::file) publications: usize,
    /// The bytes of the topics' names.
    pub(in crate::file) names: usize,
}

impl Held {
    pub(super) fn of(topic: &Topic) -> Self {
        let (bytes, publications) = (topic.held.bytes(), topic.held.len());
        Self { bytes, publications, names: topic.name_bytes }
    }

    pub(super) fn replace(&mut self, before: Self, after: Self) {
        self.bytes = self.bytes + after.bytes - before.bytes;
        self.publications = self.publications + after.publications - before.publications;
        self.names = self.names + after.names - before.names;
    }
}

/// The changes of the transaction under way.
#[derive(Default)]
pub(super) struct Change {
    pub(super) touched: Vec<Arc<str>>,
    /// Topics of this number and above were made in it.
    pub(super) first_id: u64,
    pub(super) dropped: Vec<(Arc<str>, Topic)>,
    pub(super) keys: Vec<(Arc<str>, Box<str>)>,
    /// Publications, by the segments in which they were written.
    pub(super) added: Vec<u32>,
    pub(super) recorded: Vec<(u32, Arc<str>)>,
    pub(super) held: Held,
    pub(super) newest: Timestamp,
}
