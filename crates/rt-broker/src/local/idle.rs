//! Which topic goes next where there are too many.

use std::collections::VecDeque;
use std::sync::Arc;

/// Topics to drop next: first those that hold nothing, then by least recent use.
///
/// The list is made by one walk over all topics and then used up, so that the cap costs a
/// stranger's flood of names no more than a few steps a name.
#[derive(Debug, Default)]
pub(crate) struct Idle(VecDeque<(u64, Arc<str>)>);

impl Idle {
    /// The next candidate, with the use it had when it was listed.
    pub(crate) fn next(&mut self) -> Option<(u64, Arc<str>)> {
        self.0.pop_front()
    }

    /// Lists a part of those that nobody uses now: whether each holds something, its last use, its
    /// name.
    pub(crate) fn list(&mut self, unused: impl Iterator<Item = (bool, u64, Arc<str>)>) {
        let mut all: Vec<_> = unused.collect();
        let few = (all.len() / 16).max(64).min(all.len());
        if few < all.len() {
            all.select_nth_unstable(few);
            all.truncate(few);
        }
        all.sort_unstable();
        self.0 = all.into_iter().map(|(_, used, name)| (used, name)).collect();
    }
}
