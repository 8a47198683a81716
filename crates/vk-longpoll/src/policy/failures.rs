//! What is tried again, and what ends a loop.
use std::time::{Duration, Instant};

use rt_common::{Reaction, Setup};

use super::{Ask, Policy};
use crate::item::{Disconnected, Item};
use crate::kind::Event;
use crate::{ApiError, Error};

/// So many polls that fail in a row, and another server is asked for: this one may be gone.
const TRIES_A_SERVER: u32 = 3;
/// API errors with which the history is refused for good: too old, too new, not allowed.
const NO_HISTORY: [i64; 4] =
    [ApiError::POSITION_TOO_OLD, ApiError::POSITION_TOO_NEW, ApiError::PERMISSION_DENIED, 15];
/// So many answers in a row that cannot be read, and what this `ts` has is read from the history.
const TRIES_A_TS: u32 = 10;
/// The longest `Retry-After` that is obeyed.
const LONGEST_WISH: Duration = Duration::from_secs(300);

impl<E: Event> Policy<E> {
    /// It failed at `now`: how long to wait before the next question, or why there is none. What is
    /// tried again is told to the reader.
    pub(crate) fn failed(
        &mut self,
        ask: Ask,
        error: Error,
        now: Instant,
    ) -> Result<Duration, Error> {
        let goes_on = match ask {
            Ask::Server => self.goes_on_without_server(&error),
            Ask::Poll(_) => self.goes_on_without_answer(&error),
            Ask::History(_) => match error.api() {
                // It is gone, or not for us: what was missed stays so; what comes does not.
                Some(refused) if NO_HISTORY.contains(&refused.code()) => {
                    self.give_up(Some(error));
                    return Ok(Duration::ZERO);
                }
                Some(refused) => refused.is_retryable(),
                None => {
                    self.stuck += u32::from(is_odd(&error));
                    // It would be so again.
                    if error.is_too_large() || error.is_data() || self.stuck >= TRIES_A_TS {
                        self.stuck = 0;
                        self.give_up(Some(error));
                        return Ok(Duration::ZERO);
                    }
                    error.reaction(Setup::Proven) != Reaction::End
                }
            },
        };
        if !goes_on {
            return Err(error);
        }
        let retries = self.retries;
        self.retries = retries.saturating_add(1);
        if self.retry.max_retries.is_some_and(|max| retries >= max) {
            return Err(Error::no_retry_left(retries, error));
        }
        let retry_in = match error.retry_after() {
            None => self.backoff.next_delay(now),
            Some(wish) => {
                self.backoff.count_attempt();
                let wish = wish.min(LONGEST_WISH).max(self.retry.min);
                wish + self.backoff.jitter(wish / 10)
            }
        };
        self.waiting.push_back(Item::Disconnected(Disconnected { error, retry_in }));
        Ok(retry_in)
    }

    /// VK's API has many servers behind its name: another try may already be one elsewhere.
    fn goes_on_without_server(&self, error: &Error) -> bool {
        error.reaction(setup(self.begun)) != Reaction::End
    }

    fn goes_on_without_answer(&mut self, error: &Error) -> bool {
        self.poll_failures += 1;
        let token = self.means.token;
        self.stuck = if is_odd(error) { self.stuck + 1 } else { 0 };
        if token && (error.is_too_large() || self.stuck >= TRIES_A_TS) {
            // It would be as large again, or as odd: the history comes in pages.
            self.stuck = 0;
            self.start_over();
            return true;
        }
        // With a token the API named the server, now or in an earlier run. Without one the user did,
        // perhaps wrongly.
        match error.reaction(setup(token || self.polled)) {
            Reaction::End => false,
            Reaction::RetryElsewhere => {
                self.server = self.server.take().filter(|_| !token);
                token
            }
            Reaction::Retry => {
                if token && self.poll_failures.is_multiple_of(TRIES_A_SERVER) {
                    self.server = None;
                }
                true
            }
        }
    }
}

fn setup(has_worked: bool) -> Setup {
    if has_worked { Setup::Proven } else { Setup::Unproven }
}

/// An answer of the server's own that is not what it should be. A proxy's page passes; this may be so
/// each time.
fn is_odd(error: &Error) -> bool {
    let is_object = error.body().trim_ascii_start().starts_with(b"{");
    error.is_malformed() && (is_object || error.status().is_none())
}
