//! Opening a store: replaying its journal, and reporting losses.

use super::clock::EngineClock;
use super::shared::Shared;
use super::thread::{Writer, push_reserved};
use crate::durability::Durability;
use crate::error::Error;
use crate::file::state::{Limits, Loss, Replay, ReplayResult, Topics, frame};
use crate::file::store::Commit;
use crate::file::store::Disk;
use crate::file::store::FrameHead;
use crate::file::store::StoreError;
use crate::file::store::record::{DamageNote, Kind, TopicSummary};
use crate::file::store::{Damage, Location, Recovered};
use crate::file::store::{Ending, Folder};
use crate::file::store::{Journal, JournalOptions};
use crate::local::{BoundsOf, Clock};
use crate::position::Offset;
use crate::timestamp::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

/// Topics that a log line names.
const NAMED: usize = 5;

/// How a store is to be opened.
pub(in crate::file) struct Opening {
    pub(in crate::file) path: PathBuf,
    pub(in crate::file) disk: Arc<dyn Disk>,
    pub(in crate::file) journal: JournalOptions,
    pub(in crate::file) durability: Durability,
    pub(in crate::file) bounds: BoundsOf,
    pub(in crate::file) limits: Limits,
    pub(in crate::file) time: Clock,
}

impl Opening {
    /// Opens the store, which is made where there is none. A refusal is logged and counted.
    pub(in crate::file) fn open(self) -> Result<(Arc<Shared>, Writer), Error> {
        let store = self.path.clone();
        self.recover().inspect_err(|error| {
            let store = store.display();
            tracing::error!(%store, %error, "the store was not opened");
            metrics::counter!("rt_broker_store_refusals_total").increment(1);
        })
    }

    fn recover(self) -> Result<(Arc<Shared>, Writer), Error> {
        let folder = Folder::open(self.disk.clone(), &self.path).map_err(cannot_be_opened)?;
        let ending = folder.ending();
        let mut replay = Replay::default();
        let (journal, recovered) =
            Journal::open(&folder, self.journal, |frame| replay.apply(&frame))
                .map_err(cannot_be_opened)?;
        // Nothing is stamped at or below what earlier lives have given out.
        let floor = replay.reserved().map_or(Timestamp::ZERO, Timestamp::next);
        let now = (self.time)().max(floor);
        let unknown = replay.unknown();
        let damage = replay.new_damage(&recovered.damage);
        let ReplayResult { topics, losses, obsolete } =
            replay.finish(self.bounds, self.limits, now, &damage);
        let clock = EngineClock::new(self.time, floor, Timestamp::ZERO);
        let shared = Arc::new(Shared::new(topics, clock, self.durability));
        let mut writer = Writer::new(shared.clone(), journal, folder, self.disk);
        writer.report(&recovered, &damage, unknown, &losses);
        if ending == Ending::MayHaveLost {
            let topics = shared.topics().len();
            tracing::warn!(
                store = %self.path.display(),
                topics,
                "the store is a copy, or the system stopped before it was synced: acknowledged \
                 publications may be missing, and every topic begins a new epoch"
            );
        }
        let anything = |damage: &Damage| damage.loses_anything();
        let is_described = recovered.damages == recovered.damage.len() as u64;
        let all = ending == Ending::MayHaveLost
            || unknown > 0
            || !is_described
            || damage.iter().any(anything);
        writer.begin_life(all, &losses, |commit| {
            note_damage(&damage, commit);
            drop_obsolete(&obsolete, commit);
        })?;
        Ok((shared, writer))
    }
}

impl Writer {
    /// Makes what recovery found durable before anything is given out: new epochs where something
    /// may be lost, what lower bounds cost, and the time that may be stamped.
    fn begin_life(
        &mut self,
        all: bool,
        losses: &[Loss],
        settle: impl FnOnce(&mut Commit),
    ) -> Result<(), Error> {
        let now = self.shared.clock.now();
        let names: Vec<Arc<str>> = match all {
            true => self.shared.topics().names(),
            false => losses.iter().filter_map(|loss| loss.topic.clone()).collect(),
        };
        self.begin_epochs(&names)?;
        for topic in losses.iter().filter_map(|loss| loss.topic.as_deref()) {
            // A key may be that of a publication that is lost.
            self.shared.topics().keys.forget_topic(topic);
        }
        let reserved = self.shared.clock.next_reservation();
        let lowered = self.write(now, |topics, commit| {
            push_reserved(reserved, commit);
            settle(commit);
            Ok(keep_to_bounds(topics, now, commit))
        })?;
        self.shared.clock.set_reserved(reserved);
        if lowered.topics > 0 || lowered.publications > 0 {
            let (topics, publications) = (lowered.topics, lowered.publications);
            tracing::warn!(topics, publications, "bounds have dropped what the store held");
            metrics::counter!("rt_broker_store_bounds_dropped_topics_total")
                .increment(topics as u64);
            metrics::counter!("rt_broker_store_bounds_dropped_publications_total")
                .increment(publications as u64);
        }
        self.journal.sync().map_err(cannot_be_opened)?;
        self.unsynced = None;
        self.folder.begin(self.shared.commit_durability()).map_err(cannot_be_opened)
    }

    /// Logs and counts what recovery found.
    fn report(&self, recovered: &Recovered, damage: &[Damage], unknown: usize, losses: &[Loss]) {
        let path = |location: Location| self.journal.reader().path(location.segment);
        for torn in &recovered.torn {
            let (file, byte) = (path(torn.location), torn.location.at);
            tracing::info!(
                file = %file.display(),
                byte,
                bytes = torn.bytes,
                "the last write was cut off before it was acknowledged"
            );
        }
        metrics::counter!("rt_broker_store_torn_writes_total")
            .increment(recovered.torn.len() as u64);
        for damage in damage {
            let (file, byte) = (path(damage.location), damage.location.at);
            tracing::error!(
                file = %file.display(),
                byte,
                bytes = damage.bytes,
                %damage,
                "the store's journal is damaged"
            );
        }
        metrics::counter!("rt_broker_store_damages_total").increment(damage.len() as u64);
        for file in &recovered.kept {
            tracing::info!(file = %file.display(), "a copy of what the journal cannot use is kept");
        }
        for error in &recovered.uncopied {
            tracing::warn!(%error, "what the journal cannot use is kept where it was found");
        }
        let more = recovered.damages.saturating_sub(recovered.damage.len() as u64);
        if more > 0 {
            tracing::error!(more, "the store's journal is damaged in more places");
        }
        if unknown > 0 {
            tracing::error!(records = unknown, "the store has records of an unknown form");
        }
        let publications: u64 = losses.iter().map(Loss::publications).sum();
        if !losses.is_empty() {
            let names = losses.iter().filter_map(|loss| loss.topic.as_deref());
            let named: Vec<&str> = names.take(NAMED).collect();
            tracing::error!(
                topics = losses.len(),
                publications,
                named = ?named,
                "the store has lost publications; their topics begin new epochs"
            );
            metrics::counter!("rt_broker_lost_publications_total").increment(publications);
        }
        if !damage.is_empty() || more > 0 || unknown > 0 || !losses.is_empty() {
            let places = damage.len() as u64 + more + unknown as u64;
            let others = match more > 0 || damage.iter().any(Damage::loses_anything) {
                true => ", and others that no record counts",
                false => "",
            };
            let why = format!(
                "its store was damaged when it was opened; damaged places of the journal: {places}; \
                 lost publications: {publications}{others}, in topics: {} (see the log)",
                losses.len(),
            );
            self.shared.set_degraded(why);
        }
    }
}

/// The cost of lowered bounds.
struct LoweredBounds {
    topics: usize,
    publications: usize,
}

/// Keeps to bounds that are lower than they were in an earlier life.
fn keep_to_bounds(topics: &mut Topics, now: Timestamp, commit: &mut Commit) -> LoweredBounds {
    let (before, publications) = (topics.len(), topics.held().publications);
    for name in topics.names() {
        if topics.get(&name).is_some_and(|topic| topic.held.exceeds(now)) {
            topics.change_topic(&name, |topic, commit| topic.trim(now, commit), commit);
        }
    }
    while (topics.are_too_many() || topics.is_over()) && topics.drop_idle(None, commit) {}
    LoweredBounds {
        topics: before - topics.len(),
        publications: publications - topics.held().publications,
    }
}

/// Has the next opening know that this damage was taken care of.
fn note_damage(damage: &[Damage], commit: &mut Commit) {
    for damage in damage.iter().filter(|damage| damage.is_permanent()) {
        let head = FrameHead { kind: Kind::DamageNoted as u8, topic: 0, offset: 0, time: 0 };
        let note = DamageNote { location: damage.location, commits: damage.commits() };
        commit.push(head, |body| note.encode(body));
    }
}

fn drop_obsolete(topics: &[u64], commit: &mut Commit) {
    for &topic in topics {
        let (offset, time) = (Offset::ZERO, Timestamp::ZERO);
        commit.push(frame(Kind::Dropped, topic, offset, time), |body| {
            TopicSummary::default().encode(offset, time, body);
        });
    }
}

pub(super) fn cannot_be_opened(error: StoreError) -> Error {
    Error::unavailable("its store cannot be opened", error.to_string())
}
