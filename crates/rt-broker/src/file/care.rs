//! Housekeeping, a little at a time, so that no publisher waits for it.

use super::store::Changes;
use super::topics::Traces;
use super::writer::Writer;
use crate::Error;
use crate::local::WINDOW;

/// Milliseconds that a topic which holds nothing stays without being used: a poller comes back
/// within it.
const IDLE: u64 = 60_000;
/// Topics of which a round looks up the oldest in the store.
const LOOK_UPS: usize = 500;
/// Publications of removed topics, and old keys, that are deleted at a time.
const SWEPT: usize = 1_024;

impl Writer {
    pub(super) fn sweep(&mut self) -> Result<(), Error> {
        let now = self.shared.now();
        self.change(now, |topics, store| {
            topics.keys.forget(now);
            let mut look_ups = LOOK_UPS;
            let mut aged = Vec::new();
            let mut unused = Vec::new();
            for (name, topic) in &mut topics.by_name {
                if !topic.is_empty() && topic.bounds.expired_at(now).is_some() {
                    if topic.must_look() {
                        let Some(left) = look_ups.checked_sub(1) else { continue };
                        look_ups = left;
                    }
                    if topic.is_due(now, store)? {
                        aged.push(name.clone());
                    }
                } else if topic.is_empty()
                    && now.saturating_sub(topic.used_at) >= IDLE
                    && !topic.has_logs()
                {
                    unused.push(name.clone());
                }
            }
            for name in aged {
                let Some(topic) = topics.existing(&name) else { continue };
                let before = topic.at.bytes;
                topic.trim(now, store)?;
                let after = topic.at.bytes;
                topics.grown(&name, before, after, store)?;
            }
            for name in unused {
                topics.close_and_remove(&name);
            }
            Ok(())
        })?;
        self.forget_keys(now)
    }

    /// Deletes the idempotency keys that are past their window.
    pub(super) fn forget_keys(&mut self, now: u64) -> Result<(), Error> {
        let old = self.store()?.old_keys(now.saturating_sub(WINDOW), SWEPT)?;
        self.delete(|changes| old.iter().for_each(|key| changes.remove_key(key)))
    }

    /// Deletes a part of what removed topics have left.
    pub(super) fn delete_garbage(&mut self) {
        let Some(id) = self.garbage.front().copied() else { return };
        let offsets = self.store().and_then(|store| store.offsets(id, 0, SWEPT));
        let deleted = offsets.and_then(|offsets| {
            let last = offsets.len() < SWEPT;
            self.delete(|changes| {
                offsets.iter().for_each(|offset| changes.remove_event(id, *offset));
                if last {
                    changes.remove_garbage(id);
                }
            })?;
            Ok(last)
        });
        // What cannot be deleted now is found again at the next opening.
        if deleted.unwrap_or(true) {
            self.garbage.pop_front();
        }
    }

    /// Deletes what nobody sees any more; it may wait for the next sync.
    fn delete(&mut self, what: impl FnOnce(&mut Changes)) -> Result<(), Error> {
        let store = self.store()?;
        let mut changes = store.changes();
        what(&mut changes);
        let committed = if changes.is_empty() { Ok(()) } else { store.commit(changes, false) };
        committed.map_err(|error| self.failed(&error, Traces::default(), false))
    }
}
