//! Idempotency keys: which publication each one made.

use crate::Receipt;
use std::collections::{HashMap, VecDeque};

/// How long a key is remembered, in milliseconds of the engine's clock.
pub(crate) const WINDOW: u64 = 5 * 60 * 1000;
/// How many are remembered over all topics; beyond it the oldest goes.
const MOST: usize = 50_000;

/// The keys of all topics: bounded together, since anyone who may publish makes them grow.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    receipts: HashMap<Box<str>, Receipt>,
    by_age: VecDeque<Box<str>>,
}

impl Keys {
    /// The receipt of the publication that used this key in this topic within the window.
    pub(crate) fn find(&self, topic: &str, key: &str, now: u64) -> Option<Receipt> {
        let receipt = self.receipts.get(&*joined(topic, key))?;
        (receipt.time().saturating_add(WINDOW) > now).then(|| receipt.as_duplicate())
    }

    pub(crate) fn remember(&mut self, topic: &str, key: &str, receipt: Receipt) {
        let key = joined(topic, key);
        if self.receipts.insert(key.clone(), receipt).is_none() {
            self.by_age.push_back(key);
        }
        self.forget(receipt.time());
    }

    /// Forgets one whose publication was not stored after all.
    #[cfg(feature = "file")]
    pub(crate) fn take_back(&mut self, topic: &str, key: &str) {
        self.receipts.remove(&*joined(topic, key));
    }

    /// Forgets what is past its window or its number.
    pub(crate) fn forget(&mut self, now: u64) {
        while let Some(oldest) = self.by_age.front() {
            let time = self.receipts.get(oldest).map_or(0, Receipt::time);
            if time.saturating_add(WINDOW) > now && self.by_age.len() <= MOST {
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
