//! A transaction that could not be written.

use super::{Topics, Traces};
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
        for (name, topic) in change.dropped.into_iter().rev() {
            self.by_name.insert(name, topic);
        }
        for name in &change.created {
            self.by_name.remove(name);
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
