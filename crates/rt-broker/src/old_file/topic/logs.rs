//! The logs that a topic feeds, and who reads them.

use super::Topic;
use crate::file::store::Store;
use crate::log::{Log, Snapshot, Woken};
use crate::{Entry, Error};
use std::sync::{Arc, Weak};

impl Topic {
    /// Gives what is written to the logs, all of it under one lock; says how many subscribers it was for where there is one log.
    pub(in crate::file) fn append_to_logs(
        &mut self,
        entry: &Arc<Entry>,
        woken: &mut Vec<Woken>,
    ) -> Option<usize> {
        self.stamped = None;
        let (mut logs, mut reached) = (0, 0);
        self.logs.retain(|log| {
            let Some(log) = log.upgrade() else { return false };
            woken.push(log.append(entry.clone()));
            logs += 1;
            reached = log.reached(entry.publication().position());
            true
        });
        (logs == 1).then_some(reached)
    }

    /// Everything that is held, from the store.
    pub(in crate::file) fn snapshot(&self, store: &Store) -> Result<Snapshot, Error> {
        let at = self.at;
        // Those who wait for claims read nothing from the log.
        let from = if self.bounds.deletes_after_retrieval() { at.head } else { at.evicted.0 };
        let range = (from.saturating_add(1), at.head);
        let entries = store.entries((self.id, self.epoch), range, usize::MAX)?;
        let (evicted, evicted_time) = at.evicted;
        Ok(Snapshot { epoch: self.epoch, head: at.head, entries, evicted, evicted_time })
    }

    pub(in crate::file) fn attach(&mut self, log: &Arc<Log>, snapshot: Snapshot) -> Woken {
        self.logs.push(Arc::downgrade(log));
        log.open(snapshot)
    }

    pub(in crate::file) fn reset_logs(&self, snapshot: &Snapshot) -> Vec<Woken> {
        self.logs.iter().filter_map(Weak::upgrade).map(|log| log.reset(snapshot.clone())).collect()
    }

    pub(in crate::file) fn has_subscribers(&self) -> bool {
        self.logs.iter().filter_map(Weak::upgrade).any(|log| log.subscribers() > 0)
    }

    pub(in crate::file) fn has_logs(&mut self) -> bool {
        self.logs.retain(|log| log.strong_count() > 0);
        !self.logs.is_empty()
    }

    /// Closes all its logs, unless one has subscribers.
    pub(in crate::file) fn close_logs(&mut self) -> bool {
        !self.has_subscribers()
            && self.logs.iter().filter_map(Weak::upgrade).all(|log| log.close_unless_used())
    }
}
