//! The contract, handed to the writer; what is in memory is answered at once.

use super::FileEngine;
use super::queue::{Job, Publish};
use crate::engine::{BoxFuture, ControlHandler, Engine, Health, NodeId, Page, PresenceEntry};
use crate::{Bounds, Claim, Error, Log, Message, Position, Promises, Receipt, Start};
use bytes::Bytes;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Engine for FileEngine {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        let size = message.size() + topic.len();
        let topic = topic.into();
        let job = |room, reply| Job::Publish(Publish { topic, message, room, reply });
        Box::pin(self.shared.publish(job, size))
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        let topic = topic.into();
        Box::pin(self.shared.ask(move |reply| Job::Read { topic, start, limit, reply }))
    }

    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        let topic = topic.into();
        Box::pin(self.shared.ask(move |reply| Job::Tail { topic, log, reply }))
    }

    fn claim<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
        bytes: usize,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        let topic = topic.into();
        Box::pin(self.shared.ask(move |reply| Job::Claim { topic, start, limit, bytes, reply }))
    }

    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let topic = topic.into();
        Box::pin(self.shared.ask(move |reply| Job::Confirm { topic, position, reply }))
    }

    fn now(&self) -> u64 {
        self.shared.now()
    }

    fn watermark(&self, topic: &str) -> u64 {
        let now = self.shared.markable();
        self.shared.topics().watermark(topic, now)
    }

    fn bounds(&self, topic: &str) -> Bounds {
        (self.shared.bounds)(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.shared.topics().by_name.keys().cloned().collect()
    }

    fn knows(&self, topic: &str) -> bool {
        self.shared.topics().by_name.contains_key(topic)
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let topic = topic.into();
        Box::pin(self.shared.ask(move |reply| Job::Remove { topic, reply }))
    }

    fn presence_set<'a>(
        &'a self,
        topic: &'a str,
        entry: PresenceEntry,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let until = self.now().saturating_add(ttl.as_millis() as u64);
        self.shared.presence().set(topic, entry, until);
        Box::pin(ready(Ok(())))
    }

    fn presence_remove<'a>(
        &'a self,
        topic: &'a str,
        node: NodeId,
        client: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.shared.presence().remove(topic, node, client);
        Box::pin(ready(Ok(())))
    }

    fn presence<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<PresenceEntry>, Error>> {
        let present = self.shared.presence().list(topic, self.now());
        Box::pin(ready(Ok(present)))
    }

    fn control_send<'a>(
        &'a self,
        from: NodeId,
        message: Bytes,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.shared.control.send(from, &message);
        Box::pin(ready(Ok(())))
    }

    fn control_receive<'a>(
        &'a self,
        node: NodeId,
        handler: &'a ControlHandler,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.shared.control.receive(node, handler);
        Box::pin(ready(Ok(())))
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        let health = self.shared.why_down().map_or(Health::Ok, Health::Down);
        Box::pin(ready(health))
    }

    fn promises(&self) -> Promises {
        Promises { durable: true, ..Promises::local() }
    }

    fn sweep(&self) {
        self.shared.presence().expire(self.now());
        if !self.shared.sweeping.swap(true, Ordering::Relaxed) {
            // A closed store needs no housekeeping.
            let _ = self.shared.queue.push(Job::Sweep);
        }
    }
}
