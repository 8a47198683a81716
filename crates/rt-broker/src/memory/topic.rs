//! A topic of the memory engine: its history, its stamps and its logs.

use crate::bounds::Bounds;
use crate::claim::{Claim, ClaimRequest};
use crate::engine::history::{Page, Receipt};
use crate::entry::Entry;
use crate::error::Error;
use crate::log::Log;
use crate::log::snapshot::Snapshot;
use crate::log::wakers::Wakers;
use crate::message::Message;
use crate::node::NodeId;
use crate::position::{Epoch, Offset, Position};
use crate::publication::Publication;
use crate::retention::{ClaimLimits, Evicted, Id, IdleTopic, Retention};
use crate::start::{Lookup, Start};
use crate::timestamp::Timestamp;
use std::sync::{Arc, Weak};

#[derive(Debug)]
pub(super) struct Topic {
    /// The last use of the topic, as the engine counts uses.
    used: u64,
    epoch: Epoch,
    head: Offset,
    /// The newest publication's time.
    last: Timestamp,
    /// Nothing is stamped at or before this time any more.
    watermark: Timestamp,
    retention: Retention<Arc<Entry>>,
    logs: Vec<Weak<Log>>,
}

/// The result of a publish. The caller drops the wakers once it holds no lock.
pub(super) struct PublishOutcome {
    pub(super) receipt: Receipt,
    pub(super) wakers: Vec<Wakers>,
}

impl Topic {
    /// Creates a topic in which nothing is stamped at or before `watermark`.
    pub(super) fn new(bounds: Bounds, watermark: Timestamp) -> Self {
        Self {
            used: 0,
            epoch: Epoch::random(),
            head: Offset::ZERO,
            last: Timestamp::ZERO,
            watermark,
            retention: Retention::new(bounds),
            logs: Vec::new(),
        }
    }

    pub(super) fn note_use(&mut self, tick: u64) {
        self.used = tick;
    }

    /// Returns the bytes held, as bounds count them.
    pub(super) fn bytes(&self) -> usize {
        self.retention.bytes()
    }

    pub(super) fn publish(
        &mut self,
        message: Message,
        from: NodeId,
        now: Timestamp,
    ) -> PublishOutcome {
        // Several publications may share a millisecond; none is at or before a watermark.
        let time = now.max(self.last).max(self.watermark.next());
        self.last = time;
        self.head = self.head.next();
        let position = Position::new(self.epoch, self.head);
        let live_only = message.is_live_only() || self.retention.bounds().is_off();
        let entry = Entry::new(Publication::new(message, position, time), live_only);
        if !live_only {
            self.retention.push(entry.clone());
            self.retention.index(self.head, entry.publication().ids());
            self.retention.trim(now, drop);
        } else if entry.publication().data().is_some() {
            self.retention.note_evicted(Evicted { offset: self.head, time });
        }
        let (mut reached, mut wakers) = (0, Vec::with_capacity(self.logs.len()));
        self.logs.retain(|log| {
            let Some(log) = log.upgrade() else { return false };
            let appended = log.append(entry.clone());
            if log.node() == from {
                reached += appended.reached;
            }
            wakers.push(appended.wakers);
            true
        });
        PublishOutcome { receipt: Receipt::new(position, time).with_reached(reached), wakers }
    }

    pub(super) fn watermark(&mut self, now: Timestamp) -> Timestamp {
        self.watermark = now.max(self.newest_stamp());
        self.watermark
    }

    pub(super) fn read(&mut self, start: &Start, limit: usize, now: Timestamp) -> Page {
        self.retention.trim(now, drop);
        let resolved = start.resolve(self);
        let entries = self.retention.after(resolved.after).take(limit).cloned().collect();
        Page::new(entries, resolved.gap.is_some())
    }

    pub(super) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Result<Claim, Error> {
        if !self.retention.bounds().deletes_after_retrieval() {
            return Err(Error::keeps_all());
        }
        self.retention.trim(now, drop);
        let resolved = request.start.resolve(self);
        let limits =
            ClaimLimits { after: resolved.after, count: request.limit, bytes: request.bytes };
        let claimed = self.retention.claim(limits, now);
        let evicted = self.retention.evicted().offset;
        Ok(Claim {
            held_since: claimed.held_since,
            evicted: (evicted > Offset::ZERO).then(|| Position::new(self.epoch, evicted)),
            ..Claim::new(claimed.items, resolved.gap.is_some(), claimed.look_again)
        })
    }

    /// Deletes the publications of a claim.
    pub(super) fn confirm(&mut self, position: Position) {
        if position.epoch() == self.epoch {
            self.retention.confirm(position.offset());
        }
    }

    /// Returns the newest stamp or watermark: a later topic of this name must stamp above it.
    pub(super) fn newest_stamp(&self) -> Timestamp {
        self.last.max(self.watermark)
    }

    pub(super) fn attach(&mut self, log: &Arc<Log>, now: Timestamp) -> Wakers {
        self.retention.trim(now, drop);
        self.logs.push(Arc::downgrade(log));
        log.open(self.snapshot())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            head: self.head,
            entries: self.retention.after(Offset::ZERO).cloned().collect(),
            evicted: self.retention.evicted(),
            ..Snapshot::empty(self.epoch)
        }
    }

    /// Begins a new epoch without history.
    pub(super) fn restart(&mut self) -> Vec<Wakers> {
        self.epoch = Epoch::random();
        self.head = Offset::ZERO;
        self.retention = Retention::new(self.retention.bounds());
        self.open_logs().map(|log| log.reset(self.snapshot())).collect()
    }

    fn open_logs(&self) -> impl Iterator<Item = Arc<Log>> {
        self.logs.iter().filter_map(Weak::upgrade)
    }

    /// Closes all its logs, unless one has subscribers.
    pub(super) fn close_logs(&self) -> bool {
        !self.has_subscribers() && self.open_logs().all(|log| log.close_unless_used())
    }

    /// Drops publications that are too old, and returns whether the topic is empty and unused.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        self.retention.trim(now, drop);
        self.logs.retain(|log| log.strong_count() > 0);
        self.retention.is_empty() && self.logs.is_empty()
    }

    /// Evicts the oldest publication, unless it is the only one. Returns whether it did.
    pub(super) fn evict_oldest(&mut self) -> bool {
        self.retention.evict_oldest().is_some()
    }
}

impl Lookup for Topic {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn head(&self) -> Offset {
        self.head
    }

    fn evicted(&self) -> Evicted {
        self.retention.evicted()
    }

    fn by_id(&self, id: Id<'_>) -> Option<Offset> {
        let offset = self.retention.find(id)?;
        self.retention.get(offset)?.publication().has_id(id).then_some(offset)
    }

    fn by_time(&self, time: Timestamp) -> Option<Offset> {
        self.retention.last_by(time)
    }
}

impl IdleTopic for Topic {
    fn last_use(&self) -> u64 {
        self.used
    }

    fn is_empty(&self) -> bool {
        self.retention.is_empty()
    }

    fn has_subscribers(&self) -> bool {
        self.open_logs().any(|log| log.subscribers() > 0)
    }
}
