//! Opening a store: what it holds is taken over, and nothing that may have been lost is forgotten.

use super::codec::Record;
use super::folder::{Ending, Folder, sync_folder};
use super::shared::{AHEAD, Shared};
use super::store::{GARBAGE, KEY, Store, TOPIC};
use super::topic::Topic;
use super::topics::{Topics, offset_of_key, parse_key};
use super::writer::Writer;
use super::{FileEngine, FileEngineBuilder};
use crate::local::WINDOW;
use crate::{Epoch, Error, Position, Receipt};
use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Mutex};

impl FileEngine {
    pub(super) fn open_with(builder: FileEngineBuilder) -> Result<Self, Error> {
        let folder = Folder::take(&builder.path)?;
        let ending = folder.ending()?;
        let store = open_store(&folder)?;
        // All that the last life gave out is below.
        let floor = store.reserved()?.map_or(0, |reserved| reserved.saturating_add(1));
        let clock_now = (builder.clock)();
        let now = clock_now.max(floor);
        let mut topics = Topics::new(builder.limits);
        let garbage = load(&store, &mut topics, now, ending, &builder)?;
        let shared = Shared::new(topics, (builder.bounds, builder.sync, builder.clock), floor);
        // Before anything is given out the store knows up to where: nothing older counts again.
        let mut changes = store.changes();
        changes.put_reserved(now.saturating_add(AHEAD));
        if ending == Ending::MayHaveLost {
            for (name, topic) in &shared.topics().by_name {
                changes.put_topic(name, &topic.record());
            }
        }
        store.commit(changes, true).map_err(cannot_open)?;
        shared.reserved(now.saturating_add(AHEAD));
        folder.begin(&builder.sync)?;
        let shared = Arc::new(shared);
        let writer = Writer::new(shared.clone(), folder, store, garbage);
        let thread = std::thread::Builder::new().name("rt-broker-file".into());
        let writer = thread
            .spawn(move || writer.run())
            .map_err(|error| Error::unavailable("its writer cannot be started", error))?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }
}

/// The embedded store; a new one is made beside its place, so that it is there whole or not at all.
pub(super) fn open_store(folder: &Folder) -> Result<Store, Error> {
    let (path, new) = (folder.store(), folder.new_store());
    if !path.exists() {
        let made = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            if new.exists() {
                fs::remove_dir_all(&new)?;
            }
            drop(Store::open(&new)?);
            fs::rename(&new, &path)?;
            Ok(sync_folder(folder.path())?)
        };
        made().map_err(|error| Error::unavailable("its store cannot be made", error))?;
    }
    Store::open(&path).map_err(cannot_open)
}

/// Takes over what the store knows of topics; gives what is still to be deleted.
fn load(
    store: &Store,
    topics: &mut Topics,
    now: u64,
    ending: Ending,
    builder: &FileEngineBuilder,
) -> Result<VecDeque<u64>, Error> {
    let mut broken = None;
    store.each(TOPIC, |name, value| {
        let name = std::str::from_utf8(name).ok();
        let (Some(name), Some(mut record)) = (name, Record::decode(value)) else {
            broken =
                Some(String::from_utf8_lossy(name.unwrap_or_default().as_bytes()).into_owned());
            return false;
        };
        if ending == Ending::MayHaveLost {
            // Positions that were given out for what is lost must not come to mean something else.
            record.epoch = Epoch::random();
        }
        let mut topic = Topic::stored(&record, (builder.bounds)(name));
        topic.used_at = now;
        topics.restore(Some(name.into()), Some(topic), record.id);
        true
    })?;
    if let Some(name) = broken {
        return Err(Error::unavailable("its store has a broken record", format!("topic {name:?}")));
    }
    let mut garbage = VecDeque::new();
    store.each(GARBAGE, |id, _| {
        let id = id.try_into().map(u64::from_be_bytes).unwrap_or_default();
        topics.restore(None, None, id);
        garbage.push_back(id);
        true
    })?;
    store.each(KEY, |key, value| {
        if let (Some((time, topic, key)), Some(offset)) = (parse_key(key), offset_of_key(value))
            && time.saturating_add(WINDOW) > now
            && let Some(held) = topics.by_name.get(topic)
        {
            let receipt = Receipt::new(Position::new(held.epoch, offset), time);
            topics.keys.remember(topic, key, receipt);
        }
        true
    })?;
    Ok(garbage)
}

pub(super) fn cannot_open(error: fjall::Error) -> Error {
    Error::unavailable("its store cannot be opened", error)
}
