//! Which topic is dropped next where there are too many.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A topic as the choice of the next one to drop sees it.
pub(crate) trait IdleTopic {
    /// When it was last used, as its engine counts uses.
    fn last_use(&self) -> u64;

    /// Whether it holds nothing.
    fn is_empty(&self) -> bool;

    /// Whether a log with subscribers stands on it.
    fn has_subscribers(&self) -> bool;
}

/// Topics to drop next: first those that hold nothing, then by least recent use.
///
/// The list is made by one walk over all topics and then used up. So the cap on topics costs a
/// flood of new names no more than a few steps per name.
#[derive(Debug, Default)]
pub(crate) struct IdleTopics(VecDeque<Candidate>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Candidate {
    holds_something: bool,
    /// Its last use when it was listed.
    last_use: u64,
    name: Arc<str>,
}

impl IdleTopics {
    /// The least recently used topic without subscribers, but for `keep`. The caller drops it; a
    /// topic that could not be dropped is not offered again before the next walk.
    pub(crate) fn next<T: IdleTopic>(
        &mut self,
        topics: &HashMap<Arc<str>, T>,
        keep: Option<&str>,
    ) -> Option<Arc<str>> {
        for listed in [false, true] {
            while let Some(candidate) = self.0.pop_front() {
                let unchanged =
                    |topic: &T| topic.last_use() == candidate.last_use && !topic.has_subscribers();
                if keep != Some(&*candidate.name)
                    && topics.get(&candidate.name).is_some_and(unchanged)
                {
                    return Some(candidate.name);
                }
            }
            if !listed {
                self.list(topics);
            }
        }
        None
    }

    fn list<T: IdleTopic>(&mut self, topics: &HashMap<Arc<str>, T>) {
        let unused = topics.iter().filter(|(_, topic)| !topic.has_subscribers());
        let mut all: Vec<_> = unused
            .map(|(name, topic)| Candidate {
                holds_something: !topic.is_empty(),
                last_use: topic.last_use(),
                name: name.clone(),
            })
            .collect();
        let few = (all.len() / 16).max(64).min(all.len());
        if few < all.len() {
            all.select_nth_unstable(few);
            all.truncate(few);
        }
        all.sort_unstable();
        self.0 = all.into();
    }
}
