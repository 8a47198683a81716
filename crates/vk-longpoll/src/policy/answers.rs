//! What an answer changes.
use super::Policy;
use crate::item::{Answered, Gap, Item, Missing};
use crate::kind::Event;
use crate::server::Server;
use crate::{Error, Failed, Position};

/// So often a page of the history is asked for that is behind what the server says.
const TRIES_A_PAGE: u32 = 3;

impl<E: Event> Policy<E> {
    pub(super) fn take_server(&mut self, server: Server, position: Position) {
        self.server = Some(server);
        self.begun = true;
        if self.head.is_some() {
            return;
        }
        self.head = Some(position);
        self.repeats.begin_at(position.pts);
        match self.missing {
            Some(_) if self.means.history => {}
            Some(_) => self.give_up(None),
            None => self.answered_at(position, 0, None, false),
        }
    }

    /// Whether it led on, or to the end.
    pub(super) fn take_history(&mut self, events: Vec<E>, pts: Option<i64>, more: bool) -> bool {
        let (Some(from), Some(head)) = (self.missing, self.head) else { return true };
        let count = events.len();
        let moved = pts.is_some_and(|pts| from.pts.is_none_or(|from| pts > from));
        for (at, event) in events.into_iter().enumerate() {
            if let Some(identity) = event.identity() {
                // Each row of the history moves its number on by one.
                let after = i64::try_from(count - 1 - at).unwrap_or(i64::MAX);
                self.repeats.add(identity, pts.map(|pts| pts.saturating_sub(after)));
            }
            self.waiting.push_back(Item::Event(event));
        }
        let behind =
            pts.zip(head.pts).is_some_and(|(pts, head)| pts < head) && from.pts != head.pts;
        if more && !moved {
            // It would say so for ever.
            self.give_up(Some(Error::unreadable(
                "the history says that there is more, and gives none",
            )));
            return true;
        }
        if !more && behind && self.stuck < TRIES_A_PAGE {
            // The server says that more has happened: this page is of one that does not know yet.
            self.stuck += 1;
            let position = from.recovering(pts);
            self.missing = Some(position);
            self.answered_at(position, count, None, true);
            return false;
        }
        if behind && !more {
            tracing::warn!(?pts, ?head, "the history ends before what the server has counted");
        }
        self.stuck = 0;
        let position = match more {
            true => from.recovering(pts),
            false => Position { pts: pts.or(head.pts), ..head },
        };
        if more {
            self.missing = Some(position);
        } else {
            self.repeats.until(pts);
            self.missing = None;
            self.head = Some(position);
            let since = self.missing_since.take().unwrap_or(from);
            // Nothing can be missing where nothing lies between.
            if count > 0 || since.ts != head.ts {
                let missing = Missing::NotInHistory;
                self.waiting.push_back(Item::Gap(Gap { from: since, missing, error: None }));
            }
        }
        self.answered_at(position, count, None, true);
        true
    }

    pub(super) fn take_updates(&mut self, mut at: Position, events: Vec<E>) {
        let mut rows = events.iter().filter(|event| event.is_in_history()).count();
        let mut count = 0;
        for event in events {
            if event.is_in_history() && !self.repeats.is_empty() {
                rows -= 1;
                // The last one is at the answer's own number, and each before it one lower.
                let after = i64::try_from(rows).unwrap_or(i64::MAX);
                let pts = at.pts.map(|pts| pts.saturating_sub(after));
                if event.identity().is_some_and(|identity| self.repeats.take(&identity, pts)) {
                    continue;
                }
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

    pub(super) fn take_failed(&mut self, failed: Failed) -> Result<(), Error> {
        let Some(head) = self.head else { return Ok(()) };
        let (code, ts) = (failed.code, failed.ts);
        if !matches!(code, Failed::OUTDATED | Failed::KEY_EXPIRED | Failed::LOST) {
            return Err(Error::from_failed(failed));
        }
        self.answered_at(self.position.unwrap_or(head), 0, Some(failed), false);
        match (code, ts) {
            (Failed::KEY_EXPIRED, _) => self.server = None,
            // Nothing can be missing where nothing lies between.
            (Failed::OUTDATED, Some(ts)) if ts == head.ts => {}
            (Failed::OUTDATED, Some(ts)) => {
                self.set_missing(head);
                self.head = Some(Position { ts, ..head });
                self.repeats.begin_at(None);
                if !(self.means.token && self.means.history) {
                    self.give_up(None);
                }
            }
            _ => self.start_over(),
        }
        Ok(())
    }

    /// Another server, from where it is; what lies between is read from the history.
    pub(super) fn start_over(&mut self) {
        self.server = None;
        if let (None, Some(head)) = (self.missing, self.head) {
            self.set_missing(head);
        }
        self.head = None;
    }

    fn set_missing(&mut self, from: Position) {
        (self.missing, self.missing_since) = (Some(from), Some(from));
    }

    /// Does without what is missing.
    pub(super) fn give_up(&mut self, error: Option<Error>) {
        let Some(from) = self.missing.take() else { return };
        // The number in the history is known again with the next answer.
        if let Some(head) = &mut self.head
            && head.pts == from.pts
        {
            head.pts = None;
        }
        let missing = Missing::All;
        self.missing_since = None;
        self.waiting.push_back(Item::Gap(Gap { from, missing, error }));
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
