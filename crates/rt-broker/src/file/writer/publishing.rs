//! Publications: from the queue into the journal, and from there to the logs.

use super::queue::{QueuedPublish, Reply};
use super::thread::Writer;
use crate::engine::history::Receipt;
use crate::error::Error;
use crate::file::state::{Publish, Published};
use crate::log::wakers::Wakers;
use crate::node::NodeId;

/// A publication that is written, and who waits for it.
struct PendingReceipt {
    published: Published,
    from: NodeId,
    reply: Reply<Receipt>,
}

impl Writer {
    /// Writes a batch as one commit, gives it to the logs and answers its publishers.
    pub(super) fn publish(&mut self, batch: &mut Vec<QueuedPublish>, bytes: usize) {
        if batch.is_empty() {
            return;
        }
        let now = self.shared.clock.now();
        let mut written = Vec::with_capacity(batch.len());
        let mut waiting = batch.drain(..);
        let changed = self.change(now, |topics, commit| {
            commit.reserve(bytes);
            for QueuedPublish { publish, from, reply, .. } in waiting.by_ref() {
                match topics.publish(publish, now, commit) {
                    Ok(published) => written.push(PendingReceipt { published, from, reply }),
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
    }

    /// Gives what is written to the logs, wakes their subscribers, and answers the publishers.
    fn deliver(&self, mut written: Vec<PendingReceipt>) {
        let mut wakers = Vec::new();
        let mut topics = self.shared.topics();
        for PendingReceipt { published, from, .. } in &mut written {
            if let Some(entry) = &published.entry
                && let Some(topic) = topics.get_mut(&published.topic)
            {
                let reached = topic.append_to_logs(entry, Some(*from), &mut wakers);
                published.receipt = published.receipt.with_reached(reached);
            }
        }
        drop(topics);
        drop(wakers);
        for PendingReceipt { published, reply, .. } in written {
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
