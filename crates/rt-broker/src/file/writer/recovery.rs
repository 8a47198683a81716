//! Opening a store: what it holds is taken over, and what it lost is reported.

use super::clock::{AHEAD, Clock, TimeSource};
use super::shared::Shared;
use super::{Writer, push_reserved};
use crate::durability::Durability;
use crate::error::Error;
use crate::file::state::{BoundsOf, Limits, Loss, Replay};
use crate::file::store::{
    Disk, Ending, Folder, Journal, JournalOptions, Persist, Recovered, StoreError,
};
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
    pub(in crate::file) time: TimeSource,
}

impl Opening {
    /// Opens the store, which is made where there is none.
    pub(in crate::file) fn open(self) -> Result<(Arc<Shared>, Writer), Error> {
        let folder = Folder::open(self.disk, &self.path).map_err(cannot_be_opened)?;
        let ending = folder.ending();
        let mut replay = Replay::default();
        let (journal, recovered) =
            Journal::open(&folder, self.journal, |frame| replay.apply(frame))
                .map_err(cannot_be_opened)?;
        // Nothing is stamped at or below what earlier lives have given out.
        let floor = replay.reserved().map_or(Timestamp::ZERO, Timestamp::next);
        let now = (self.time)().max(floor);
        let unknown = replay.unknown();
        let lost = recovered.lost_topics();
        let (topics, losses) = replay.finish(self.bounds, self.limits, now, &lost);
        let clock = Clock::new(self.time, floor, Timestamp::ZERO);
        let shared = Arc::new(Shared::new(topics, clock, self.durability));
        let mut writer = Writer::new(shared.clone(), journal, folder);
        writer.report(&recovered, unknown, &losses);
        let all = ending == Ending::MayHaveLost || recovered.may_have_lost_anything() || unknown > 0;
        writer.begin_life(all, &losses)?;
        Ok((shared, writer))
    }
}

impl Writer {
    /// Makes what recovery found durable before anything is given out: new epochs where something
    /// may be lost, what lower bounds cost, and the time that may be stamped.
    fn begin_life(&mut self, all: bool, losses: &[Loss]) -> Result<(), Error> {
        let now = self.shared.clock.now();
        let names: Vec<Arc<str>> = match all {
            true => self.shared.topics().iter().map(|(name, _)| name.clone()).collect(),
            false => losses.iter().filter_map(|loss| loss.topic.clone()).collect(),
        };
        self.begin_epochs(&names)?;
        let reserved = now.after(AHEAD);
        let lowered = self.write(now, |topics, commit| {
            push_reserved(reserved, commit);
            Ok(topics.keep_to_bounds(now, commit))
        })?;
        self.shared.clock.set_reserved(reserved);
        if lowered.topics > 0 || lowered.publications > 0 {
            let (topics, publications) = (lowered.topics, lowered.publications);
            tracing::warn!(topics, publications, "bounds have dropped what the store held");
        }
        self.journal.sync().map_err(cannot_be_opened)?;
        self.unsynced = None;
        let persist = match self.shared.durability {
            Durability::Always => Persist::Synced,
            Durability::Group { .. } | Durability::None => Persist::Written,
        };
        self.folder.begin(persist).map_err(cannot_be_opened)
    }

    /// Logs and counts what recovery found.
    fn report(&self, recovered: &Recovered, unknown: usize, losses: &[Loss]) {
        if let Some(torn) = &recovered.torn {
            tracing::info!(%torn, "the last write was cut off before it was acknowledged; a copy is kept");
        }
        for damage in &recovered.damage {
            tracing::error!(%damage, "the store's journal is damaged");
        }
        let more = recovered.damaged.saturating_sub(recovered.damage.len());
        if more > 0 {
            tracing::error!(more, "the store's journal is damaged in more places");
        }
        if unknown > 0 {
            tracing::error!(records = unknown, "the store has records of an unknown form");
        }
        let missing = |loss: &Loss| loss.expected.saturating_sub(loss.found);
        let publications: u64 = losses.iter().map(missing).sum();
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
        if recovered.damaged > 0 || unknown > 0 || !losses.is_empty() {
            let why = format!(
                "its store was damaged when it was opened: {} places in the journal, \
                 {publications} publications of {} topics are lost (see the log)",
                recovered.damaged.max(unknown),
                losses.len(),
            );
            self.shared.set_degraded(why);
        }
    }
}

pub(super) fn cannot_be_opened(error: StoreError) -> Error {
    Error::unavailable("its store cannot be opened", error.to_string())
}
