//! A poll in the strict form: several categories, oldest first over all of them, bounded.

use crate::cursor::Cursor;
use crate::long_poll::Inner;
use crate::options::Gone;
use crate::resume::Resume;
use crate::single::too_many;
use crate::strict::{self, Poll as Asked};
use crate::wait::Woken;
use crate::{Body, answer, encode};
use bytes::Bytes;
use http::{Response, StatusCode};
use rt_broker::{
    Delivery, Entry, Error, Gap, GapReason, Position, Start, SubscribeOptions, Subscription,
};
use serde_json::Value;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::sleep;

/// One category of a poll.
struct Follow {
    subscription: Subscription,
    /// Everything up to here is in the response, or is not for it; unknown until a remote engine has
    /// opened the topic.
    after: Option<Position>,
    /// Publications that were read and are not in the response yet.
    pending: VecDeque<Pending>,
    /// The gaps that are in the response.
    gaps: Vec<Gap>,
    /// Whether it began with a `last_id`, which may be another category's: that it is unknown here
    /// says nothing.
    by_any_id: bool,
}

enum Pending {
    Event(Arc<Entry>),
    Gap(Gap),
}

/// The bounds on one response.
struct Room {
    events: usize,
    bytes: usize,
}

pub(crate) async fn answer(inner: &Inner, asked: Asked) -> Response<Body> {
    let room = Room { events: asked.limit, bytes: inner.options.max_bytes };
    let timeout = asked.timeout;
    let mut follows = match subscribe(inner, asked) {
        Ok(follows) => follows,
        Err(refused) => return refused,
    };
    if follows.iter().all(|follow| follow.after.is_some()) {
        match look(&mut follows, &room) {
            Err(error) => return answer::broker_error(&error),
            Ok(true) => return given(inner, follows, &room),
            Ok(false) => {}
        }
    }
    let Some(_place) = inner.wait.place() else { return too_many() };
    let mut sleep = pin!(sleep(timeout));
    let woken = inner.wait.until(sleep.as_mut(), |cx| poll_look(&mut follows, cx, &room)).await;
    let closing = matches!(woken, Woken::Closing);
    let looked = match woken {
        Woken::By(looked) => looked.map(|()| true),
        // A cursor without a position in each category would lose events.
        _ if follows.iter().any(|follow| follow.after.is_none()) => return still_opening(),
        // A cursor is a position, so nothing is lost between this look and the next poll.
        Woken::TimedOut | Woken::Closing => look(&mut follows, &room),
    };
    let answer = match looked {
        Err(error) => answer::broker_error(&error),
        Ok(_) => given(inner, follows, &room),
    };
    if closing { answer::closing(answer) } else { answer }
}

fn still_opening() -> Response<Body> {
    let error = "the store is still opening a category; try again";
    answer::busy(StatusCode::SERVICE_UNAVAILABLE, error, Duration::from_secs(1))
}

fn subscribe(inner: &Inner, asked: Asked) -> Result<Vec<Follow>, Response<Body>> {
    let Asked { categories, cursor, resume, .. } = asked;
    let several = categories.len() > 1;
    let place = |(index, category): (usize, String)| {
        let position = cursor.as_ref().and_then(|cursor| cursor.position(index, &category));
        let by_any_id = several && position.is_none() && matches!(resume, Resume::LastId(_));
        let start = position.map_or_else(|| resume.start(), Start::After);
        // A poll takes all that is there in one step, so it cannot be slow.
        let options = SubscribeOptions::new(start).max_lag(usize::MAX);
        let subscription = inner.options.broker.subscribe(&category, options)?;
        let after = subscription.position();
        Ok(Follow { subscription, after, pending: VecDeque::new(), gaps: Vec::new(), by_any_id })
    };
    let follows = categories.into_iter().enumerate().map(place);
    follows.collect::<Result<_, _>>().map_err(|error: Error| answer::broker_error(&error))
}

/// Reads what is there, and returns whether it makes a response.
fn look(follows: &mut [Follow], room: &Room) -> Result<bool, Error> {
    for follow in &mut *follows {
        let all = follow.subscription.try_all()?;
        follow.keep(all, room);
    }
    Ok(follows.iter().any(|follow| !follow.pending.is_empty()))
}

/// Reads what is there, as [`look`] does, and waits for every category without anything.
fn poll_look(follows: &mut [Follow], cx: &mut Context<'_>, room: &Room) -> Poll<Result<(), Error>> {
    let (mut any, mut opening) = (false, false);
    for follow in &mut *follows {
        if follow.after.is_none() {
            let Poll::Ready(opened) = follow.subscription.poll_open(cx) else {
                opening = true;
                continue;
            };
            follow.after = Some(opened?);
        }
        if let Poll::Ready(all) = follow.subscription.poll_all(cx) {
            follow.keep(all?, room);
        }
        any |= !follow.pending.is_empty();
    }
    if any && !opening { Poll::Ready(Ok(())) } else { Poll::Pending }
}

fn given(inner: &Inner, mut follows: Vec<Follow>, room: &Room) -> Response<Body> {
    let gone = follows.iter().find_map(|follow| Some((follow, follow.gone()?)));
    if let Some((follow, gap)) = gone
        && inner.options.gone == Gone::Status
    {
        inner.counters.gaps.increment(1);
        return answer::gone(follow.subscription.topic(), gap);
    }
    let events = merge(&mut follows, room, inner.options.gone);
    let more = follows.iter().any(|follow| !follow.pending.is_empty());
    let places = follows.iter().map(|follow| (&**follow.subscription.topic(), follow.position()));
    let places = places.filter_map(|(category, position)| Some((category, position?)));
    let cursor = Cursor::new(places).text();
    let gaps: Vec<Value> = follows.iter().flat_map(Follow::gaps).collect();
    inner.counters.gaps.increment(gaps.len() as u64);
    if events.is_empty() && gaps.is_empty() {
        inner.counters.timeouts.increment(1);
        return answer::strict(Bytes::new(), &cursor);
    }
    inner.counters.deliveries.increment(events.len() as u64);
    answer::strict(strict::answer(&events, &cursor, more, gaps), &cursor)
}

/// Takes the oldest events of all categories until the response is full, with the gaps that come
/// before the next event of their category.
fn merge(follows: &mut [Follow], room: &Room, gone: Gone) -> Vec<Bytes> {
    let (mut events, mut size) = (Vec::new(), 0);
    loop {
        follows.iter_mut().for_each(|follow| follow.take_gaps(gone));
        if events.len() == room.events {
            break;
        }
        let next = follows.iter_mut().filter_map(|follow| {
            let entry = follow.next_event()?.clone();
            Some((follow, entry))
        });
        let oldest = next.min_by_key(|(_, entry)| entry.publication().time());
        let Some((follow, entry)) = oldest else { break };
        let event = encode::event(&entry, follow.subscription.topic());
        if !events.is_empty() && size + event.len() > room.bytes {
            break;
        }
        size += event.len();
        events.push(event.clone());
        follow.after = Some(entry.publication().position());
        follow.pending.pop_front();
    }
    events
}

impl Follow {
    fn gaps(&self) -> impl Iterator<Item = Value> {
        self.gaps.iter().map(|gap| {
            let reason = gap.reason().as_str();
            strict::gap(self.subscription.topic(), reason, gap.from(), gap.resume())
        })
    }

    /// Returns the gap for a position that cannot be resumed from. Publications that are lost behind
    /// the position are none: the client would meet them again from wherever it begins.
    fn gone(&self) -> Option<&Gap> {
        match self.pending.front()? {
            Pending::Gap(gap) if gap.reason() != GapReason::Lost => Some(gap),
            Pending::Gap(_) | Pending::Event(_) => None,
        }
    }

    fn take_gaps(&mut self, gone: Gone) {
        // A gap that has a status of its own is left to the next poll, which will meet it first.
        while gone == Gone::Gap || self.gone().is_none() {
            let Some(Pending::Gap(gap)) = self.pending.front() else { return };
            self.after = Some(gap.resume());
            self.gaps.push(gap.clone());
            self.pending.pop_front();
        }
    }

    fn next_event(&self) -> Option<&Arc<Entry>> {
        match self.pending.front()? {
            Pending::Event(entry) => Some(entry),
            Pending::Gap(_) => None,
        }
    }

    fn keep(&mut self, all: Vec<Delivery>, room: &Room) {
        for delivery in all {
            // One event more than fits shows that there is more. What follows it is read again by
            // the next poll.
            let events = self.pending.iter().filter(|p| matches!(p, Pending::Event(_))).count();
            let left = (room.events + 1).saturating_sub(events);
            if left == 0 {
                return;
            }
            match delivery {
                Delivery::Batch(batch) => {
                    let entries = batch.entries().iter();
                    let for_pollers = entries.filter(|entry| entry.publication().data().is_some());
                    let taken = for_pollers.take(left).cloned().map(Pending::Event);
                    self.pending.extend(taken);
                }
                Delivery::Gap(gap) if self.by_any_id && gap.reason() == GapReason::Epoch => {}
                Delivery::Gap(gap) => self.pending.push_back(Pending::Gap(gap)),
            }
        }
    }

    /// Returns where the next poll resumes: after what this response took, or after all that was
    /// read.
    fn position(&self) -> Option<Position> {
        match self.pending.is_empty() {
            true => self.subscription.position(),
            false => self.after,
        }
    }
}
