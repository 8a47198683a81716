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
        self.keys_age = true;
        Ok(())
    }

    /// Deletes a part of the idempotency keys that are past their window.
    pub(super) fn delete_old_keys(&mut self) {
        if !self.keys_age {
            return;
        }
        let before = self.shared.now().saturating_sub(WINDOW);
        let old = self.store().and_then(|store| store.old_keys(before, SWEPT));
        let deleted = old.and_then(|old| {
            self.delete(|changes| old.iter().for_each(|key| changes.remove_key(key)))?;
            Ok(old.len() == SWEPT)
        });
        // What cannot be deleted now is found again by the next sweep.
        self.keys_age = deleted.unwrap_or(false);
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

#[cfg(test)]
mod tests {
    use super::super::store::Store;
    use super::super::{FileEngine, Sync};
    use super::*;
    use crate::{Engine, Message};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[tokio::test]
    async fn all_old_keys_are_deleted_after_a_sweep() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(1_000_000));
        let time = clock.clone();
        let engine = FileEngine::builder(folder.path()).sync(Sync::None);
        let engine = engine.clock(move || time.load(Ordering::Relaxed)).open().unwrap();
        let publish = async |n: usize| {
            let message = Message::text("x").unwrap().with_idempotency_key(n.to_string()).unwrap();
            engine.publish("t", message).await.unwrap();
        };
        for n in 0..SWEPT * 2 + 100 {
            publish(n).await;
        }
        clock.fetch_add(WINDOW + 1, Ordering::Relaxed);
        publish(0).await;
        engine.sweep();
        // A part with each turn.
        for _ in 0..5 {
            engine.flush().await.unwrap();
        }
        engine.close().await.unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        assert_eq!(store.old_keys(u64::MAX - 1, usize::MAX).unwrap().len(), 1, "the new one stays");
    }
}
