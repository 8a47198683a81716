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

    /// Appends written publications to the logs, and answers their publishers.
    fn deliver(&self, mut written: Vec<PendingReceipt>) {
        self.append_to_logs(written.iter_mut().map(|written| {
            let PendingReceipt { published, from, .. } = written;
            (published, Some(*from))
        }));
        for PendingReceipt { published, reply, .. } in written {
            let _ = reply.send(Ok(published.receipt));
        }
    }

    /// Writes publications that were made elsewhere as one commit.
    pub(super) fn import(&mut self, publications: Vec<Publish>) -> Result<(), Error> {
        let now = self.shared.clock.now();
        let mut published = self.change(now, |topics, commit| {
            let publish = |publication| topics.publish(publication, now, commit);
            publications.into_iter().map(publish).collect::<Result<Vec<_>, _>>()
        })?;
        self.append_to_logs(published.iter_mut().map(|published| (published, None)));
        Ok(())
    }

    /// Appends written publications, each with the node that sent it, to the logs of their topics.
    /// Wakes the subscribers, and notes in each receipt how many of them it reached.
    fn append_to_logs<'a>(
        &self,
        written: impl Iterator<Item = (&'a mut Published, Option<NodeId>)>,
    ) {
        let mut wakers: Vec<Wakers> = Vec::new();
        let mut topics = self.shared.topics();
        for (published, from) in written {
            if let Some(entry) = &published.entry
                && let Some(topic) = topics.get_mut(&published.topic)
            {
                let reached = topic.append_to_logs(entry, from, &mut wakers);
                published.receipt = published.receipt.with_reached(reached);
            }
        }
        // The subscribers wake when the wakers are dropped, and must not wait for the lock then.
        drop(topics);
        drop(wakers);
    }
}
