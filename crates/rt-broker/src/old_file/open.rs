//! Opening a store: what it holds is taken over, and nothing that may have been lost is forgotten.

use super::codec::{decode_position, parse_key};
use super::folder::{Ending, Folder, sync_folder};
use super::mend::why;
use super::repair::{Tail, repair};
use super::shared::{AHEAD, Shared};
use super::store::{GARBAGE, KEY, Store};
use super::topic::Topic;
use super::topics::Topics;
use super::writer::Writer;
use super::{FileEngine, FileEngineBuilder};
use crate::local::{BoundsOf, Keys, WINDOW};
use crate::{Error, Receipt};
use std::collections::VecDeque;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

impl FileEngine {
    pub(super) fn open_with(builder: FileEngineBuilder) -> Result<Self, Error> {
        let folder = Folder::take(&builder.path)?;
        let mut ending = folder.ending()?;
        let (store, tail) = open_store(&folder, ending)?;
        if tail == Tail::Damaged {
            ending = Ending::MayHaveLost;
        }
        // All that the last life gave out is below.
        let floor = store.reserved()?.map_or(0, |reserved| reserved.saturating_add(1));
        let now = (builder.clock)().max(floor);
        let mut topics = Topics::new(builder.limits);
        let numbers = load_topics(&store, &mut topics, now, &builder.bounds)?;
        if ending == Ending::MayHaveLost {
            epochs_end(&store, &mut topics)?;
        }
        load_keys(&store, &mut topics, now)?;
        let garbage = load_garbage(&store, &mut topics)?;
        // Before anything is given out the store knows up to where: nothing older counts again.
        let mut changes = store.changes();
        let ahead = now.saturating_add(AHEAD);
        changes.put_reserved(ahead);
        if !numbers.is_empty() {
            topics.write_all(&numbers, &mut changes);
        }
        store.commit(changes, true).map_err(|error| cannot_open(&error))?;
        folder.begin(&builder.sync)?;
        let shared = Shared::new(topics, (builder.bounds, builder.sync, builder.clock), floor);
        shared.reserved(ahead);
        let shared = Arc::new(shared);
        let writer = Writer::new(shared.clone(), folder, store, garbage);
        let thread = std::thread::Builder::new().name("rt-broker-file".into());
        let (tell, ended) = watch::channel(None);
        let of_writer = shared.clone();
        let writer = thread
            .spawn(move || drop(tell.send_replace(Some(run(writer, &of_writer)))))
            .map_err(|error| Error::unavailable("its writer cannot be started", error))?;
        Ok(Self { shared, ended, writer: Mutex::new(Some(writer)) })
    }
}

/// Lets the writer work to its end; nobody waits for it after that, however it came.
fn run(writer: Writer, shared: &Shared) -> Result<(), Error> {
    let ended = catch_unwind(AssertUnwindSafe(|| writer.run())).unwrap_or_else(|_| {
        Err(Error::unavailable("its writer failed", "a panic, as a rule of the bounds' function"))
    });
    shared.queue.close();
    shared.queue.clear();
    shared.room.close();
    shared.set_down(Some("its store was closed".to_owned()));
    ended
}

/// The embedded store; a new one is made beside its place, so that it is there whole or not at all.
pub(super) fn open_store(folder: &Folder, ending: Ending) -> Result<(Store, Tail), Error> {
    let (path, new) = (folder.store(), folder.new_store());
    let mut tail = Tail::Whole;
    if path.exists() {
        if ending != Ending::Closed {
            tail = repair(&path)
                .map_err(|error| Error::unavailable("its store's journal cannot be read", error))?;
        }
    } else if folder.has_store() {
        return Err(folder.store_is_gone());
    } else {
        let made = || -> Result<(), Box<dyn std::error::Error + Send + std::marker::Sync>> {
            if new.exists() {
                fs::remove_dir_all(&new)?;
            }
            drop(Store::open(&new)?);
            fs::rename(&new, &path)?;
            Ok(sync_folder(folder.path())?)
        };
        made().map_err(|error| Error::unavailable("its store cannot be made", error))?;
    }
    Ok((Store::open(&path).map_err(|error| cannot_open(&error))?, tail))
}

/// Takes over what the store knows of topics; gives the numbers of the records of several.
fn load_topics(
    store: &Store,
    topics: &mut Topics,
    now: u64,
    bounds: &BoundsOf,
) -> Result<Vec<u64>, Error> {
    let (records, numbers) = store.records()?;
    for (name, record) in records {
        let mut topic = Topic::stored(&record, bounds(&name));
        topic.used_at = now;
        topics.restore(Some((name, topic)), record.id);
    }
    Ok(numbers)
}

/// Removed topics of which something is left.
fn load_garbage(store: &Store, topics: &mut Topics) -> Result<VecDeque<u64>, Error> {
    let mut garbage = VecDeque::new();
    store.each(GARBAGE, |id, _| {
        let id = id.try_into().map(u64::from_be_bytes).unwrap_or_default();
        topics.restore(None, id);
        garbage.push_back(id);
        true
    })?;
    Ok(garbage)
}

fn load_keys(store: &Store, topics: &mut Topics, now: u64) -> Result<(), Error> {
    store.each(KEY, |key, value| {
        if let (Some((time, topic, key)), Some(position)) = (parse_key(key), decode_position(value))
            && time.saturating_add(WINDOW) > now
        {
            topics.keys.remember(topic, key, Receipt::new(position, time));
        }
        true
    })
}

/// Takes all topics to be what the store has of them, each in a new epoch: positions that were
/// given out for what is lost must not come to mean something else.
pub(super) fn epochs_end(store: &Store, topics: &mut Topics) -> Result<(), Error> {
    let (mut records, numbers) = store.records()?;
    topics.bytes = 0;
    for (name, topic) in &mut topics.by_name {
        // A change that failed may have left the record of another life.
        let record = records.remove(name).filter(|record| record.id == topic.id);
        let at = record.map_or(topic.at, |record| record.at);
        topic.begin_epoch(at);
        topics.bytes += at.bytes;
    }
    let mut changes = store.changes();
    topics.write_all(&numbers, &mut changes);
    store.commit(changes, true).map_err(|error| cannot_open(&error))?;
    topics.keys = Keys::default();
    Ok(())
}

pub(super) fn cannot_open(error: &fjall::Error) -> Error {
    Error::unavailable("its store cannot be opened", why(error))
}
