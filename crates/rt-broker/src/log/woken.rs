//! Waking subscribers outside of locks.

use std::task::Waker;

/// Subscribers to be woken. Dropping it wakes them: an engine does so once it holds no lock of its
/// own, so that a crowded topic does not hold up the others.
#[must_use = "drop it once no lock is held"]
#[derive(Default, Debug)]
pub struct Woken(Vec<Waker>);

impl Woken {
    pub(super) fn new(wakers: Vec<Waker>) -> Self {
        Self(wakers)
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

/// What an append did.
#[must_use = "drop it once no lock is held"]
#[derive(Default, Debug)]
#[non_exhaustive]
pub struct Appended {
    /// How many subscribers of the log the publication is for.
    pub reached: usize,
    /// The subscribers that wait for it.
    pub wakers: Woken,
}
