//! The model of a topic: receipts and deliveries, and what must hold after each crash.

use rt_broker::{Entry, Epoch, Position, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The bounds of a topic that the model knows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub count: usize,
    pub age: Option<Duration>,
}

/// The knowledge about a publication.
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

/// The deliveries to a subscriber that came back.
#[derive(Debug)]
pub struct Resumed {
    pub gap: bool,
    pub entries: Vec<Arc<Entry>>,
}

/// How a life of the engine ended; what may be lost grows.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub enum Ending {
    Closed,
    Killed,
    /// Killed after the disk had failed: how far it was acknowledged may be unknown.
    KilledOnFailingDisk,
    PowerCut,
}

impl Ending {
    /// The one after which more may be lost.
    pub fn or(self, other: Self) -> Self {
        if self < other { other } else { self }
    }
}

#[derive(Debug)]
pub struct Topic {
    limits: Limits,
    pub sent: HashMap<String, State>,
    /// Every position at which a reader may have seen a publication, over all lives.
    seen: BTreeMap<Epoch, BTreeMap<u64, String>>,
    /// Publications whose deletion was tried.
    pub deleted: HashSet<String>,
    /// The least time of each publication: what had been stamped or marked when it was handed in.
    floors: HashMap<String, Timestamp>,
    /// The time of each publication that was seen.
    times: HashMap<String, Timestamp>,
    /// The latest time of the engine: what was too old then is evicted.
    pub latest: Timestamp,
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
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            sent: HashMap::new(),
            seen: BTreeMap::new(),
            deleted: HashSet::new(),
            floors: HashMap::new(),
            times: HashMap::new(),
            latest: Timestamp::ZERO,
            heads: HashMap::new(),
            offsets: BTreeSet::new(),
            unknown: 0,
            newest: Timestamp::ZERO,
        }
    }

    /// Notes a publication that is handed in now.
    pub fn hand_in(&mut self, data: &str) {
        self.floors.insert(data.into(), self.newest);
    }

    pub fn acknowledge(&mut self, data: &str, position: Position, time: Timestamp, durable: bool) {
        let head = self.heads.entry(position.epoch()).or_default();
        let offset = position.offset().get();
        assert!(offset > *head, "{}: offset {offset} was given out before ({head})", name(data));
        *head = offset;
        assert!(time >= self.newest, "{}: its time goes back", name(data));
        self.newest = time;
        self.offsets.insert(offset);
        self.times.insert(data.into(), time);
        self.seen.entry(position.epoch()).or_default().insert(offset, data.into());
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
    pub fn check_life(&mut self, held: &[Arc<Entry>]) {
        self.check_order(held);
        self.note_seen(held);
        let found = by_data(held);
        for (data, state) in &self.sent {
            let is_there = found.get(data.as_str());
            match *state {
                State::Acknowledged { position, .. } => match is_there {
                    Some(found) => {
                        assert_eq!(*found, position, "{} is at another position", name(data))
                    }
                    None => self.assert_evicted(data, position, held),
                },
                State::Failed => assert!(is_there.is_none(), "{} failed and is there", name(data)),
                State::Gone => assert!(is_there.is_none(), "{} came back", name(data)),
                State::Cancelled | State::MayBeGone { .. } => {}
            }
        }
    }

    /// Checks what a new life has found, and takes it over.
    pub fn check_opening(&mut self, held: &[Arc<Entry>], ending: Ending) {
        self.check_order(held);
        self.note_seen(held);
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
                        assert!(
                            found == position || ending >= Ending::KilledOnFailingDisk,
                            "{} has another epoch, although nothing can be lost",
                            name(data)
                        );
                    }
                    None if durable || ending != Ending::PowerCut => {
                        self.assert_evicted(data, position, held);
                    }
                    None if !self.is_evicted(data, position, held) => {
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

    /// Checks what a subscriber that comes back with a position is given: a gap, or everything that
    /// anybody has seen behind it.
    pub fn check_resume(&self, from: Position, resumed: &Resumed, held: &[Arc<Entry>]) {
        let (epoch, offset) = (from.epoch(), from.offset().get());
        let after = |entry: &&Arc<Entry>| entry.publication().position().offset().get() > offset;
        let next = held.iter().find(after).map(|entry| entry.publication().position());
        if resumed.gap {
            let follows =
                next.is_some_and(|next| next.epoch() == epoch && next.offset().get() == offset + 1);
            assert!(!follows, "a gap after {from}, and nothing is missing");
            return;
        }
        for entry in &resumed.entries {
            let position = entry.publication().position();
            assert_eq!(position.epoch(), epoch, "{from} goes on in another epoch, without a gap");
            assert!(position.offset().get() > offset, "{position} again, after {from}");
        }
        let found = by_data(&resumed.entries);
        let seen = self.seen.get(&epoch).into_iter().flat_map(|seen| seen.range(offset + 1..));
        for (_, data) in seen.filter(|(_, data)| !self.deleted.contains(*data)) {
            let is_there = found.contains_key(data.as_str());
            assert!(is_there, "{} is missing after {from}, without a gap", name(data));
        }
    }

    /// Up to `count` positions that subscribers may come back with.
    pub fn positions(&self, random: &mut fastrand::Rng, count: usize) -> Vec<Position> {
        let all = self.seen.iter().flat_map(|(epoch, seen)| {
            let offsets = std::iter::once(0).chain(seen.keys().copied());
            offsets.map(|offset| Position::new(*epoch, rt_broker::Offset::new(offset)))
        });
        random.choose_multiple(all, count)
    }

    fn note_seen(&mut self, held: &[Arc<Entry>]) {
        for publication in held.iter().map(|entry| entry.publication()) {
            let (position, data) = (publication.position(), publication.data().expect("text"));
            let offset = position.offset().get();
            self.offsets.insert(offset);
            self.times.insert(data.into(), publication.time());
            self.seen.entry(position.epoch()).or_default().insert(offset, data.into());
        }
    }

    /// Whether a publication is older than all that is held, and too old, or enough newer ones were
    /// stored to evict it.
    fn is_evicted(&self, data: &str, position: Position, held: &[Arc<Entry>]) -> bool {
        let publications = || held.iter().map(|entry| entry.publication());
        // A topic that held nothing may have begun another life, with smaller offsets.
        let is_old = self.times.get(data).is_some_and(|time| {
            self.is_too_old(*time, self.latest) && publications().all(|held| held.time() >= *time)
        });
        let offset = position.offset().get();
        let newer = self.offsets.range(offset + 1..).count() + self.unknown;
        let is_first = publications().all(|held| held.position().offset().get() > offset);
        is_old || (newer >= self.limits.count && is_first)
    }

    pub fn is_too_old(&self, time: Timestamp, now: Timestamp) -> bool {
        self.limits.age.is_some_and(|age| time.after(age) <= now)
    }

    fn assert_evicted(&self, data: &str, position: Position, held: &[Arc<Entry>]) {
        let offsets: Vec<_> =
            held.iter().map(|entry| entry.publication().position().offset().get()).collect();
        assert!(
            self.is_evicted(data, position, held),
            "{} at {position} is lost; held: {offsets:?}",
            name(data)
        );
    }

    /// The checks for every look at a topic.
    fn check_order(&self, held: &[Arc<Entry>]) {
        let count = self.limits.count;
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
            let floor = self.floors.get(data).copied().unwrap_or_default();
            assert!(time >= floor, "{} is stamped at or below a mark", name(data));
        }
    }
}

fn by_data(held: &[Arc<Entry>]) -> HashMap<&str, Position> {
    let publications = held.iter().map(|entry| entry.publication());
    publications.map(|one| (one.data().unwrap_or_default(), one.position())).collect()
}

/// The number of a publication, which is what its data begins with.
fn name(data: &str) -> &str {
    data.split(' ').next().unwrap_or_default()
}
