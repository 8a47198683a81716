//! What must be true of a topic, by what its publishers were told.

use rt_broker::{Entry, Epoch, Position, Timestamp};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// What is known of a publication.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum State {
    /// Its publisher has a receipt.
    Acknowledged { position: Position, durable: bool },
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
    /// Every offset at which something was seen since the topic was last removed.
    offsets: BTreeSet<u64>,
    /// Publications of which nobody knows whether they were stored.
    unknown: usize,
    /// The largest stamp or mark that was given out.
    pub newest: Timestamp,
}

impl Topic {
    pub fn acknowledge(&mut self, data: &str, position: Position, time: Timestamp, durable: bool) {
        let head = self.heads.entry(position.epoch()).or_default();
        let offset = position.offset().get();
        assert!(offset > *head, "{}: offset {offset} was given out before ({head})", name(data));
        *head = offset;
        assert!(time >= self.newest, "{}: its time goes back", name(data));
        self.newest = time;
        self.offsets.insert(offset);
        self.sent.insert(data.into(), State::Acknowledged { position, durable });
    }

    /// Notes a publication whose publisher has no receipt.
    pub fn note_unknown(&mut self, data: String, state: State) {
        self.unknown += 1;
        self.sent.insert(data, state);
    }

    /// The topic was removed, or it was not: offsets begin again.
    pub fn restart(&mut self) {
        self.offsets.clear();
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
        self.offsets.extend(offsets(held));
        let found = by_data(held);
        for (data, state) in &self.sent {
            let is_there = found.get(data.as_str());
            match *state {
                State::Acknowledged { position, .. } => match is_there {
                    Some(found) => {
                        assert_eq!(*found, position, "{} is at another position", name(data))
                    }
                    None => self.assert_evicted(data, position, held, count),
                },
                State::Failed => assert!(is_there.is_none(), "{} failed and is there", name(data)),
                State::Gone => assert!(is_there.is_none(), "{} came back", name(data)),
                State::Cancelled | State::MayBeGone { .. } => {}
            }
        }
    }

    /// Checks what a new life has found, and takes it over.
    pub fn check_opening(&mut self, held: &[Arc<Entry>], count: usize, ending: Ending) {
        self.check_order(held, count);
        self.offsets.extend(offsets(held));
        let found = by_data(held);
        let epoch = held.first().map(|entry| entry.publication().position().epoch());
        for (data, state) in &self.sent {
            let is_there = found.get(data.as_str()).copied();
            if let State::Acknowledged { position, durable, .. } = *state {
                match is_there {
                    Some(found) => {
                        assert_eq!(
                            found.offset(),
                            position.offset(),
                            "{} has another offset",
                            name(data)
                        );
                    }
                    None if durable || ending != Ending::PowerCut => {
                        self.assert_evicted(data, position, held, count);
                    }
                    None if !self.is_evicted(position, held, count) => {
                        assert_ne!(
                            epoch,
                            Some(position.epoch()),
                            "{} is lost in silence",
                            name(data)
                        );
                    }
                    None => {}
                }
            }
            if *state == State::Gone {
                assert!(is_there.is_none(), "{} came back", name(data));
            }
        }
        for (data, state) in &mut self.sent {
            *state = match found.get(data.as_str()) {
                Some(&position) => State::Acknowledged { position, durable: true },
                None => State::Gone,
            };
        }
    }

    /// Whether enough newer publications were stored to evict this one, which is older than all that
    /// is held.
    fn is_evicted(&self, position: Position, held: &[Arc<Entry>], count: usize) -> bool {
        let offset = position.offset().get();
        let newer = self.offsets.range(offset + 1..).count() + self.unknown;
        let is_newer = |entry: &Arc<Entry>| entry.publication().position().offset().get() > offset;
        newer >= count && held.iter().all(is_newer)
    }

    fn assert_evicted(&self, data: &str, position: Position, held: &[Arc<Entry>], count: usize) {
        let offsets: Vec<_> =
            held.iter().map(|entry| entry.publication().position().offset().get()).collect();
        assert!(
            self.is_evicted(position, held, count),
            "{} at {position} is lost; held: {offsets:?}",
            name(data)
        );
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
            assert!(seen.insert(data), "{} is there twice", name(data));
            let next = publication.position().offset().get();
            assert!(next > offset && publication.time() >= time, "{} is out of order", name(data));
            (offset, time) = (next, publication.time());
        }
    }
}

fn offsets(held: &[Arc<Entry>]) -> impl Iterator<Item = u64> {
    held.iter().map(|entry| entry.publication().position().offset().get())
}

fn by_data(held: &[Arc<Entry>]) -> HashMap<&str, Position> {
    let publications = held.iter().map(|entry| entry.publication());
    publications.map(|one| (one.data().unwrap_or_default(), one.position())).collect()
}

/// The number of a publication, which is what its data begins with.
fn name(data: &str) -> &str {
    data.split(' ').next().unwrap_or_default()
}
