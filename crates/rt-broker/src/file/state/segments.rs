//! The uses of each segment of the journal.

use crate::local::keys;
use crate::timestamp::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The uses of each segment, so that a segment that nothing needs is known without reading it.
#[derive(Debug, Default)]
pub(in crate::file) struct Segments(BTreeMap<u32, Uses>);

#[derive(Debug, Default)]
struct Uses {
    /// Held publications.
    publications: usize,
    /// Topics whose newest record was written there, once; some have a newer one elsewhere.
    topics: Vec<Arc<str>>,
    /// The newest idempotency key.
    newest_key: Timestamp,
}

impl Segments {
    pub(in crate::file) fn add(&mut self, segment: u32) {
        self.0.entry(segment).or_default().publications += 1;
    }

    pub(in crate::file) fn free(&mut self, segment: u32) {
        if let Some(uses) = self.0.get_mut(&segment) {
            uses.publications = uses.publications.saturating_sub(1);
        }
    }

    pub(in crate::file) fn record(&mut self, segment: u32, topic: Arc<str>) {
        self.0.entry(segment).or_default().topics.push(topic);
    }

    pub(in crate::file) fn keep_key(&mut self, segment: u32, time: Timestamp) {
        let newest = &mut self.0.entry(segment).or_default().newest_key;
        *newest = time.max(*newest);
    }

    /// The topics that may have their newest record in a segment.
    pub(in crate::file) fn topics(&self, segment: u32) -> Vec<Arc<str>> {
        self.0.get(&segment).map(|uses| uses.topics.clone()).unwrap_or_default()
    }

    /// Whether the publications and keys of a segment have to be read to be moved elsewhere.
    pub(in crate::file) fn must_be_read(&self, segment: u32, now: Timestamp) -> bool {
        self.0
            .get(&segment)
            .is_some_and(|uses| uses.publications > 0 || uses.newest_key.after(keys::WINDOW) > now)
    }

    /// Held publications in a segment.
    pub(in crate::file) fn publications(&self, segment: u32) -> usize {
        self.0.get(&segment).map_or(0, |uses| uses.publications)
    }

    pub(in crate::file) fn remove(&mut self, segment: u32) {
        self.0.remove(&segment);
    }
}
