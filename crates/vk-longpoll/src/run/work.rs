//! The handlers that are under way, and the events that wait for theirs.
use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use crate::kind::Event;
use crate::{Answered, Error, Handlers, Position, Response};

/// So many events a handler wait for their turn; more are not taken.
const WAITING_EACH: usize = 16;
/// Nor more answers than that after one that is not handled to its end.
const ANSWERS: usize = 1_000;

pub(super) struct Work<E> {
    handlers: Handlers<E>,
    running: JoinSet<Result<(), Error>>,
    /// What each task is about.
    tasks: HashMap<Id, Task>,
    /// Conversations of which an event is being handled.
    busy: HashSet<i64>,
    waiting: VecDeque<Job<E>>,
    /// Answers that are not handled to their end, oldest first; the last one is still coming.
    answers: VecDeque<Pending<E>>,
    /// The number of the oldest.
    oldest: u64,
    /// The handlers of the oldest answer itself have begun.
    telling: bool,
    /// After the last answer that was handled to its end.
    handled: Option<Position>,
}

struct Job<E> {
    event: Arc<E>,
    answer: u64,
}

enum Task {
    Event { peer: Option<i64>, answer: u64, name: Cow<'static, str> },
    Answer,
}

struct Pending<E> {
    position: Option<Position>,
    /// Events that are not handled yet.
    left: usize,
    events: Vec<Arc<E>>,
    answered: Option<Answered>,
}

impl<E: Event> Work<E> {
    pub(super) fn new(handlers: Handlers<E>) -> Self {
        Self {
            handlers,
            running: JoinSet::new(),
            tasks: HashMap::new(),
            busy: HashSet::new(),
            waiting: VecDeque::new(),
            answers: VecDeque::from([Pending::new()]),
            oldest: 0,
            telling: false,
            handled: None,
        }
    }

    /// After the last answer that was handled to its end, with its own handlers.
    pub(super) fn handled(&self) -> Option<Position> {
        self.handled
    }

    pub(super) fn handlers(&self) -> &Handlers<E> {
        &self.handlers
    }

    pub(super) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Whether nothing is under way, and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Whether more events are to be taken.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < self.handlers.concurrency.saturating_mul(WAITING_EACH)
            && self.answers.len() < ANSWERS
    }

    /// Takes an event of the answer that is coming.
    pub(super) fn add(&mut self, event: E) {
        let event = Arc::new(event);
        let answer = self.oldest + self.answers.len() as u64 - 1;
        let keep = self.handlers.wants_answers();
        if let Some(pending) = self.answers.back_mut() {
            pending.left += 1;
            if keep {
                pending.events.push(Arc::clone(&event));
            }
        }
        self.waiting.push_back(Job { event, answer });
        self.begin();
    }

    /// The answer that was coming has come to its end.
    pub(super) fn answered(&mut self, answered: Answered) {
        if let Some(pending) = self.answers.back_mut() {
            pending.position = Some(answered.position);
            pending.answered = Some(answered);
        }
        self.answers.push_back(Pending::new());
        self.tell();
        self.begin();
    }

    /// One handler's end; an error that nobody took.
    pub(super) async fn one(&mut self) -> Result<(), Error> {
        let Some(ended) = self.running.join_next_with_id().await else { return Ok(()) };
        let (id, result) = match ended {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(self.panicked(error))),
        };
        match self.tasks.remove(&id) {
            Some(Task::Event { peer, answer, .. }) => {
                if let Some(peer) = peer {
                    self.busy.remove(&peer);
                }
                if !self.is_taken(&result) {
                    return result;
                }
                self.done(answer);
            }
            Some(Task::Answer) => {
                self.telling = false;
                if !self.is_taken(&result) {
                    return result;
                }
                self.forget_oldest();
            }
            None => {}
        }
        self.tell();
        self.begin();
        Ok(())
    }

    /// Drops the events that no handler has begun with.
    pub(super) fn drop_waiting(&mut self) {
        self.waiting.clear();
    }

    fn is_taken(&self, result: &Result<(), Error>) -> bool {
        result.as_ref().err().is_none_or(|error| self.handlers.tell_error(error))
    }

    fn panicked(&self, error: JoinError) -> Error {
        let name = match self.tasks.get(&error.id()) {
            Some(Task::Event { name, .. }) => name,
            _ => "response",
        };
        Error::handler(name, error.into())
    }

    /// How many events are being handled.
    fn events(&self) -> usize {
        self.tasks.len() - usize::from(self.telling)
    }

    /// Begins with as many events as may be handled now: of each conversation the first.
    fn begin(&mut self) {
        let mut at = 0;
        while at < self.waiting.len() {
            // One at a time is one of all handlers.
            let alone = self.handlers.concurrency == 1;
            if self.events() >= self.handlers.concurrency || (alone && self.telling) {
                return;
            }
            let peer = self.waiting[at].event.peer();
            if peer.is_some_and(|peer| self.busy.contains(&peer)) {
                at += 1;
                continue;
            }
            let Some(Job { event, answer }) = self.waiting.remove(at) else { return };
            if !self.handlers.has_handler(&event) {
                self.done(answer);
                self.tell();
                continue;
            }
            self.busy.extend(peer);
            let name = event.name();
            let task = self.running.spawn(self.handlers.handling(event));
            self.tasks.insert(task.id(), Task::Event { peer, answer, name });
        }
    }

    fn done(&mut self, answer: u64) {
        let at = usize::try_from(answer - self.oldest).unwrap_or(usize::MAX);
        if let Some(pending) = self.answers.get_mut(at) {
            pending.left -= 1;
        }
    }

    /// Tells of the answers that are handled, in their order.
    fn tell(&mut self) {
        while !self.telling {
            let Some(oldest) = self.answers.front_mut() else { return };
            if oldest.left > 0 {
                return;
            }
            let Some(answered) = oldest.answered.take() else { return };
            let handlers = self.handlers.answers();
            if handlers.is_empty() {
                self.forget_oldest();
                continue;
            }
            let response = Response { answered, events: std::mem::take(&mut oldest.events) };
            let task = self.running.spawn(Handlers::tell_answer(handlers, response));
            self.tasks.insert(task.id(), Task::Answer);
            self.telling = true;
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.answers.pop_front();
        self.handled = oldest.and_then(|oldest| oldest.position).or(self.handled);
        self.oldest += 1;
    }
}

impl<E> Pending<E> {
    fn new() -> Self {
        Self { position: None, left: 0, events: Vec::new(), answered: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Position, RawValue, user};

    fn event(row: &str) -> user::Event {
        user::Event::decode(&RawValue::from_string(row.into()).unwrap())
    }

    fn answered() -> Answered {
        let position = Position::new(1);
        Answered { position, events: 0, failed: None, recovered: false }
    }

    #[tokio::test]
    async fn behind_a_handler_that_does_not_end_neither_events_nor_answers_pile_up() {
        let stuck = || {
            user::Handlers::new()
                .concurrent(2)
                .on_any(|_| std::future::pending::<std::io::Result<()>>())
        };
        let mut work = Work::new(stuck());
        work.add(event("[61,1,1]"));
        for _ in 0..ANSWERS - 1 {
            assert!(work.has_room());
            work.answered(answered());
        }
        assert!(!work.has_room());

        let mut work = Work::new(stuck());
        for _ in 0..2 + 2 * WAITING_EACH {
            assert!(work.has_room());
            work.add(event("[61,1,1]"));
            work.add(event("[61,2,1]"));
            if !work.has_room() {
                break;
            }
        }
        assert!(!work.has_room());
        assert_eq!(work.running.len(), 2);
    }
}
