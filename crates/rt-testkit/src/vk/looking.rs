//! Looking at what came, and waiting for it.

use super::Vk;
use super::seen::{Account, Call, Poll};
use super::state::State;

impl Vk {
    /// The newest `ts` of an account.
    pub fn ts(&self, account: Account) -> u64 {
        self.shared.state().log(account).ts()
    }

    /// The newest `pts` of an account.
    pub fn pts(&self, account: Account) -> u64 {
        self.shared.state().log(account).pts()
    }

    /// The polls so far.
    pub fn polls(&self) -> Vec<Poll> {
        self.shared.state().polls.clone()
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// How many polls came so far.
    pub fn poll_count(&self) -> usize {
        self.shared.state().polls.len()
    }

    /// How many calls came so far.
    pub fn call_count(&self) -> usize {
        self.shared.state().calls.len()
    }

    /// How many polls wait for events right now. A client that went away is noticed within some
    /// 20 ms.
    pub fn waiting_polls(&self) -> usize {
        self.shared.state().waiting
    }

    /// Waits until this many polls came in all, and returns them.
    ///
    /// # Panics
    ///
    /// If they do not come within the [patience](super::Builder::patience).
    pub fn wait_for_polls(&self, count: usize) -> Vec<Poll> {
        self.wait_until("polls", count, |state| state.polls.len(), |it, _| it >= count);
        self.polls()
    }

    /// Waits until this many calls came in all, and returns them. It panics as
    /// [`Vk::wait_for_polls`] does.
    pub fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        self.wait_until("calls", count, |state| state.calls.len(), |it, _| it >= count);
        self.calls()
    }

    /// Waits until exactly this many polls wait for events. It panics as [`Vk::wait_for_polls`]
    /// does.
    pub fn wait_for_waiting(&self, count: usize) {
        self.wait_until("waiting polls", count, |state| state.waiting, |it, count| it == count);
    }

    fn wait_until(
        &self,
        what: &str,
        count: usize,
        now: impl Fn(&State) -> usize,
        enough: impl Fn(usize, usize) -> bool,
    ) {
        let state = self.shared.state();
        let patience = state.config.patience;
        let waits = |state: &mut State| !enough(now(state), count);
        let (state, out) = self.shared.changed.wait_timeout_while(state, patience, waits).unwrap();
        let seen = now(&state);
        // A panic must not poison what the other threads use.
        drop(state);
        assert!(!out.timed_out(), "{seen} {what} instead of {count} after {patience:?}");
    }
}
