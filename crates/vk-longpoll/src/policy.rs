//! What a loop asks next, what it hands out, and where it is then: no I/O, and time is an argument.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rt_common::Backoff;

use crate::item::{Answered, Gap, Item};
use crate::kind::{Answer, Event};
use crate::server::Server;
use crate::{Error, Failed, Position, RetryPolicy};

mod failures;
mod repeats;

use repeats::Repeats;

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
    /// Whether a server was ever given: what fails before is wrongly set up.
    begun: bool,
    /// Where the next poll starts; unknown until a server says so.
    head: Option<Position>,
    /// The place after which events are missing.
    missing: Option<Position>,
    /// Where the reader is: after what was handed out.
    position: Option<Position>,
    waiting: VecDeque<Item<E>>,
    repeats: Repeats,
    /// Polls in a row that failed, or that answered with `failed`.
    poll_failures: u32,
    /// Answers in a row that could not be read.
    unreadable: u32,
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
        // With a server of one's own, or without a history, the old `ts` is all there is to go on
        // from.
        let recover = means.token && means.history && server.is_none();
        let (head, missing) = if recover { (None, position) } else { (position, None) };
        Self {
            means,
            retry,
            backoff,
            begun: server.is_some(),
            server,
            head,
            missing,
            position,
            waiting: VecDeque::new(),
            repeats: Repeats::default(),
            poll_failures: 0,
            unreadable: 0,
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
    pub(crate) fn head(&self) -> Option<Position> {
        self.head
    }

    /// Goes on from here, with this server.
    pub(crate) fn set_session(&mut self, server: Server, head: Position) {
        let waiting = std::mem::take(&mut self.waiting);
        *self = Self::new(self.means, Some(server), Some(head), self.retry.clone());
        self.waiting = waiting;
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
                self.take_history(events, pts, more);
                self.begin_anew(now);
                Ok(Duration::ZERO)
            }
            Answer::Updates { ts, pts, events } => {
                let news = !events.is_empty() || self.head.is_none_or(|head| head.ts != ts);
                self.take_updates(Position { ts, pts }, events);
                if news || took >= SHORTEST_WAIT {
                    self.poll_failures = 0;
                    self.unreadable = 0;
                    self.begin_anew(now);
                    return Ok(Duration::ZERO);
                }
                Ok(self.backoff.next_delay(now))
            }
            Answer::Failed(failed) => {
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
        self.backoff.connected(now);
        self.backoff.settle(now);
    }

    fn take_server(&mut self, server: Server, position: Position) {
        self.server = Some(server);
        self.begun = true;
        if self.head.is_some() {
            return;
        }
        self.head = Some(position);
        if self.missing.is_some() && !self.means.history {
            self.give_up(None);
        }
        if self.missing.is_none() {
            self.answered_at(position, 0, None, false);
        }
    }

    fn take_history(&mut self, events: Vec<E>, pts: Option<i64>, more: bool) {
        let (Some(from), Some(head)) = (self.missing, self.head) else { return };
        let count = events.len();
        for event in events {
            if let Some(identity) = event.identity() {
                self.repeats.add(identity);
            }
            self.waiting.push_back(Item::Event(event));
        }
        // A page that leads nowhere is the last one.
        let further = pts.filter(|_| more && pts != from.pts);
        let position = match further {
            Some(pts) => Position { ts: from.ts, pts: Some(pts) },
            None => Position { ts: head.ts, pts: pts.or(head.pts) },
        };
        if further.is_some() {
            self.missing = Some(position);
        } else {
            // Nothing has happened since the server said where it is: nothing comes twice.
            if pts.is_some() && pts == head.pts {
                self.repeats.clear();
            }
            self.repeats.until(pts);
            self.missing = None;
            self.head = Some(position);
        }
        self.answered_at(position, count, None, true);
    }

    fn take_updates(&mut self, mut at: Position, events: Vec<E>) {
        let mut count = 0;
        for event in events {
            if !self.repeats.is_empty()
                && event.identity().is_some_and(|identity| self.repeats.take(&identity))
            {
                continue;
            }
            count += 1;
            self.waiting.push_back(Item::Event(event));
        }
        self.repeats.passed(at.pts);
        // What was read of the history already is not read again.
        at.pts = at.pts.max(self.head.and_then(|head| head.pts));
        self.head = Some(at);
        self.answered_at(at, count, None, false);
    }

    fn take_failed(&mut self, failed: Failed) -> Result<(), Error> {
        let Some(head) = self.head else { return Ok(()) };
        match (failed.code, failed.ts) {
            // Nothing can be missing where nothing lies between.
            (Failed::OUTDATED, Some(ts)) if ts == head.ts => {}
            (Failed::OUTDATED, Some(ts)) => {
                self.missing = Some(head);
                self.head = Some(Position { ts, pts: head.pts });
                if !(self.means.token && self.means.history) {
                    self.give_up(None);
                }
            }
            (Failed::KEY_EXPIRED, _) => self.server = None,
            (Failed::LOST | Failed::OUTDATED, _) => self.start_over(),
            _ => return Err(Error::from_failed(failed)),
        }
        let position = self.position.unwrap_or(head);
        self.answered_at(position, 0, Some(failed), false);
        Ok(())
    }

    /// Another server, from where it is; what lies between is read from the history.
    fn start_over(&mut self) {
        self.server = None;
        self.missing = self.missing.or(self.head.take());
        self.head = None;
    }

    /// Does without what is missing.
    fn give_up(&mut self, error: Option<Error>) {
        let Some(from) = self.missing.take() else { return };
        // The number in the history is known again with the next answer.
        if let Some(head) = &mut self.head
            && head.pts == from.pts
        {
            head.pts = None;
        }
        self.waiting.push_back(Item::Gap(Gap { from, error }));
        if let Some(head) = self.head {
            self.answered_at(head, 0, None, false);
        }
    }

    fn answered_at(
        &mut self,
        position: Position,
        events: usize,
        failed: Option<Failed>,
        recovered: bool,
    ) {
        let answered = Answered { position, events, failed, recovered };
        self.waiting.push_back(Item::Answered(answered));
    }
}

#[cfg(test)]
mod tests;
