//! One store and its lives: what is done to it, and when its end comes.

use super::backup::Backup;
use super::model::{Ending, Limits, Topic};
use rt_broker::simulation::{Fault, Operation, SimulatedDisk};
use rt_broker::{
    Bounds, BoxFuture, Durability, Engine, Entry, Error, FileEngine, Health, History, Position,
    Start, Timestamp,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Publications that an ordinary topic holds.
const COUNT: usize = 40;
/// Publications that a topic with claims holds: more than a simulation publishes.
const QUEUE: usize = 100_000;
/// The topic "prices" has an age, and "archive" is published to rarely: its publications are moved when
/// their segment is cleaned.
pub const TOPICS: [&str; 5] = ["news", "prices", "archive", "queue jobs", "queue mail"];
const LEASE: Duration = Duration::from_secs(5);
const AGE: Duration = Duration::from_secs(30);
/// Small, so that segments are filled, cleaned and removed.
const SEGMENT: u32 = 8 << 10;

pub type Pending<'a, T> = BoxFuture<'a, Result<T, Error>>;

pub struct Simulation {
    pub random: fastrand::Rng,
    pub disk: SimulatedDisk,
    pub durability: Durability,
    pub clock: Arc<AtomicU64>,
    pub topics: HashMap<&'static str, Topic>,
    pub backups: Vec<Backup>,
    pub keys: Vec<UsedKey>,
    pub published: u64,
    pub disk_fails: bool,
    pub ending: Ending,
    /// The steps so far, for the report of a failure.
    pub trace: Vec<String>,
}

/// An idempotency key, and the publication that it was used for.
#[derive(Clone)]
pub struct UsedKey {
    pub topic: &'static str,
    pub key: String,
    pub position: Position,
    pub time: Timestamp,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let first = self.trace.len().saturating_sub(5000);
            self.trace[first..].iter().for_each(|step| eprintln!("{step}"));
        }
    }
}

fn is_queue(topic: &str) -> bool {
    topic.starts_with("queue")
}

fn limits(topic: &str) -> Limits {
    let count = if is_queue(topic) { QUEUE } else { COUNT };
    Limits { count, age: (topic == "prices").then_some(AGE) }
}

fn bounds(topic: &str) -> Bounds {
    let Limits { count, age } = limits(topic);
    let bounds = Bounds::new().count(count).bytes(1 << 30);
    let bounds = if is_queue(topic) { bounds.delete_after_retrieval(LEASE) } else { bounds };
    age.map_or(bounds, |age| bounds.age(age))
}

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // Epochs and the journal's salts are random too.
        fastrand::seed(seed);
        let by_size = Durability::Group { bytes: 4096, period: Duration::from_secs(3600) };
        // The period is over at the end of each turn.
        let by_time = Durability::Group { bytes: usize::MAX, period: Duration::ZERO };
        let all = [Durability::Always, by_size, by_time, Durability::None];
        let durability = all[random.usize(0..all.len())];
        Self {
            disk: SimulatedDisk::new(),
            durability,
            clock: Arc::new(AtomicU64::new(1_795_230_332_805)),
            topics: TOPICS.map(|topic| (topic, Topic::new(limits(topic)))).into(),
            backups: Vec::new(),
            keys: Vec::new(),
            published: 0,
            disk_fails: false,
            ending: Ending::Closed,
            trace: vec![format!("{durability:?}")],
            random,
        }
    }

    /// Opens the store, compares it, uses it, and ends it in some way.
    pub fn live(&mut self) {
        let engine = self.open();
        self.check_opening(&engine);
        let engine = self.check_resuming(engine);
        self.check_backups();
        let mut failed = false;
        for _ in 0..self.random.usize(1..120) {
            self.act(&engine);
            failed |= self.disk_fails;
        }
        self.set_faults(0.0);
        let engine = self.check_resuming(engine);
        if self.random.bool() {
            TOPICS.iter().for_each(|topic| self.check_life(&engine, topic));
        }
        self.ending = match self.random.usize(0..5) {
            0 => Ending::Closed,
            1 if failed => Ending::KilledOnFailingDisk,
            1 => Ending::Killed,
            _ => Ending::PowerCut,
        };
        if self.ending == Ending::Closed {
            engine.close_now().expect("it closes where nothing fails");
            self.topics.values_mut().for_each(Topic::synced);
        } else {
            if self.random.bool() {
                // In the midst of a commit.
                self.set_faults(0.5);
                self.publish_some(&engine);
                self.ending = self.ending.or(Ending::KilledOnFailingDisk);
            }
            engine.kill();
        }
        self.trace.push(format!("{:?}", self.ending));
        if self.ending == Ending::PowerCut {
            self.disk.power_cut(self.random.u64(..));
        }
        self.set_faults(0.0);
        match self.random.usize(0..4) {
            // A clock that has lost its time: nothing is stamped below what was given out.
            0 => drop(self.clock.fetch_sub(3_600_000, Ordering::Relaxed)),
            _ => self.advance(),
        }
    }

    pub fn check_last_opening(&mut self) {
        let engine = self.open();
        self.check_opening(&engine);
        let engine = self.check_resuming(engine);
        self.check_backups();
        engine.close_now().expect("it closes");
    }

    /// Opens the store in a folder of the disk.
    pub fn try_open(&self, path: &str) -> Result<FileEngine, Error> {
        let clock = self.clock.clone();
        FileEngine::builder(path)
            .bounds_of(bounds)
            .durability(self.durability)
            .clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)))
            .open_simulated(&self.disk, SEGMENT)
    }

    fn open(&mut self) -> FileEngine {
        let open = |simulation: &Self| simulation.try_open("/store");
        if self.random.usize(0..4) == 0 {
            // An opening that fails, and may be cut off by another power cut.
            self.set_faults(0.2);
            match open(self) {
                Ok(engine) => {
                    self.trace.push("opened on a failing disk, and killed".into());
                    engine.kill();
                }
                Err(error) => {
                    assert!(error.is_unavailable(), "{error}");
                    assert!(error.to_string().contains("/store"), "it names no file: {error}");
                    self.trace.push(format!("not opened: {error}"));
                }
            }
            self.set_faults(0.0);
            self.ending = self.ending.or(Ending::KilledOnFailingDisk);
            if self.random.bool() {
                self.trace.push("power cut".into());
                self.disk.power_cut(self.random.u64(..));
                self.ending = Ending::PowerCut;
            }
        }
        open(self).unwrap_or_else(|error| panic!("the store does not open: {error}"))
    }

    fn act(&mut self, engine: &FileEngine) {
        self.note_time(engine);
        match self.random.usize(0..22) {
            0 => {
                let share = [0.0, 0.0, 0.05, 0.3][self.random.usize(0..4)];
                self.set_faults(share);
            }
            1 => self.flush(engine),
            2 => self.remove(engine),
            3 | 4 => self.claim(engine),
            5 => self.advance(),
            6 => {
                let topic = self.topic();
                self.check_life(engine, topic);
            }
            7 => {
                let topic = self.topic();
                let mark = engine.watermark(topic);
                self.trace.push(format!("mark of {topic}: {mark}"));
                if let Some(topic) = self.topics.get_mut(topic) {
                    topic.newest = topic.newest.max(mark.next());
                }
                engine.turn();
            }
            8 => self.repeat_key(engine),
            9 => self.sweep(engine),
            10 if self.random.usize(0..4) == 0 => self.back_up(engine),
            _ => self.publish_some(engine),
        }
    }

    /// Lets this share of the writes, syncs and other changes fail.
    pub fn set_faults(&mut self, share: f64) {
        self.disk_fails = share > 0.0;
        if share == 0.0 {
            return self.disk.clear_plan();
        }
        let mut random = self.random.fork();
        self.disk.set_plan(move |_, operation| {
            let fault = match operation {
                Operation::Read { .. } => return None,
                Operation::Write { bytes, .. } => match random.u8(0..3) {
                    0 => Fault::Error,
                    1 => Fault::Short(random.usize(0..=bytes)),
                    _ => Fault::Full(random.usize(0..=bytes)),
                },
                _ => Fault::Error,
            };
            (random.f64() < share).then_some(fault)
        });
    }

    pub fn topic(&mut self) -> &'static str {
        match TOPICS[self.random.usize(0..TOPICS.len())] {
            "archive" if self.random.usize(0..5) > 0 => "news",
            topic => topic,
        }
    }

    /// Notes the engine's time: what is too old by it may be gone.
    pub fn note_time(&mut self, engine: &FileEngine) {
        let now = engine.now();
        self.topics.values_mut().for_each(|topic| topic.latest = topic.latest.max(now));
    }

    /// Whether what is acknowledged now survives a power cut.
    pub fn is_durable(&self, engine: &FileEngine) -> bool {
        match self.durability {
            Durability::Always => true,
            Durability::Group { period: Duration::ZERO, .. } => {
                poll(&mut engine.health()) == Some(Health::Ok)
            }
            _ => false,
        }
    }

    /// Evicts what is too old, and drops topics that nobody needs.
    fn sweep(&mut self, engine: &FileEngine) {
        engine.sweep();
        engine.turn();
        for (name, topic) in &mut self.topics {
            if !engine.knows(name) {
                // Offsets begin again.
                topic.restart();
            }
        }
    }

    fn advance(&mut self) {
        let by = [1, 50, 1_500, 60_000][self.random.usize(0..4)];
        match self.random.usize(0..8) {
            // The system's clock was set back.
            0 => self.clock.fetch_sub(by, Ordering::Relaxed),
            _ => self.clock.fetch_add(by, Ordering::Relaxed),
        };
    }

    fn check_life(&mut self, engine: &FileEngine, topic: &'static str) {
        self.note_time(engine);
        let Some(held) = held(engine, topic) else { return };
        self.topics.get_mut(topic).expect("known").check_life(&held);
    }

    fn check_opening(&mut self, engine: &FileEngine) {
        self.note_time(engine);
        for topic in TOPICS {
            let held = held(engine, topic).expect("it can be read where nothing fails");
            let known = self.topics.get_mut(topic).expect("known");
            let last = held.last().map(|entry| entry.publication().position().to_string());
            self.trace.push(format!("opened {topic}: {} to {last:?}", held.len()));
            known.check_opening(&held, self.ending);
        }
    }
}

/// All that a topic holds; none where an eviction that is due cannot be written.
pub fn held(engine: &FileEngine, topic: &str) -> Option<Vec<Arc<Entry>>> {
    let page = done(engine, engine.read(topic, Start::Earliest, usize::MAX)).ok()?;
    Some(page.entries)
}

pub fn done<T>(engine: &FileEngine, mut pending: Pending<'_, T>) -> Result<T, Error> {
    if let Some(done) = poll(&mut pending) {
        return done;
    }
    engine.turn();
    poll(&mut pending).expect("it was its turn")
}

pub fn poll<T>(pending: &mut BoxFuture<'_, T>) -> Option<T> {
    match pending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}
