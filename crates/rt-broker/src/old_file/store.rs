//! The embedded store: two key spaces, and nothing of it elsewhere.
//!
//! `events` has the publications by topic and offset. `meta` has, by the first byte of the key: a
//! topic's record by its name (`t`), newer records of several topics that were changed at once, by
//! a number (`d`), an idempotency key by its time (`k`), a removed topic whose
//! publications are still to be deleted (`g`), and the time up to which may be stamped (`r`).

use super::codec::{self, Record};
use crate::{Entry, Epoch, Error, Position};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const TOPIC: u8 = b't';
const DELTA: u8 = b'd';
pub(super) const KEY: u8 = b'k';
pub(super) const GARBAGE: u8 = b'g';
pub(super) const RESERVED: u8 = b'r';

/// What fills in memory before it becomes a file. Small, since all of it is read again at opening.
const MEMTABLE: u64 = 16 << 20;
const JOURNALS: u64 = 64 << 20;
const CACHE: u64 = 32 << 20;
/// Publications that are read at once where they are only counted.
const PAGE: usize = 256;
/// Records that a copy writes as one change.
const AT_ONCE: usize = 4_096;
const AT_ONCE_BYTES: usize = 4 << 20;

pub(super) struct Store {
    db: Database,
    events: Keyspace,
    meta: Keyspace,
    /// Changes that were made since the last that was synced.
    #[cfg(test)]
    unsynced: std::sync::atomic::AtomicUsize,
}

/// Reads all of a store as it was at one moment.
pub(super) struct Copier {
    snapshot: fjall::Snapshot,
    events: Keyspace,
    meta: Keyspace,
}

/// Changes that are made together or not at all.
pub(super) struct Changes {
    batch: OwnedWriteBatch,
    events: Keyspace,
    meta: Keyspace,
}

/// Records by the topics' names, and numbers of newer ones.
type Records = (HashMap<Arc<str>, Record>, Vec<u64>);

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, fjall::Error> {
        let db = Database::builder(path)
            .cache_size(CACHE)
            .max_journaling_size(JOURNALS)
            .manual_journal_persist(true)
            .worker_threads(2)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE);
        let (events, meta) = (db.keyspace("events", options)?, db.keyspace("meta", options)?);
        Ok(Self {
            db,
            events,
            meta,
            #[cfg(test)]
            unsynced: Default::default(),
        })
    }

    pub(super) fn changes(&self) -> Changes {
        let (batch, events) = (self.db.batch(), self.events.clone());
        Changes { batch, events, meta: self.meta.clone() }
    }

    /// Makes changes; they are in the operating system's hands then, and with `sync` on the disk.
    pub(super) fn commit(&self, changes: Changes, sync: bool) -> Result<(), fjall::Error> {
        let mode = if sync { PersistMode::SyncData } else { PersistMode::Buffer };
        changes.batch.durability(Some(mode)).commit()?;
        #[cfg(test)]
        self.note(1, mode);
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), fjall::Error> {
        let mode = PersistMode::SyncData;
        self.db.persist(mode)?;
        #[cfg(test)]
        self.note(0, mode);
        Ok(())
    }

    /// Notes what was asked of the disk.
    #[cfg(test)]
    fn note(&self, made: usize, mode: PersistMode) {
        let synced = matches!(mode, PersistMode::SyncData | PersistMode::SyncAll);
        let before = if synced { 0 } else { self.unsynced() + made };
        self.unsynced.store(before, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn unsynced(&self) -> usize {
        self.unsynced.load(Ordering::Relaxed)
    }

    pub(super) fn copier(&self) -> Copier {
        let (events, meta) = (self.events.clone(), self.meta.clone());
        Copier { snapshot: self.db.snapshot(), events, meta }
    }

    /// Publications of a topic from one offset through another, oldest first, at most `limit`.
    pub(super) fn entries(
        &self,
        (topic, epoch): (u64, Epoch),
        (from, through): (u64, u64),
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, Error> {
        let mut entries = Vec::new();
        if from > through {
            return Ok(entries);
        }
        let range = codec::event_key(topic, from)..=codec::event_key(topic, through);
        for item in self.events.range(range).take(limit) {
            let (key, value) = item.into_inner().map_err(unreadable)?;
            let publication = codec::offset_of(&key)
                .and_then(|offset| codec::decode(&value, Position::new(epoch, offset)))
                .ok_or_else(|| {
                    Error::unavailable("its store has a broken publication", key_text(&key))
                })?;
            entries.push(Entry::new(publication, false));
        }
        Ok(entries)
    }

    /// How many publications of a topic there are from one offset through another, and their bytes.
    pub(super) fn count(
        &self,
        topic: (u64, Epoch),
        (mut from, through): (u64, u64),
    ) -> Result<(usize, usize), Error> {
        let (mut count, mut bytes) = (0, 0);
        loop {
            let page = self.entries(topic, (from, through), PAGE)?;
            count += page.len();
            bytes += page.iter().map(|entry| entry.publication().size()).sum::<usize>();
            match page.last() {
                Some(last) if page.len() == PAGE => {
                    from = last.publication().position().offset().saturating_add(1);
                }
                _ => return Ok((count, bytes)),
            }
        }
    }

    /// The first offsets of a topic that follow another, at most `limit`.
    pub(super) fn offsets(&self, topic: u64, after: u64, limit: usize) -> Result<Vec<u64>, Error> {
        let Some(from) = after.checked_add(1) else { return Ok(Vec::new()) };
        let range = codec::event_key(topic, from)..=codec::event_key(topic, u64::MAX);
        let keys = self.events.range(range).take(limit).map(|item| item.key());
        keys.map(|key| Ok(codec::offset_of(&key.map_err(unreadable)?).unwrap_or_default()))
            .collect()
    }

    /// The newest record of each topic, and the numbers under which newer ones stood together.
    pub(super) fn records(&self) -> Result<Records, Error> {
        let (mut records, mut names, mut broken) = (HashMap::new(), HashMap::new(), None);
        self.each(TOPIC, |name, value| {
            let (Ok(text), Some(record)) = (std::str::from_utf8(name), Record::decode(value))
            else {
                broken = Some(String::from_utf8_lossy(name).into_owned());
                return false;
            };
            let name: Arc<str> = text.into();
            names.insert(record.id, name.clone());
            records.insert(name, record);
            true
        })?;
        if let Some(name) = broken {
            let which = format!("topic {name:?}");
            return Err(Error::unavailable("its store has a broken record", which));
        }
        let mut numbers = Vec::new();
        self.each(DELTA, |number, value| {
            numbers.extend(number.try_into().map(u64::from_be_bytes));
            for newer in value.chunks(Record::LEN).filter_map(Record::decode) {
                // One that was removed since has no name any more.
                if let Some(record) = names.get(&newer.id).and_then(|name| records.get_mut(name))
                    && newer.version > record.version
                {
                    *record = newer;
                }
            }
            true
        })?;
        Ok((records, numbers))
    }

    pub(super) fn reserved(&self) -> Result<Option<u64>, Error> {
        let value = self.meta.get([RESERVED]).map_err(unreadable)?;
        Ok(value.and_then(|value| codec::number(&value)))
    }

    /// Idempotency keys of this time or before, as they stand, at most `limit`.
    pub(super) fn old_keys(&self, time: u64, limit: usize) -> Result<Vec<fjall::UserKey>, Error> {
        let end = [&[KEY][..], &time.saturating_add(1).to_be_bytes()].concat();
        let keys = self.meta.range(vec![KEY]..end).take(limit).map(|item| item.key());
        keys.map(|key| key.map_err(unreadable)).collect()
    }

    /// Calls `found` with what follows `kind` in the key, and the value, of each; stops at `false`.
    pub(super) fn each(
        &self,
        kind: u8,
        mut found: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Error> {
        for item in self.meta.prefix([kind]) {
            let (key, value) = item.into_inner().map_err(unreadable)?;
            if !found(&key[1..], &value) {
                break;
            }
        }
        Ok(())
    }
}

impl Copier {
    /// Writes everything to another store, and syncs it; `false` where it was ended before.
    pub(super) fn copy_to(
        self,
        other: &Store,
        ended: &AtomicBool,
        failed: impl Fn(fjall::Error) -> Error,
    ) -> Result<bool, Error> {
        for (from, to) in [(&self.events, &other.events), (&self.meta, &other.meta)] {
            let (mut batch, mut bytes) = (other.db.batch(), 0);
            for item in self.snapshot.iter(from) {
                if ended.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let (key, value) = item.into_inner().map_err(unreadable)?;
                bytes += key.len() + value.len();
                batch.insert(to, key, value);
                if batch.len() == AT_ONCE || bytes >= AT_ONCE_BYTES {
                    bytes = 0;
                    let full = std::mem::replace(&mut batch, other.db.batch());
                    full.commit().map_err(&failed)?;
                }
            }
            batch.commit().map_err(&failed)?;
        }
        other.db.persist(PersistMode::SyncAll).map_err(failed)?;
        Ok(true)
    }
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    pub(super) fn put_event(&mut self, topic: u64, offset: u64, value: Vec<u8>) {
        self.batch.insert(&self.events, codec::event_key(topic, offset), value);
    }

    pub(super) fn remove_event(&mut self, topic: u64, offset: u64) {
        self.batch.remove(&self.events, codec::event_key(topic, offset));
    }

    pub(super) fn put_topic(&mut self, name: &str, record: &Record) {
        self.batch.insert(&self.meta, topic_key(name), record.encode());
    }

    /// Puts the records of several topics that have one by their name already.
    pub(super) fn put_delta(&mut self, number: u64, records: Vec<u8>) {
        self.batch.insert(&self.meta, delta_key(number), records);
    }

    pub(super) fn remove_delta(&mut self, number: u64) {
        self.batch.remove(&self.meta, delta_key(number));
    }

    pub(super) fn remove_topic(&mut self, name: &str) {
        self.batch.remove(&self.meta, topic_key(name));
    }

    pub(super) fn put_garbage(&mut self, topic: u64) {
        self.batch.insert(&self.meta, garbage_key(topic), []);
    }

    pub(super) fn remove_garbage(&mut self, topic: u64) {
        self.batch.remove(&self.meta, garbage_key(topic));
    }

    pub(super) fn put_reserved(&mut self, time: u64) {
        self.batch.insert(&self.meta, [RESERVED], time.to_le_bytes());
    }

    pub(super) fn put_key(&mut self, key: &[u8], position: Position) {
        self.batch.insert(&self.meta, key, codec::encode_position(position));
    }

    pub(super) fn remove_key(&mut self, key: &[u8]) {
        self.batch.remove(&self.meta, key);
    }
}

fn topic_key(name: &str) -> Vec<u8> {
    [&[TOPIC], name.as_bytes()].concat()
}

fn delta_key(number: u64) -> Vec<u8> {
    [&[DELTA][..], &number.to_be_bytes()].concat()
}

fn garbage_key(topic: u64) -> Vec<u8> {
    [&[GARBAGE][..], &topic.to_be_bytes()].concat()
}

fn unreadable(error: fjall::Error) -> Error {
    Error::unavailable("its store cannot be read", error)
}

fn key_text(key: &[u8]) -> String {
    key.iter().fold(String::from("key "), |text, byte| text + &format!("{byte:02x}"))
}
