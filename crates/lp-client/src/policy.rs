//! What a follower asks next, what it hands out, and where it is then: no I/O, and time is an
//! argument.
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rt_common::{Backoff, Reaction, Setup};
use uuid::Uuid;

use crate::answer::Content;
use crate::position::MAX_SEEN;
use crate::{Error, Event, Gap, Position, RetryPolicy};

/// How far behind the server's clock a timed-out poll leaves the position, in milliseconds.
///
/// golongpoll stamps the end of a wait after it has stopped listening: an event in between is older
/// than that stamp and lost for who goes on from it. Nothing of this half second can have been
/// handed out already, since the poll waited longer than that and got nothing.
const BEHIND: i64 = 500;

/// How far a time may be ahead of the server's clock, in milliseconds, before it follows that clock
/// back. Till it had caught up, nothing would be seen.
const CLOCK_STEP: i64 = 2_000;

/// An answer without news that comes sooner than this is no wait: a server, or a proxy before it,
/// that answers so is not asked in a loop.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_millis(900);

/// A follower without its HTTP.
#[derive(Debug)]
pub(crate) struct Policy {
    several: bool,
    retry: RetryPolicy,
    backoff: Backoff,
    asked_before: bool,
    /// Whether a poll has been answered: a failure before that may be a mistake in the URL.
    setup: Setup,
    /// Where the reader is: after what was handed out.
    position: Position,
    /// Where the next poll starts: after what waits to be handed out.
    head: Position,
    waiting: VecDeque<News>,
    /// The last event a category that this batch has handed out, with several categories.
    seen: BTreeMap<String, Uuid>,
}

/// What is handed out.
#[derive(Debug)]
pub(crate) enum News {
    Event(Event),
    Gap(Gap),
    Quiet,
}

impl Policy {
    pub(crate) fn new(position: Position, categories: usize, retry: RetryPolicy) -> Self {
        let seed = retry.seed.unwrap_or_else(rt_common::backoff::random_seed);
        // A base of zero would never grow.
        let backoff = Backoff::new(retry.base.max(retry.min), retry.max, seed)
            .with_floor(retry.min)
            .with_reset_after(Duration::ZERO);
        Self {
            several: categories > 1,
            retry,
            backoff,
            asked_before: false,
            setup: Setup::Unproven,
            seen: BTreeMap::new(),
            head: position.clone(),
            position,
            waiting: VecDeque::new(),
        }
    }

    /// Where the reader is.
    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    /// How many things wait to be handed out.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What comes next without asking; the position moves with it.
    pub(crate) fn next(&mut self) -> Option<News> {
        let news = self.waiting.pop_front()?;
        if self.waiting.is_empty() {
            self.position.clone_from(&self.head);
            self.seen.clear();
        } else if let News::Event(event) = &news {
            self.position.since = Some(event.timestamp);
            self.position.last_id = Some(event.id);
            // The cursor stands before the whole batch. For one category the id alone is exact; of
            // several, each has its own.
            if self.several {
                // More categories than that were never asked for.
                if self.seen.len() < MAX_SEEN || self.seen.contains_key(&event.category) {
                    self.seen.insert(event.category.clone(), event.id);
                }
                let unmet = self.head.seen.iter();
                self.position.seen = self.seen.values().chain(unmet).copied().collect();
            } else {
                self.position.cursor = None;
            }
        }
        Some(news)
    }

    /// What to ask: from where, and how long to wait at most.
    pub(crate) fn ask(&mut self, timeout: Duration) -> (Position, Duration) {
        let first = !std::mem::replace(&mut self.asked_before, true);
        // A server that takes one category waits for the first alone; better to know that soon.
        let soon = first && self.several;
        (self.head.clone(), if soon { Duration::from_secs(1) } else { timeout })
    }

    /// An answer came at `now`, `took` after the question; how long to wait before the next one.
    pub(crate) fn answered(
        &mut self,
        mut content: Content,
        now: Instant,
        took: Duration,
    ) -> Result<Duration, Error> {
        if self.several && !content.strict {
            return Err(Error::one_category());
        }
        self.setup = Setup::Proven;
        if let Some(without) = self.head.without_cursor_after(&content) {
            self.head = without;
            return Ok(Duration::ZERO);
        }
        let quiet = content.is_quiet();
        let waited = took >= SHORTEST_WAIT;
        let old_cursor = self.head.cursor.clone();
        self.drop_repeats(&mut content.events);
        self.head = self.head.advanced(&content, waited);
        let news = !content.events.is_empty() || (content.more && self.head.cursor != old_cursor);
        self.waiting.extend(content.gaps.into_iter().map(News::Gap));
        self.waiting.extend(content.events.into_iter().map(News::Event));
        if quiet {
            self.waiting.push_back(News::Quiet);
        }
        if self.waiting.is_empty() {
            self.position.clone_from(&self.head);
            self.seen.clear();
        }
        if news || waited {
            self.backoff.connected(now);
            self.backoff.settle(now);
            return Ok(Duration::ZERO);
        }
        Ok(self.backoff.next_delay(now))
    }

    /// The poll failed at `now`: how long to wait before the next one, or why there is none.
    pub(crate) fn failed(
        &mut self,
        error: Error,
        now: Instant,
    ) -> Result<(Error, Duration), Error> {
        // There is no other server.
        if error.reaction(self.setup) != Reaction::Retry {
            return Err(error);
        }
        let retries = self.backoff.attempts();
        if self.retry.max_retries.is_some_and(|max| retries >= max) {
            return Err(Error::no_retry_left(retries, error));
        }
        let wait = match error.retry_after() {
            None => self.backoff.next_delay(now),
            Some(wish) => {
                self.backoff.count_attempt();
                let wish = wish.min(self.retry.server_max).max(self.retry.min);
                wish + self.backoff.jitter(wish / 10)
            }
        };
        Ok((error, wait))
    }

    fn drop_repeats(&mut self, events: &mut Vec<Event>) {
        // What was handed out of this batch before a restart, by category: among several, what is
        // new may stand anywhere.
        for id in std::mem::take(&mut self.head.seen) {
            let Some(at) = events.iter().position(|event| event.id == id) else {
                // A server whose answers have become smaller: it comes with a later one.
                self.head.seen.push(id);
                continue;
            };
            let category = events[at].category.clone();
            // Until the whole batch is behind, a second restart must know it too.
            self.seen.insert(category.clone(), id);
            let mut index = 0;
            events.retain(|event| {
                index += 1;
                index > at + 1 || event.category != category
            });
        }
        // A server may hand out the last event again, or one twice in a row.
        let mut last = self.head.last_id;
        events.retain(|event| last.replace(event.id) != Some(event.id));
    }
}

impl Position {
    /// Where to ask again instead of taking this answer: it comes from another server, to which the
    /// cursor meant nothing, so that it answered from now on.
    pub(crate) fn without_cursor_after(&self, content: &Content) -> Option<Self> {
        let ignored = self.cursor.is_some() && !content.strict && self.since.is_some();
        ignored.then(|| {
            tracing::debug!("the server has no cursors any more: asked again by time and id");
            Self { cursor: None, seen: Vec::new(), ..self.clone() }
        })
    }

    /// The position after an answer to a poll from here; `waited` if that took its time.
    pub(crate) fn advanced(&self, content: &Content, waited: bool) -> Self {
        let mut next = self.clone();
        if !content.more {
            // All that is there has come, so what was not met is there no more.
            next.seen.clear();
        }
        if let Some(event) = content.events.last() {
            next.since = Some(event.timestamp);
            next.last_id = Some(event.id);
        } else if let (false, Some(timestamp)) = (content.strict, content.timestamp) {
            let reached = timestamp - if waited { BEHIND } else { 0 };
            let ahead = |since: &i64| since.saturating_sub(timestamp) > CLOCK_STEP;
            let since = next.since.filter(|since| !ahead(since));
            next.since = Some(since.map_or(reached, |since| since.max(reached)));
        }
        match &content.cursor {
            Some(cursor) => next.cursor = Some(cursor.clone()),
            None if content.strict => {}
            None => next.cursor = None,
        }
        next
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
