//! What a loop asks next, what it hands out, and where it is then: no I/O, and time is an argument.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rt_common::Backoff;

use crate::item::Item;
use crate::kind::{Answer, Event};
use crate::server::Server;
use crate::{Error, Position, RetryPolicy};

mod answers;
mod failures;
mod repeats;

use repeats::Repeats;

/// So many answers without news and without a wait, and the next one is waited for.
const MOST_IDLE: u32 = 10;
/// An answer without news that comes sooner than this is no wait: a server, or a proxy before it,
/// that answers so is not asked in a loop.
const SHORTEST_WAIT: Duration = Duration::from_millis(900);

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A server, a key, and where it is.
    Server,
    /// What happened after this in the account's history.
    History(Position),
    /// What happens after this `ts`.
    Poll(i64),
}

/// What the account allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    /// There is a token to ask for servers with.
    pub(crate) token: bool,
    /// There is a history to read from.
    pub(crate) history: bool,
}

/// A loop without its HTTP.
pub(crate) struct Policy<E> {
    means: Means,
    retry: RetryPolicy,
    backoff: Backoff,
    server: Option<Server>,
    /// Whether a server was ever given, by the API or by a session that was saved: a failure before
    /// that may be a mistake in the setup.
    begun: bool,
    /// Whether a server has answered a poll.
    polled: bool,
    /// Where the next poll starts; unknown until a server says so.
    head: Option<Position>,
    /// The place after which events are read from the history.
    missing: Option<Position>,
    /// The same, before the first page of the history.
    missing_since: Option<Position>,
    /// Where the reader is: after what was handed out.
    position: Option<Position>,
    waiting: VecDeque<Item<E>>,
    repeats: Repeats,
    /// Failures since the last good answer.
    retries: u32,
    /// Polls in a row that failed, or that answered with `failed`.
    poll_failures: u32,
    /// Answers of one kind in a row that could not be read, or that led nowhere.
    stuck: u32,
    /// Answers in a row without news and without a wait.
    idle: u32,
}

impl<E: Event> Policy<E> {
    /// A loop that starts with this server, or asks for one; from this position, or from now on.
    pub(crate) fn new(
        means: Means,
        server: Option<Server>,
        position: Option<Position>,
        retry: RetryPolicy,
    ) -> Self {
        let seed = retry.seed.unwrap_or_else(rt_common::backoff::random_seed);
        // A base of zero would never grow.
        let backoff = Backoff::new(retry.base.max(retry.min), retry.max, seed)
            .with_floor(retry.min)
            .with_reset_after(Duration::ZERO);
        // The server may still hold what follows a `ts`, and it alone has all kinds of events. The
        // history is for what it has forgotten, as it says itself, or has said before a restart.
        let reads_history =
            means.token && means.history && position.is_some_and(|it| it.recovering);
        let (head, missing) = if reads_history { (None, position) } else { (position, None) };
        Self {
            means,
            retry,
            backoff,
            begun: server.is_some(),
            polled: false,
            server,
            head,
            missing,
            missing_since: missing,
            position,
            waiting: VecDeque::new(),
            repeats: Repeats::default(),
            retries: 0,
            poll_failures: 0,
            stuck: 0,
            idle: 0,
        }
    }

    /// Where the reader is; unknown until a server has said so.
    pub(crate) fn position(&self) -> Option<Position> {
        self.position
    }

    /// The server that is polled.
    pub(crate) fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// Where the next poll starts.
    #[cfg(test)]
    pub(crate) fn head(&self) -> Option<Position> {
        self.head
    }

    /// Goes on from here, with this server.
    pub(crate) fn set_session(&mut self, server: Server, head: Position) {
        *self = Self::new(self.means, Some(server), Some(head), self.retry.clone());
    }

    /// Goes back to here, as after a restart: what was handed out since then was not handled.
    pub(crate) fn go_back(&mut self, position: Option<Position>) {
        if self.position == position && self.waiting.is_empty() {
            return;
        }
        // It may still hold the events, and most kinds of them are in no history.
        let server = self.server.take();
        let (begun, polled) = (self.begun, self.polled);
        *self = Self::new(self.means, server, position, self.retry.clone());
        (self.begun, self.polled) = (begun, polled);
    }

    /// Forgets earlier failures: the loop is started again.
    pub(crate) fn restart(&mut self) {
        (self.retries, self.poll_failures, self.stuck) = (0, 0, 0);
    }

    /// How many items are here already.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What comes next without asking; the position moves with it.
    pub(crate) fn next(&mut self) -> Option<Item<E>> {
        let item = self.waiting.pop_front()?;
        if let Item::Answered(answered) = &item {
            self.position = Some(answered.position);
        }
        Some(item)
    }

    /// What to ask.
    pub(crate) fn ask(&self) -> Result<Ask, Error> {
        match (&self.server, self.head, self.missing) {
            (Some(_), Some(_), Some(from)) => Ok(Ask::History(from)),
            (Some(_), Some(head), None) => Ok(Ask::Poll(head.ts)),
            _ if self.means.token => Ok(Ask::Server),
            _ => Err(Error::no_token()),
        }
    }

    /// An answer came at `now`, `took` after the question; how long to wait before the next one.
    pub(crate) fn answered(
        &mut self,
        answer: Answer<E>,
        now: Instant,
        took: Duration,
    ) -> Result<Duration, Error> {
        match answer {
            Answer::Server { server, position } => {
                self.take_server(server, position);
                Ok(Duration::ZERO)
            }
            Answer::History { events, pts, more } => {
                let led_on = self.take_history(events, pts, more);
                if !led_on {
                    return Ok(self.backoff.next_delay(now));
                }
                // After refusals alone it is no sign of health.
                if self.poll_failures <= 1 {
                    self.begin_anew(now);
                }
                Ok(Duration::ZERO)
            }
            Answer::Updates { ts, pts, events } => {
                self.polled = true;
                let moved = self.head.is_none_or(|head| ts > head.ts);
                let waited = took >= SHORTEST_WAIT;
                self.idle = if waited || !events.is_empty() { 0 } else { self.idle + 1 };
                self.take_updates(Position { pts, ..Position::new(ts) }, events);
                self.poll_failures = 0;
                self.stuck = 0;
                self.retries = 0;
                if waited || (moved && self.idle < MOST_IDLE) {
                    self.begin_anew(now);
                    return Ok(Duration::ZERO);
                }
                Ok(self.backoff.next_delay(now))
            }
            Answer::Failed(failed) => {
                self.polled = true;
                self.take_failed(failed)?;
                self.poll_failures += 1;
                match self.poll_failures {
                    1 => Ok(Duration::ZERO),
                    // Nothing but refusals: not to be asked in a loop.
                    _ => Ok(self.backoff.next_delay(now)),
                }
            }
        }
    }

    fn begin_anew(&mut self, now: Instant) {
        self.retries = 0;
        self.backoff.connected(now);
        self.backoff.settle(now);
    }
}

#[cfg(test)]
mod tests;
