//! Waking subscribers outside of locks.

use std::task::Waker;

/// The wakers of subscribers. Dropping them wakes the subscribers: an engine does so once it holds no
/// lock of its own, so that a crowded topic does not hold up the others.
#[must_use = "drop it once no lock is held"]
#[derive(Default, Debug)]
pub struct Wakers(Vec<Waker>);

impl Wakers {
    pub(super) fn new(wakers: Vec<Waker>) -> Self {
        Self(wakers)
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

/// The result of an append.
#[must_use = "drop it once no lock is held"]
#[derive(Default, Debug)]
#[non_exhaustive]
pub struct Appended {
    /// The number of subscribers of the log that the publication is for.
    pub reached: usize,
    /// The wakers of the subscribers that wait for it.
    pub wakers: Wakers,
}
