//! Idempotency keys: which publication each one made.

use crate::engine::history::Receipt;
use crate::timestamp::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How long a key is remembered.
pub(crate) const WINDOW: Duration = Duration::from_secs(5 * 60);
/// How many keys of all topics are remembered; beyond it the oldest is forgotten.
const MAX_KEYS: usize = 50_000;

/// The keys of all topics: bounded together, since anyone who may publish makes them grow.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    receipts: HashMap<Box<str>, Receipt>,
    by_age: VecDeque<Box<str>>,
}

impl Keys {
    /// Returns the receipt of the publication that used this key in this topic within the window.
    pub(crate) fn find(&self, topic: &str, key: &str, now: Timestamp) -> Option<Receipt> {
        let receipt = self.receipts.get(&*joined(topic, key))?;
        (receipt.time().after(WINDOW) > now).then(|| receipt.as_duplicate())
    }

    pub(crate) fn remember(&mut self, topic: &str, key: &str, receipt: Receipt) {
        let key = joined(topic, key);
        if self.receipts.insert(key.clone(), receipt).is_none() {
            self.by_age.push_back(key);
        }
        self.forget(receipt.time());
    }

    /// Forgets a key whose publication was not stored after all.
    #[cfg(feature = "file")]
    pub(crate) fn take_back(&mut self, topic: &str, key: &str) {
        self.receipts.remove(&*joined(topic, key));
    }

    /// Forgets the keys that are too old or too many.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.by_age.front() {
            let time = self.receipts.get(oldest).map_or(Timestamp::ZERO, Receipt::time);
            if time.after(WINDOW) > now && self.by_age.len() <= MAX_KEYS {
                break;
            }
            self.receipts.remove(oldest);
            self.by_age.pop_front();
        }
    }
}

/// The length first, so that no topic's name and key can be taken for another's.
fn joined(topic: &str, key: &str) -> Box<str> {
    format!("{}:{topic}{key}", topic.len()).into_boxed_str()
}
