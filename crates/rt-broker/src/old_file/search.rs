//! Where a start leads in what is on the disk, and what follows it.

use super::store::Store;
use super::topic::Topic;
use crate::log::{Held, Place, Reader};
use crate::{Claim, Entry, Epoch, Error, Message, Page, Position, Publication, Start};
use std::cell::RefCell;
use std::sync::Arc;

/// How many publications a claim reads at once.
const PAGE: usize = 256;

pub(super) fn read(
    topic: &Topic,
    start: Start,
    limit: usize,
    store: &Store,
) -> Result<Page, Error> {
    let (after, lost) = resolve(topic, start, store)?;
    let range = (after.saturating_add(1), topic.at.head);
    Ok(Page::new(store.entries((topic.id, topic.epoch), range, limit)?, lost))
}

pub(super) fn claim(
    topic: &mut Topic,
    start: Start,
    (limit, bytes): (usize, usize),
    now: u64,
    store: &Store,
) -> Result<Claim, Error> {
    let lease = topic.bounds.lease.ok_or_else(Error::keeps_all)?;
    topic.leases.forget_through(topic.at.evicted.0);
    let (mut after, lost) = resolve(topic, start, store)?;
    let (mut entries, mut taken, mut size) = (Vec::new(), Vec::new(), 0);
    let mut held_since = None;
    'pages: while entries.len() < limit {
        let range = (after.saturating_add(1), topic.at.head);
        let page = store.entries((topic.id, topic.epoch), range, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.publication().position().offset();
        for entry in page {
            let publication = entry.publication();
            let offset = publication.position().offset();
            held_since = held_since.or(Some(publication.time()));
            if !topic.leases.is_free(offset, now) {
                continue;
            }
            if entries.len() == limit || (!entries.is_empty() && size + publication.size() > bytes)
            {
                break 'pages;
            }
            size += publication.size();
            taken.push(offset);
            entries.push(entry);
        }
    }
    let look_again = entries.is_empty().then(|| topic.leases.next_end(now)).flatten();
    topic.leases.take(&taken, now.saturating_add(lease));
    // Where nothing is free, the first that follows is held.
    let held_since = held_since.filter(|_| entries.is_empty());
    let (evicted, _) = topic.at.evicted;
    let evicted = (evicted > 0).then(|| Position::new(topic.epoch, evicted));
    Ok(Claim { held_since, evicted, ..Claim::new(entries, lost, look_again) })
}

/// The offset that a start follows, and whether something before it is lost.
fn resolve(topic: &Topic, start: Start, store: &Store) -> Result<(u64, bool), Error> {
    let (epoch, head, evicted) = (topic.epoch, topic.at.head, topic.at.evicted);
    let held = OnDisk {
        store,
        topic: (topic.id, epoch),
        first: evicted.0.saturating_add(1),
        head,
        imported: topic.at.imported > evicted.0,
        failure: RefCell::default(),
    };
    let mut reader = Reader::new(None, usize::MAX);
    reader.resolve(start, &Place { epoch, head, evicted, held: &held });
    match held.failure.into_inner() {
        Some(error) => Err(error),
        None => Ok((reader.after, reader.gap.is_some())),
    }
}

/// What a topic holds, by what follows each offset: where one is not stored the next one stands in
/// for it, so that a search by halves finds its way.
struct OnDisk<'a> {
    store: &'a Store,
    topic: (u64, Epoch),
    first: u64,
    head: u64,
    imported: bool,
    failure: RefCell<Option<Error>>,
}

impl Held for OnDisk<'_> {
    fn len(&self) -> usize {
        usize::try_from(self.head.saturating_add(1).saturating_sub(self.first))
            .unwrap_or(usize::MAX)
    }

    fn at(&self, index: usize) -> Arc<Entry> {
        let from = self.first.saturating_add(index as u64);
        let found = self.store.entries(self.topic, (from, self.head), 1);
        let found = found.unwrap_or_else(|error| {
            self.failure.replace(Some(error));
            Vec::new()
        });
        found.into_iter().next().unwrap_or_else(|| {
            // Nothing stored follows: what would be there is newer than all that is.
            let end = Position::new(self.topic.1, self.head);
            Entry::new(Publication::new(Message::comment(""), end, u64::MAX), true)
        })
    }

    fn has_imported(&self) -> bool {
        self.imported
    }
}
