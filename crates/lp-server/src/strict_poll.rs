//! A poll in the strict form: several categories, oldest first over all of them, bounded.

use crate::cursor::Cursor;
use crate::long_poll::Inner;
use crate::options::Gone;
use crate::single::too_many;
use crate::strict::{self, Poll as Asked};
use crate::wait::Woken;
use crate::{Body, answer, encode};
use bytes::Bytes;
use http::{Response, StatusCode};
use rt_broker::{Delivery, Entry, Error, Gap, GapReason, Position, Start, Subscription};
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
    /// Everything up to here is in the answer, or is not for it; unknown until a remote engine has
    /// opened the topic.
    after: Option<Position>,
    /// Read, and not in the answer yet.
    pending: VecDeque<Arc<Entry>>,
    gap: Option<Gap>,
    /// It began with a `last_id` that may be another category's: that it is none of this one's says
    /// nothing.
    by_any_id: bool,
}

/// What one answer may hold.
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
        // A cursor without all of its places would lose what is in them.
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
    let Asked { categories, cursor, start, .. } = asked;
    let several = categories.len() > 1;
    let place = |(index, category): (usize, String)| {
        let position = cursor.as_ref().and_then(|cursor| cursor.position(index, &category));
        let by_any_id = several && position.is_none() && matches!(start, Start::Seen { .. });
        let start = position.map_or_else(|| start.clone(), Start::After);
        let subscription = inner.options.broker.subscribe_to_poll(&category, start)?;
        let after = subscription.position();
        Ok(Follow { subscription, after, pending: VecDeque::new(), gap: None, by_any_id })
    };
    let follows = categories.into_iter().enumerate().map(place);
    follows.collect::<Result<_, _>>().map_err(|error: Error| answer::broker_error(&error))
}

/// Reads what is there, and says whether it makes an answer.
fn look(follows: &mut [Follow], room: &Room) -> Result<bool, Error> {
    for follow in &mut *follows {
        let all = follow.subscription.try_all()?;
        follow.keep(all, room);
    }
    Ok(follows.iter().any(|follow| follow.gap.is_some() || !follow.pending.is_empty()))
}

/// As [`look`], parking the waker in every category where there is nothing.
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
        any |= follow.gap.is_some() || !follow.pending.is_empty();
    }
    if any && !opening { Poll::Ready(Ok(())) } else { Poll::Pending }
}

fn given(inner: &Inner, mut follows: Vec<Follow>, room: &Room) -> Response<Body> {
    let lost = follows.iter().find_map(|follow| Some((follow, follow.gap.as_ref()?)));
    if let Some((follow, gap)) = lost {
        inner.counters.gaps.increment(1);
        if inner.options.gone == Gone::Status {
            return answer::gone(follow.subscription.topic(), gap);
        }
    }
    let events = merge(&mut follows, room);
    let more = follows.iter().any(|follow| !follow.pending.is_empty());
    let places = follows.iter().map(|follow| (&**follow.subscription.topic(), follow.position()));
    let places = places.filter_map(|(category, position)| Some((category, position?)));
    let cursor = Cursor::new(places).text();
    let gaps: Vec<Value> = follows.iter().filter_map(Follow::told).collect();
    if events.is_empty() && gaps.is_empty() {
        inner.counters.timeouts.increment(1);
        return answer::strict(Bytes::new(), &cursor);
    }
    inner.counters.deliveries.increment(events.len() as u64);
    answer::strict(strict::answer(&events, &cursor, more, gaps), &cursor)
}

/// Takes the oldest of all categories until the answer is full.
fn merge(follows: &mut [Follow], room: &Room) -> Vec<Bytes> {
    let (mut events, mut size) = (Vec::new(), 0);
    while events.len() < room.events {
        let time = |follow: &Follow| Some(follow.pending.front()?.publication().time());
        let oldest = follows.iter_mut().filter(|follow| !follow.pending.is_empty());
        let Some(follow) = oldest.min_by_key(|follow| time(follow)) else { break };
        let Some(entry) = follow.pending.front() else { break };
        let event = encode::event(entry, follow.subscription.topic());
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
    fn told(&self) -> Option<Value> {
        let gap = self.gap.as_ref()?;
        let reason = gap.reason().as_str();
        Some(strict::gap(self.subscription.topic(), reason, gap.from(), gap.resume()))
    }

    fn keep(&mut self, all: Vec<Delivery>, room: &Room) {
        for delivery in all {
            match delivery {
                Delivery::Batch(batch) => {
                    let entries = batch.entries().iter();
                    let for_pollers = entries.filter(|entry| entry.publication().data().is_some());
                    // One more than fits tells that there is more.
                    let left = (room.events + 1).saturating_sub(self.pending.len());
                    self.pending.extend(for_pollers.take(left).cloned());
                }
                Delivery::Gap(gap) if self.by_any_id && gap.reason() == GapReason::Epoch => {}
                Delivery::Gap(gap) => {
                    self.after = Some(gap.resume());
                    self.gap = Some(gap);
                }
            }
        }
    }

    /// Where the next poll goes on: after what this answer took, or after all that was read.
    fn position(&self) -> Option<Position> {
        match self.pending.is_empty() {
            true => self.subscription.position(),
            false => self.after,
        }
    }
}
