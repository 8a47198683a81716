//! When the store cannot be written, and its end.
//!
//! The embedded store takes nothing any more once a write has failed. So it is opened anew at the
//! next try, and brought to what this engine has told its callers: what a failed change left is
//! taken out again. If a sync failed after publications had been acknowledged, what the disk holds
//! of them is not known: then every topic begins a new epoch with what is there.

use super::folder::Ending;
use super::open::{cannot_open, epochs_end, open_store};
use super::repair::Tail;
use super::store::Store;
use super::topics::Traces;
use super::writer::Writer;
use crate::Error;
use std::time::{Duration, Instant};

/// The least time between two tries to open the store anew.
const PAUSE: Duration = Duration::from_millis(250);

/// A store that failed.
pub(super) struct Broken {
    why: String,
    /// What failed changes may have left in it.
    traces: Vec<Traces>,
    /// Something that was acknowledged may be gone.
    lost: bool,
    tried: Option<Instant>,
}

impl Writer {
    /// Notes that a change or a sync failed, and gives the error for who wanted it.
    pub(super) fn failed(&mut self, error: &fjall::Error, traces: Traces, in_sync: bool) -> Error {
        let unsynced = self.unsynced.take().is_some();
        // The background may have failed at a sync as well.
        let lost = unsynced && (in_sync || matches!(error, fjall::Error::Poisoned));
        let why = why(error);
        self.shared.set_down(Some(format!("its store cannot be written: {why}")));
        let broken = self.broken.get_or_insert_with(|| Broken {
            why: why.clone(),
            traces: Vec::new(),
            lost: false,
            tried: None,
        });
        broken.why.clone_from(&why);
        broken.traces.push(traces);
        broken.lost |= lost;
        Error::unavailable("its store cannot be written", why)
    }

    /// The store to write to; opened anew where it had failed.
    pub(super) fn mended(&mut self) -> Result<(), Error> {
        let Some(broken) = &mut self.broken else { return Ok(()) };
        if broken.tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return Err(Error::unavailable("its store cannot be written", broken.why.clone()));
        }
        broken.tried = Some(Instant::now());
        self.mend().inspect_err(|error| {
            let why =
                std::error::Error::source(error).map_or(error.to_string(), ToString::to_string);
            self.shared.set_down(Some(format!("its store cannot be opened again: {why}")));
        })?;
        self.broken = None;
        self.shared.set_down(None);
        Ok(())
    }

    fn mend(&mut self) -> Result<(), Error> {
        // Its files have to be let go of before they are opened again.
        self.copies.end();
        self.store = None;
        let (store, tail) = open_store(&self.folder, Ending::Killed)?;
        let Some(broken) = &mut self.broken else { return Ok(()) };
        let lost = broken.lost || tail == Tail::Damaged;
        let mut topics = self.shared.topics();
        let mut changes = store.changes();
        for traces in &broken.traces {
            for (name, id) in &traces.topics {
                let known = topics.by_name.get(name).filter(|topic| topic.id == *id);
                for offset in
                    store.offsets(*id, known.map_or(0, |topic| topic.at.head), usize::MAX)?
                {
                    changes.remove_event(*id, offset);
                }
                if !topics.by_name.contains_key(name) {
                    changes.remove_topic(name);
                }
            }
            traces.garbage.iter().for_each(|id| changes.remove_garbage(*id));
            traces.keys.iter().for_each(|key| changes.remove_key(key));
        }
        store.commit(changes, true).map_err(|error| cannot_open(&error))?;
        if lost {
            epochs_end(&store, &mut topics)?;
        }
        // What a failed change deleted, or counted, may be as it had it.
        let touched = broken.traces.iter().flat_map(|traces| &traces.topics);
        let all: Vec<_> = match lost {
            true => topics.by_name.keys().cloned().collect(),
            false => touched.map(|(name, _)| name.clone()).collect(),
        };
        let (records, numbers) = store.records()?;
        for name in all {
            topics.recount(&name, records.get(&name), &store)?;
        }
        let mut changes = store.changes();
        topics.write_all(&numbers, &mut changes);
        store.commit(changes, true).map_err(|error| cannot_open(&error))?;
        let mut woken = Vec::new();
        if lost {
            for topic in topics.by_name.values() {
                woken.extend(topic.reset_logs(&topic.snapshot(&store)?));
            }
        }
        drop(topics);
        drop(woken);
        self.store = Some(store);
        Ok(())
    }

    /// Ends the store's life: all of it is on the disk.
    pub(super) fn close(mut self) -> Result<(), Error> {
        self.mended()?;
        self.copies.end();
        // The store knows exactly up to where was stamped, so that the next life begins at its time.
        let newest = self.shared.topics().newest_mark();
        let store = self.store()?;
        let mut changes = store.changes();
        changes.put_reserved(newest);
        let committed = store.commit(changes, true);
        committed.map_err(|error| self.failed(&error, Traces::default(), true))?;
        self.store = None;
        self.folder.end()
    }

    pub(super) fn store(&self) -> Result<&Store, Error> {
        self.store.as_ref().ok_or_else(|| {
            let why = self.broken.as_ref().map_or("it is not open", |broken| &broken.why);
            Error::unavailable("its store cannot be written", why)
        })
    }
}

/// A store's error in words.
pub(super) fn why(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(error) => error.to_string(),
        fjall::Error::Storage(error) => error.to_string(),
        fjall::Error::Poisoned => {
            "an earlier write failed in the background; see that the disk has room".to_owned()
        }
        fjall::Error::Locked => "another process has it open".to_owned(),
        fjall::Error::InvalidVersion(_) => "it was written by another version of fjall".to_owned(),
        fjall::Error::JournalRecovery(error) => {
            format!("its journal is damaged ({error:?}): go back to a backup")
        }
        fjall::Error::Unrecoverable => "it is damaged: go back to a backup".to_owned(),
        other => other.to_string(),
    }
}
