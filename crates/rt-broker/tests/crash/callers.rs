//! The publishers and pollers of a simulation.

use super::life::{Simulation, TOPICS, UsedKey, done, poll};
use super::model::{State, Topic};
use rt_broker::{ClaimRequest, FileEngine, History, Message, NodeId, Start};
use std::time::Duration;

/// How long an idempotency key is remembered.
const KEY_WINDOW: Duration = Duration::from_secs(5 * 60);

impl Simulation {
    /// Publishes some messages at the same time; some callers do not wait.
    pub fn publish_some(&mut self, engine: &FileEngine) {
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
            self.topics.get_mut(topic).expect("known").hand_in(&data);
            let mut publish = engine.publish(topic, message, NodeId::random());
            assert!(poll(&mut publish).is_none(), "nothing is written before its turn");
            let publish = (self.random.usize(0..15) != 0).then_some(publish);
            waiting.push((topic, data, key, publish));
        }
        engine.turn();
        let durable = self.is_durable(engine);
        for (topic, data, key, publish) in waiting {
            let number = data.split(' ').next().unwrap_or_default().to_owned();
            let Some(known) = self.topics.get_mut(topic) else { continue };
            match publish.map(|mut publish| poll(&mut publish).expect("it was its turn")) {
                Some(Ok(receipt)) => {
                    let position = receipt.position();
                    self.trace
                        .push(format!("{number} is {topic} {position} at {}", receipt.time()));
                    known.acknowledge(&data, position, receipt.time(), durable);
                    let time = receipt.time();
                    let used = |key| UsedKey { topic, key, position, time };
                    self.keys.extend(key.filter(|_| durable).map(used));
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

    pub fn flush(&mut self, engine: &FileEngine) {
        let flushed = done(engine, Box::pin(engine.flush()));
        self.trace.push(format!("flushed: {flushed:?}"));
        if flushed.is_ok() {
            self.topics.values_mut().for_each(Topic::synced);
        }
    }

    /// Removes a topic, now and then.
    pub fn remove(&mut self, engine: &FileEngine) {
        if self.random.usize(0..6) != 0 {
            return;
        }
        let topic = self.topic();
        let removed = done(engine, engine.remove(topic));
        self.trace.push(format!("removed {topic}: {removed:?}"));
        let durable = self.is_durable(engine);
        let Some(known) = self.topics.get_mut(topic) else { return };
        self.keys.retain(|used| used.topic != topic);
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
    pub fn claim(&mut self, engine: &FileEngine) {
        let topic = TOPICS[self.random.usize(3..5)];
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
        let durable = self.is_durable(engine);
        let Some(known) = self.topics.get_mut(topic) else { return };
        for entry in claim.entries {
            let publication = entry.publication();
            let state = match confirmed.is_ok() && durable {
                true => State::Gone,
                false => State::MayBeGone { position: publication.position() },
            };
            let data = publication.data().expect("text");
            known.deleted.insert(data.into());
            known.sent.insert(data.into(), state);
        }
    }

    /// Publishes again with a key that was used: nothing is stored while its window lasts.
    pub fn repeat_key(&mut self, engine: &FileEngine) {
        let Some(used) = self.random.choice(&self.keys).cloned() else { return };
        let UsedKey { topic, key, position, time } = used;
        let now = engine.now();
        self.published += 1;
        let data = format!("{} again", self.published);
        let known = self.topics.get_mut(topic).expect("known");
        known.hand_in(&data);
        let repeated = Message::text(data.clone()).with_idempotency_key(key.clone());
        let repeated = done(engine, engine.publish(topic, repeated, NodeId::random()));
        let durable = self.is_durable(engine);
        let known = self.topics.get_mut(topic).expect("known");
        match repeated {
            Ok(receipt) if receipt.is_duplicate() => {
                assert_eq!(receipt.position(), position, "{key} made another publication");
            }
            Ok(receipt) => {
                assert!(time.after(KEY_WINDOW) <= now, "{key} at {position} is forgotten at {now}");
                known.acknowledge(&data, receipt.position(), receipt.time(), durable);
                self.keys.retain(|used| used.key != key);
            }
            Err(error) => {
                assert!(error.is_unavailable(), "{error}");
                known.note_unknown(data, State::Failed);
            }
        }
    }
}
