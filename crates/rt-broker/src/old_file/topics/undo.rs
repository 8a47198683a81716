//! A transaction that could not be written.

use super::{Topic, Topics, Traces};
use crate::Error;
use crate::file::codec::{Record, key_of};
use crate::file::store::Store;

impl Topics {
    /// Counts anew what the store holds of a topic.
    pub(in crate::file) fn recount(
        &mut self,
        name: &str,
        written: Option<&Record>,
        store: &Store,
    ) -> Result<(), Error> {
        let Some(topic) = self.by_name.get_mut(name) else { return Ok(()) };
        let before = topic.at.bytes;
        topic.recount(written, store)?;
        self.bytes = self.bytes + topic.at.bytes - before;
        Ok(())
    }

    /// The changes could not be written: takes them back, and says what may be in the store.
    pub(in crate::file) fn roll_back(&mut self) -> Traces {
        let change = std::mem::take(&mut self.change);
        let mut traces = Traces { garbage: change.garbage, ..Traces::default() };
        for name in &change.touched {
            let id = self.by_name.get(name).map_or(0, |topic| topic.id);
            traces.topics.push((name.clone(), id));
        }
        // What was made goes first: what was there before may have had the same name. Marks that
        // were given meanwhile hold for whatever has the name next.
        let made = |topic: &Topic| topic.id >= change.first_id;
        for (_, topic) in self.by_name.extract_if(|_, topic| made(topic)) {
            self.marked = self.marked.max(topic.newest_mark());
        }
        for (name, mut topic) in change.dropped {
            if !made(&topic) {
                topic.mark(self.marked);
                self.by_name.insert(name, topic);
            }
        }
        for name in &change.touched {
            if let Some(topic) = self.by_name.get_mut(name) {
                topic.rolled_back();
            }
        }
        self.bytes = change.bytes;
        for (name, key, receipt) in &change.keys {
            self.keys.take_back(name, key);
            traces.keys.push(key_of(name, key, receipt.time()));
        }
        traces
    }
}
