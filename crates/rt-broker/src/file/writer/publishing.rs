//! Publications: from the queue into the journal, and from there to the logs.

use super::queue::{Reply, Waiting};
use super::thread::Writer;
use crate::engine::history::Receipt;
use crate::error::Error;
use crate::file::state::{Publish, Published};
use crate::log::wakers::Wakers;
use crate::node::NodeId;

/// A publication that is written, and who waits for it.
struct Written {
    published: Published,
    from: NodeId,
    reply: Reply<Receipt>,
}

impl Writer {
    /// Writes a batch as one commit, gives it to the logs and answers its publishers.
    pub(super) fn publish(&mut self, batch: &mut Vec<Waiting>, bytes: usize) {
        if batch.is_empty() {
            return;
        }
        let room = batch.iter().map(|waiting| waiting.room as usize).sum();
        let now = self.shared.clock.now();
        let mut written = Vec::with_capacity(batch.len());
        let mut waiting = batch.drain(..);
        let changed = self.change(now, |topics, commit| {
            commit.reserve(bytes);
            for Waiting { publish, from, reply, .. } in waiting.by_ref() {
                match topics.publish(publish, now, commit) {
                    Ok(published) => written.push(Written { published, from, reply }),
                    // Its own fault, or that of too many topics: the others are published.
                    Err(error) => drop(reply.send(Err(error))),
                }
            }
            Ok(())
        });
        match changed {
            Ok(()) => self.deliver(written),
            Err(error) => {
                let replies = written.into_iter().map(|written| written.reply);
                for reply in replies.chain(waiting.map(|waiting| waiting.reply)) {
                    let _ = reply.send(Err(error.repeat()));
                }
            }
        }
        self.shared.room.add_permits(room);
    }

    /// Gives what is written to the logs, wakes their subscribers, and answers the publishers.
    fn deliver(&self, mut written: Vec<Written>) {
        let mut wakers = Vec::new();
        let mut topics = self.shared.topics();
        for Written { published, from, .. } in &mut written {
            if let Some(entry) = &published.entry
                && let Some(topic) = topics.get_mut(&published.topic)
            {
                let reached = topic.append_to_logs(entry, Some(*from), &mut wakers);
                published.receipt = published.receipt.with_reached(reached);
            }
        }
        drop(topics);
        drop(wakers);
        for Written { published, reply, .. } in written {
            let _ = reply.send(Ok(published.receipt));
        }
    }

    /// Writes publications that were made elsewhere as one commit.
    pub(super) fn import(&mut self, publications: Vec<Publish>) -> Result<(), Error> {
        let now = self.shared.clock.now();
        let published = self.change(now, |topics, commit| {
            let publish = |publication| topics.publish(publication, now, commit);
            publications.into_iter().map(publish).collect::<Result<Vec<_>, _>>()
        })?;
        let mut wakers: Vec<Wakers> = Vec::new();
        let mut topics = self.shared.topics();
        for Published { topic, entry, .. } in &published {
            if let (Some(entry), Some(topic)) = (entry, topics.get_mut(topic)) {
                topic.append_to_logs(entry, None, &mut wakers);
            }
        }
        drop(topics);
        drop(wakers);
        Ok(())
    }
}
