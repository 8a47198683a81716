//! Housekeeping: what is too old, topics that nobody uses, and new epochs after a loss.

use super::queue::Command;
use super::thread::Writer;
use crate::error::Error;
use crate::file::state::Topic;
use crate::local::keys::Keys;
use crate::position::Offset;
use crate::retention::IdleTopic;
use std::sync::Arc;
use std::time::Duration;

/// Time that a topic which holds nothing stays without being used: a poller comes back within it.
const IDLE: Duration = Duration::from_secs(60);
/// Topics that are changed in one commit.
const AT_ONCE: usize = 1_024;

impl Writer {
    /// Evicts what is too old, and drops topics that hold nothing and that nobody uses.
    pub(super) fn sweep(&mut self) -> Result<(), Error> {
        let now = self.shared.clock.now();
        let (mut aged, mut unused) = (Vec::new(), Vec::new());
        {
            let mut topics = self.shared.topics();
            topics.keys.forget(now);
            for (name, topic) in topics.iter_mut() {
                if aged.len() + unused.len() == AT_ONCE {
                    break;
                }
                if topic.held.exceeds(now) {
                    aged.push(name.clone());
                } else if topic.is_empty()
                    && topic.used_at.after(IDLE) <= now
                    && topic.logs().is_empty()
                {
                    unused.push(name.clone());
                }
            }
        }
        if aged.is_empty() && unused.is_empty() {
            return Ok(());
        }
        if aged.len() + unused.len() == AT_ONCE {
            // The rest follows in another turn. A closed queue needs no housekeeping.
            let _ = self.shared.queue.push(Command::Sweep);
        }
        self.change(now, |topics, commit| {
            for name in &aged {
                topics.change_topic(name, |topic, commit| topic.trim(now, commit), commit);
            }
            for name in &unused {
                topics.drop_unused(name, commit);
            }
            Ok(())
        })
    }

    /// Begins a new epoch in every topic, and tells the open logs: positions that were given out for
    /// what may be lost must not come to mean something else.
    pub(super) fn end_epochs(&mut self) -> Result<(), Error> {
        let names = self.shared.topics().names();
        tracing::error!(
            topics = names.len(),
            "publications may be lost, since a sync failed; every topic begins a new epoch"
        );
        self.begin_epochs(&names)?;
        self.shared.topics().keys = Keys::default();
        for name in names {
            self.reset_logs(&name);
        }
        Ok(())
    }

    /// Begins a new epoch in each of these topics, with what they hold.
    pub(super) fn begin_epochs(&mut self, names: &[Arc<str>]) -> Result<(), Error> {
        let now = self.shared.clock.now();
        for names in names.chunks(AT_ONCE) {
            self.write(now, |topics, commit| {
                for name in names {
                    let begin = |topic: &mut Topic, commit: &mut _| {
                        topic.begin_epoch();
                        topic.record(name, commit);
                    };
                    topics.change_topic(name, begin, commit);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn reset_logs(&mut self, name: &str) {
        let (logs, slots, epoch) = {
            let mut topics = self.shared.topics();
            let Some(topic) = topics.get_mut(name) else { return };
            let slots: Vec<_> = topic.held.after(Offset::ZERO).copied().collect();
            (topic.logs(), slots, topic.position(Offset::ZERO))
        };
        if logs.is_empty() {
            return;
        }
        let entries = self.entries(name, epoch, &slots);
        let mut topics = self.shared.topics();
        let Some(topic) = topics.get_mut(name) else { return };
        let snapshot = topic.snapshot(entries);
        let woken: Vec<_> = logs.iter().map(|log| log.reset(snapshot.clone())).collect();
        drop(topics);
        drop(woken);
    }
}
