//! Idempotency keys and the receipts of their publications.

use crate::engine::history::Receipt;
use crate::timestamp::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Time for which a key is remembered.
pub(crate) const WINDOW: Duration = Duration::from_secs(5 * 60);
/// Maximum number of keys of all topics together. Beyond it the oldest is forgotten.
const MAX_KEYS: usize = 50_000;

/// The keys of all topics. They are bounded together, since every publisher can make them grow.
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

    /// Forgets the keys of a topic.
    #[cfg(feature = "file")]
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        let of_topic = joined(topic, "");
        self.receipts.retain(|key, _| !key.starts_with(&*of_topic));
    }

    /// Removes a key whose publication was not stored.
    #[cfg(feature = "file")]
    pub(crate) fn take_back(&mut self, topic: &str, key: &str) {
        self.receipts.remove(&*joined(topic, key));
    }

    /// Forgets the oldest keys until none is too old and there are not too many.
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

/// Returns a topic's name and a key as one text. It begins with the name's length, so that no two
/// pairs have the same text.
fn joined(topic: &str, key: &str) -> Box<str> {
    format!("{}:{topic}{key}", topic.len()).into_boxed_str()
}
