//! Random faults: all that a client must survive without losing anything.

use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use super::seen::{Account, Poll};
use super::step::{ApiError, Step};
use super::wire::PAGE;

/// One source for polls and one for calls, so that the faults of the one do not depend on when the
/// others come.
#[derive(Debug)]
pub(super) struct Faults {
    polls: Rng,
    calls: Rng,
    nth: u32,
}

impl Faults {
    pub(super) fn new(seed: u64, nth: u32) -> Self {
        Self { polls: Rng::with_seed(seed), calls: Rng::with_seed(!seed), nth }
    }

    pub(super) fn poll(&mut self, poll: &Poll, slow: Duration) -> Option<Step> {
        let random = &mut self.polls;
        if random.u32(..self.nth) > 0 {
            return None;
        }
        // A community's bot has no history to read, so nothing may leave its polls.
        let bots = matches!(poll.account, Some(Account::Bots(_)));
        Some(match random.u32(..if bots { 11 } else { 12 }) {
            0 if bots => Step::failed_with(1, json!({ "ts": poll.ts })),
            0 => Step::Forget,
            1 => Step::ExpireKeys,
            11 => Step::LoseHistory,
            other => common(other, slow),
        })
    }

    /// Either of two forms.
    pub(super) fn coin(&mut self) -> bool {
        self.polls.bool()
    }

    pub(super) fn call(&mut self, slow: Duration) -> Option<Step> {
        let random = &mut self.calls;
        if random.u32(..self.nth) > 0 {
            return None;
        }
        Some(match random.u32(..15) {
            code @ (0 | 1 | 11 | 12) => Step::Error(ApiError::of(match code {
                0 => 6,
                1 => 10,
                11 => 9,
                _ => 29,
            })),
            13.. => Step::LostAnswer,
            other => common(other, slow),
        })
    }
}

/// The faults numbered 2 to 10.
fn common(number: u32, slow: Duration) -> Step {
    match number {
        2 => Step::Status(500, PAGE.to_owned()),
        3 => Step::Status(502, PAGE.to_owned()),
        4 => Step::Status(503, String::new()),
        5 => Step::Empty,
        6 => Step::EmptyObject,
        7 => Step::Html,
        8 => Step::Cut,
        9 => Step::Reset,
        _ => Step::Late(slow),
    }
}
