//! Backups of a store that is in use: opened later, they hold what the store held.

use super::life::{Simulation, TOPICS, done, held};
use rt_broker::{Entry, FileEngine, History, Timestamp};
use std::sync::Arc;

/// A backup that was complete, and what it must hold.
pub struct Backup {
    path: String,
    topics: Vec<(&'static str, Vec<Arc<Entry>>)>,
}

impl Simulation {
    /// Makes a backup; one that fails leaves nothing that is taken for one.
    pub fn back_up(&mut self, engine: &FileEngine) {
        let path = format!("/backup {}", self.random.u32(..));
        // Reading evicts what is too old, unless that cannot be written now.
        let topics = TOPICS.map(|topic| held(engine, topic).map(|held| (topic, held)));
        let Some(topics) = topics.into_iter().collect() else { return };
        let made = done(engine, Box::pin(engine.backup(&path)));
        self.trace.push(format!("backup: {made:?}"));
        match made {
            Ok(()) => self.backups.push(Backup { path, topics }),
            Err(error) => assert!(error.is_unavailable(), "{error}"),
        }
    }

    /// Opens the backups of earlier lives.
    pub fn check_backups(&mut self) {
        for Backup { path, topics } in std::mem::take(&mut self.backups) {
            let copy = self.try_open(&path);
            let copy = copy.unwrap_or_else(|error| panic!("{path} does not open: {error}"));
            for (topic, expected) in topics {
                let found = held(&copy, topic).expect("nothing fails");
                let known = &self.topics[topic];
                let mut expected = expected.iter().map(|entry| entry.publication()).peekable();
                // Since then some may have become too old.
                let is_old = |time: Timestamp| known.is_too_old(time, known.latest.max(copy.now()));
                let first = found.first().map(|entry| entry.publication().position().offset());
                while expected
                    .next_if(|old| Some(old.position().offset()) != first && is_old(old.time()))
                    .is_some()
                {}
                let expected: Vec<_> = expected.collect();
                assert_eq!(found.len(), expected.len(), "{topic} in {path}");
                for (found, expected) in found.iter().zip(expected) {
                    let found = found.publication();
                    assert_eq!(found.data(), expected.data(), "{topic} in {path}");
                    assert_eq!(found.time(), expected.time(), "{topic} in {path}");
                    let (copied, old) = (found.position(), expected.position());
                    assert_eq!(copied.offset(), old.offset(), "{topic} in {path}");
                    assert_ne!(copied.epoch(), old.epoch(), "{topic} in {path}");
                }
            }
            copy.close_now().expect("it closes where nothing fails");
        }
    }
}
