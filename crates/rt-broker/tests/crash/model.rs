//! What must be true of a topic, by what its publishers were told.

use rt_broker::{Entry, Epoch, Position, Timestamp};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What is known of a publication.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum State {
    /// Its publisher has a receipt.
    Acknowledged { position: Position, time: Timestamp, durable: bool },
    /// Its publisher has an error: it is not there in this life. After a crash it may be.
    Failed,
    /// Its publisher did not wait.
    Cancelled,
    /// A deletion failed or was not synced: it is there, or it is not.
    MayBeGone { position: Position },
    /// It was deleted, or was missing at an opening: it never comes back.
    Gone,
}

/// How a life of the engine ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Ending {
    Closed,
    Killed,
    PowerCut,
}

#[derive(Debug, Default)]
pub struct Topic {
    pub sent: HashMap<String, State>,
    /// The largest offset that was acknowledged in each epoch.
    heads: HashMap<Epoch, u64>,
    /// The largest stamp or mark that was given out.
    pub newest: Timestamp,
}

impl Topic {
    pub fn acknowledge(&mut self, data: &str, position: Position, time: Timestamp, durable: bool) {
        let head = self.heads.entry(position.epoch()).or_default();
        let offset = position.offset().get();
        assert!(offset > *head, "{data}: offset {offset} was given out before ({head})");
        *head = offset;
        assert!(time >= self.newest, "{data}: its time goes back");
        self.newest = time;
        self.sent.insert(data.into(), State::Acknowledged { position, time, durable });
    }

    /// Everything that was acknowledged survives a power cut from here on.
    pub fn synced(&mut self) {
        for state in self.sent.values_mut() {
            if let State::Acknowledged { durable, .. } = state {
                *durable = true;
            }
        }
    }

    /// Checks what the engine holds while it is open.
    pub fn check_life(&mut self, held: &[Arc<Entry>], count: usize) {
        self.check_order(held, count);
        let found = by_data(held);
        for (data, state) in &self.sent {
            let is_there = found.get(data.as_str());
            match *state {
                State::Acknowledged { position, .. } => match is_there {
                    Some(found) => assert_eq!(*found, position, "{data} is at another position"),
                    None => assert_evicted(data, position, held, count),
                },
                State::Failed => assert!(is_there.is_none(), "{data} failed and is there"),
                State::Gone => assert!(is_there.is_none(), "{data} came back"),
                State::Cancelled | State::MayBeGone { .. } => {}
            }
        }
    }

    /// Checks what a new life has found, and takes it over.
    pub fn check_opening(&mut self, held: &[Arc<Entry>], count: usize, ending: Ending) {
        self.check_order(held, count);
        let found = by_data(held);
        let epoch = held.first().map(|entry| entry.publication().position().epoch());
        for (data, state) in &mut self.sent {
            let is_there = found.get(data.as_str()).copied();
            if let State::Acknowledged { position, durable, .. } = *state {
                match is_there {
                    Some(found) => {
                        assert_eq!(found.offset(), position.offset(), "{data} has another offset");
                    }
                    None if durable || ending != Ending::PowerCut => {
                        assert_evicted(data, position, held, count);
                    }
                    None if !is_evicted(position, held, count) => {
                        assert_ne!(epoch, Some(position.epoch()), "{data} is lost in silence");
                    }
                    None => {}
                }
            }
            if *state == State::Gone {
                assert!(is_there.is_none(), "{data} came back");
            }
            *state = match is_there {
                Some(position) => {
                    let entry =
                        held.iter().find(|entry| entry.publication().position() == position);
                    let time = entry.expect("it was found").publication().time();
                    State::Acknowledged { position, time, durable: true }
                }
                None => State::Gone,
            };
        }
    }

    /// What holds of every look at a topic.
    fn check_order(&self, held: &[Arc<Entry>], count: usize) {
        assert!(held.len() <= count, "{} are held, which is more than {count}", held.len());
        let mut seen = HashSet::new();
        let (mut offset, mut time) = (0, Timestamp::ZERO);
        for entry in held {
            let publication = entry.publication();
            let data = publication.data().expect("text");
            assert!(self.sent.contains_key(data), "{data:?} was never published here");
            assert!(seen.insert(data), "{data} is there twice");
            let next = publication.position().offset().get();
            assert!(next > offset && publication.time() >= time, "{data} is out of order");
            (offset, time) = (next, publication.time());
        }
    }
}

fn by_data(held: &[Arc<Entry>]) -> HashMap<&str, Position> {
    let publications = held.iter().map(|entry| entry.publication());
    publications.map(|one| (one.data().unwrap_or_default(), one.position())).collect()
}

fn is_evicted(position: Position, held: &[Arc<Entry>], count: usize) -> bool {
    let newer = |entry: &Arc<Entry>| entry.publication().position().offset() > position.offset();
    held.len() == count && held.iter().all(newer)
}

fn assert_evicted(data: &str, position: Position, held: &[Arc<Entry>], count: usize) {
    let offsets: Vec<_> =
        held.iter().map(|entry| entry.publication().position().offset().get()).collect();
    assert!(is_evicted(position, held, count), "{data} at {position} is lost; held: {offsets:?}");
}
