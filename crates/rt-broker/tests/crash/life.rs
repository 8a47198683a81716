//! One store and its lives: what is done to it, and when its end comes.

use super::model::{Ending, State, Topic};
use rt_broker::simulation::{Fault, Operation, SimulatedDisk};
use rt_broker::{
    Bounds, ClaimRequest, Durability, Entry, Error, FileEngine, History, Message, NodeId, Position,
    Start, Timestamp,
};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Publications that an ordinary topic holds.
const COUNT: usize = 40;
/// Publications that a topic with claims holds: more than a simulation publishes.
const QUEUE: usize = 100_000;
const TOPICS: [&str; 4] = ["news", "prices", "queue jobs", "queue mail"];
const LEASE: Duration = Duration::from_secs(5);
/// Small, so that segments are filled, cleaned and removed.
const SEGMENT: u32 = 16 << 10;

type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

pub struct Simulation {
    random: fastrand::Rng,
    disk: SimulatedDisk,
    durability: Durability,
    clock: Arc<AtomicU64>,
    topics: HashMap<&'static str, Topic>,
    keys: Vec<(&'static str, String, Position)>,
    published: u64,
    ending: Ending,
    /// What was done, for the report of a failure.
    trace: Vec<String>,
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

fn count(topic: &str) -> usize {
    if is_queue(topic) { QUEUE } else { COUNT }
}

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // Epochs and the journal's salts are random too.
        fastrand::seed(seed);
        let group = Durability::Group { bytes: 4096, period: Duration::from_secs(3600) };
        let durability = [Durability::Always, group, Durability::None][random.usize(0..3)];
        Self {
            disk: SimulatedDisk::new(),
            durability,
            clock: Arc::new(AtomicU64::new(1_795_230_332_805)),
            topics: TOPICS.map(|topic| (topic, Topic::default())).into(),
            keys: Vec::new(),
            published: 0,
            ending: Ending::Closed,
            trace: vec![format!("{durability:?}")],
            random,
        }
    }

    /// Opens the store, compares it, uses it, and ends it in some way.
    pub fn live(&mut self) {
        let engine = self.open();
        self.check_opening(&engine);
        for _ in 0..self.random.usize(1..120) {
            self.act(&engine);
        }
        self.set_faults(0.0);
        if self.random.bool() {
            TOPICS.iter().for_each(|topic| self.check_life(&engine, topic));
        }
        self.ending = match self.random.usize(0..5) {
            0 => Ending::Closed,
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
            }
            engine.kill();
        }
        self.trace.push(format!("{:?}", self.ending));
        if self.ending == Ending::PowerCut {
            self.disk.power_cut(self.random.u64(..));
        }
        self.set_faults(0.0);
        self.advance();
    }

    pub fn check_last_opening(&mut self) {
        let engine = self.open();
        self.check_opening(&engine);
        engine.close_now().expect("it closes");
    }

    fn open(&mut self) -> FileEngine {
        let open = |simulation: &Self| {
            let clock = simulation.clock.clone();
            FileEngine::builder("/store")
                .bounds_of(|topic| match is_queue(topic) {
                    true => Bounds::new().count(QUEUE).bytes(1 << 30).delete_after_retrieval(LEASE),
                    false => Bounds::new().count(COUNT).bytes(1 << 30),
                })
                .durability(simulation.durability)
                .clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)))
                .open_simulated(&simulation.disk, SEGMENT)
        };
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
                    self.trace.push(format!("not opened: {error}"));
                }
            }
            self.set_faults(0.0);
            if self.random.bool() {
                self.trace.push("power cut".into());
                self.disk.power_cut(self.random.u64(..));
                if self.ending == Ending::Killed {
                    self.ending = Ending::PowerCut;
                }
            }
        }
        open(self).unwrap_or_else(|error| panic!("the store does not open: {error}"))
    }

    fn act(&mut self, engine: &FileEngine) {
        match self.random.usize(0..20) {
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
            _ => self.publish_some(engine),
        }
    }

    /// Lets this share of the writes, syncs and other changes fail.
    fn set_faults(&mut self, share: f64) {
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

    fn topic(&mut self) -> &'static str {
        TOPICS[self.random.usize(0..TOPICS.len())]
    }

    fn advance(&mut self) {
        let by = [1, 50, 1_500, 60_000][self.random.usize(0..4)];
        match self.random.usize(0..8) {
            // The system's clock was set back.
            0 => self.clock.fetch_sub(by, Ordering::Relaxed),
            _ => self.clock.fetch_add(by, Ordering::Relaxed),
        };
    }

    /// Publishes some messages at the same time; some callers do not wait.
    fn publish_some(&mut self, engine: &FileEngine) {
        let mut waiting = Vec::new();
        for _ in 0..self.random.usize(1..12) {
            let topic = self.topic();
            self.published += 1;
            let data = format!("{} {}", self.published, "x".repeat(self.random.usize(0..400)));
            let mut message = Message::text(data.clone());
            let key = (self.random.usize(0..6) == 0).then(|| format!("key {}", self.published));
            if let Some(key) = &key {
                message = message.with_idempotency_key(key.clone());
            }
            let mut publish = engine.publish(topic, message, NodeId::random());
            assert!(poll(&mut publish).is_none(), "nothing is written before its turn");
            let publish = (self.random.usize(0..15) != 0).then_some(publish);
            waiting.push((topic, data, key, publish));
        }
        engine.turn();
        for (topic, data, key, publish) in waiting {
            let number = data.split(' ').next().unwrap_or_default().to_owned();
            let durable = self.durability == Durability::Always;
            let Some(known) = self.topics.get_mut(topic) else { continue };
            match publish.map(|mut publish| poll(&mut publish).expect("it was its turn")) {
                Some(Ok(receipt)) => {
                    let position = receipt.position();
                    self.trace
                        .push(format!("{number} is {topic} {position} at {}", receipt.time()));
                    known.acknowledge(&data, position, receipt.time(), durable);
                    self.keys.extend(key.filter(|_| durable).map(|key| (topic, key, position)));
                }
                Some(Err(error)) => {
                    assert!(error.is_unavailable(), "{error}");
                    self.trace.push(format!("{number} failed: {error}"));
                    known.note_unknown(data, State::Failed);
                }
                None => {
                    self.trace.push(format!("{number} is cancelled"));
                    known.note_unknown(data, State::Cancelled);
                }
            }
        }
    }

    fn flush(&mut self, engine: &FileEngine) {
        let flushed = done(engine, Box::pin(engine.flush()));
        self.trace.push(format!("flushed: {flushed:?}"));
        if flushed.is_ok() {
            self.topics.values_mut().for_each(Topic::synced);
        }
    }

    /// Removes a topic, now and then.
    fn remove(&mut self, engine: &FileEngine) {
        if self.random.usize(0..6) != 0 {
            return;
        }
        let topic = self.topic();
        let removed = done(engine, engine.remove(topic));
        self.trace.push(format!("removed {topic}: {removed:?}"));
        let durable = self.durability == Durability::Always;
        let Some(known) = self.topics.get_mut(topic) else { return };
        self.keys.retain(|(of, ..)| *of != topic);
        known.restart();
        for state in known.sent.values_mut() {
            *state = match (*state, &removed) {
                (State::Acknowledged { .. } | State::MayBeGone { .. }, Ok(())) if durable => {
                    State::Gone
                }
                (State::Acknowledged { position, .. }, _) => State::MayBeGone { position },
                // A removal takes those with it that nobody waited for.
                (State::Cancelled, Ok(())) if durable => State::Gone,
                (state, _) => state,
            };
        }
    }

    /// Claims from a queue, and confirms now and then.
    fn claim(&mut self, engine: &FileEngine) {
        let topic = TOPICS[self.random.usize(2..4)];
        let request = ClaimRequest::new(Start::Earliest).limit(self.random.usize(1..10));
        let Ok(claim) = done(engine, engine.claim(topic, request)) else { return };
        let Some(last) = claim.entries.last().map(|entry| entry.publication().position()) else {
            return;
        };
        let Some(known) = self.topics.get_mut(topic) else { return };
        for entry in &claim.entries {
            let data = entry.publication().data().expect("text");
            let state = known.sent.get(data).unwrap_or_else(|| panic!("{data} is unknown"));
            assert_ne!(*state, State::Gone, "{data} was deleted and is claimed");
        }
        if self.random.usize(0..3) == 0 {
            return;
        }
        let confirmed = done(engine, engine.confirm(topic, last));
        self.trace.push(format!("confirmed {topic} {last}: {confirmed:?}"));
        let durable = self.durability == Durability::Always;
        for entry in claim.entries {
            let publication = entry.publication();
            let state = match confirmed.is_ok() && durable {
                true => State::Gone,
                false => State::MayBeGone { position: publication.position() },
            };
            known.sent.insert(publication.data().expect("text").into(), state);
        }
    }

    /// Publishes again with a key that was used: nothing is stored.
    fn repeat_key(&mut self, engine: &FileEngine) {
        let Some((topic, key, position)) = self.random.choice(&self.keys).cloned() else { return };
        let repeated = Message::text("repeated").with_idempotency_key(key.clone());
        match done(engine, engine.publish(topic, repeated, NodeId::random())) {
            Ok(receipt) if receipt.is_duplicate() => {
                assert_eq!(receipt.position(), position, "{key} made another publication");
            }
            // The window has passed: it is a publication of its own.
            Ok(receipt) => {
                let now = Timestamp::from_millis(self.clock.load(Ordering::Relaxed));
                panic!("{key} at {position} is forgotten at {now}: {receipt:?}");
            }
            Err(error) => assert!(error.is_unavailable(), "{error}"),
        }
    }

    fn check_life(&mut self, engine: &FileEngine, topic: &'static str) {
        let Some(held) = held(engine, topic) else { return };
        self.topics.get_mut(topic).expect("known").check_life(&held, count(topic));
    }

    fn check_opening(&mut self, engine: &FileEngine) {
        for topic in TOPICS {
            let held = held(engine, topic).expect("it can be read where nothing fails");
            let known = self.topics.get_mut(topic).expect("known");
            let last = held.last().map(|entry| entry.publication().position().to_string());
            self.trace.push(format!("opened {topic}: {} to {last:?}", held.len()));
            known.check_opening(&held, count(topic), self.ending);
        }
        // Keys of publications that got another epoch are checked no more.
        self.keys.clear();
    }
}

/// All that a topic holds; none where an eviction that is due cannot be written.
fn held(engine: &FileEngine, topic: &str) -> Option<Vec<Arc<Entry>>> {
    let page = done(engine, engine.read(topic, Start::Earliest, usize::MAX)).ok()?;
    Some(page.entries)
}

fn done<T>(engine: &FileEngine, mut pending: Pending<'_, T>) -> Result<T, Error> {
    if let Some(done) = poll(&mut pending) {
        return done;
    }
    engine.turn();
    poll(&mut pending).expect("it was its turn")
}

fn poll<T>(pending: &mut Pending<'_, T>) -> Option<Result<T, Error>> {
    match pending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}
