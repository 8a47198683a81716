//! What is held, stored or for who is connected only, and how it keeps to its bounds.

use super::window::{Item, Window};
use crate::{Bounds, Entry, LIVE_WINDOW};
use std::sync::Arc;

impl Window {
    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        let size = entry.publication().size();
        let live = entry.is_live_only();
        if live {
            self.live.push_back(entry.publication().position().offset());
            self.live_bytes += size;
        } else {
            self.stored += 1;
            self.stored_bytes += size;
        }
        self.private += usize::from(entry.publication().is_for_some_only());
        self.imported += usize::from(entry.publication().is_imported());
        let begin = self.written;
        self.written += size as u64;
        self.items.push_back(Item { entry, begin, live });
    }

    /// Keeps to the bounds; of each kind the newest stays, whatever its size.
    pub(super) fn trim(&mut self) {
        let Bounds { count, bytes, .. } = self.bounds;
        while self.stored > 1 && (self.stored > count || self.stored_bytes > bytes) {
            self.evict();
        }
        let Bounds { count, bytes, .. } = LIVE_WINDOW;
        while self.live.len() > 1 && (self.live.len() > count || self.live_bytes > bytes) {
            self.drop_oldest_live();
        }
    }

    /// Drops what is stored and too old at `now`.
    pub(crate) fn expire(&mut self, now: u64) {
        let Some(limit) = self.bounds.expired_at(now) else { return };
        let old = |item: &Item| item.entry.publication().time() <= limit;
        while self.first_stored().is_some_and(|index| old(&self.items[index])) {
            self.evict();
        }
    }

    fn first_stored(&self) -> Option<usize> {
        self.items.iter().position(|item| !item.live)
    }

    /// Takes the oldest stored entry out of the history. Who is connected keeps it for as long as
    /// the live window has room: a short history must not make gaps for those who read along.
    fn evict(&mut self) {
        let Some(index) = self.first_stored() else { return };
        let item = &mut self.items[index];
        item.live = true;
        let (offset, publication) = (item.offset(), item.entry.publication());
        let size = publication.size();
        self.evicted = (offset, publication.time());
        self.stored -= 1;
        self.stored_bytes -= size;
        self.live_bytes += size;
        let at = self.live.partition_point(|live| *live < offset);
        self.live.insert(at, offset);
        if !self.has_subscribers() {
            self.drop_oldest_live();
        }
    }

    /// Drops the oldest entry that is held for who is connected only.
    pub(super) fn drop_oldest_live(&mut self) -> bool {
        let Some(offset) = self.live.pop_front() else { return false };
        let index = self.items.partition_point(|item| item.offset() < offset);
        let Some(item) = self.items.remove(index) else { return false };
        let publication = item.entry.publication();
        self.live_bytes -= publication.size();
        self.private -= usize::from(publication.is_for_some_only());
        self.imported -= usize::from(publication.is_imported());
        match item.entry.is_live_only() {
            true => self.live_dropped = offset,
            false => self.dropped = offset,
        }
        true
    }
}
