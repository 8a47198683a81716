//! Polls of a category whose events are deleted after retrieval.
//!
//! A poll claims the events of its response. The poller's next cursor confirms them, which deletes
//! them. Until then, and for as long as the lease runs, no other poll receives them.

use crate::cursor::Cursor;
use crate::long_poll::Inner;
use crate::single::too_many;
use crate::wait::Woken;
use crate::{Body, answer, encode, golongpoll, strict};
use bytes::Bytes;
use http::Response;
use rt_broker::{
    Broker, Claim, ClaimRequest, Error, Offset, Position, Start, SubscribeOptions, Subscription,
    Timestamp,
};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Responds to a poll in golongpoll's form with all events after its `since_time` that no other poller
/// holds. Its `last_id` confirms the response before.
pub(crate) async fn plain(inner: &Inner, poll: golongpoll::Poll) -> Response<Body> {
    let confirmed = poll.resume.position();
    let request = ClaimRequest::new(poll.resume.start());
    let broker = &inner.options.broker;
    let mut watch = match watch(broker, &poll.category, confirmed).await {
        Ok(watch) => watch,
        Err(error) => return answer::broker_error(&error),
    };
    let (claim, watermark, closing) = match claim(inner, request, &mut watch, poll.timeout).await {
        Ok(claimed) => claimed,
        Err(refused) => return refused,
    };
    let gap = claim.lost.then_some("evicted");
    let body = encode::join(claim.entries.iter(), watch.subscription.topic());
    let answer = match body.is_empty() {
        true => answer::timed_out(watermark, gap),
        false => answer::poll(body, gap),
    };
    if closing { answer::closing(answer) } else { answer }
}

/// Responds to a poll in the strict form with the oldest events that no other poller holds, wherever
/// this poller was. Its cursor confirms the response before.
pub(crate) async fn strict(inner: &Inner, poll: strict::Poll) -> Response<Body> {
    let category = poll.categories.into_iter().next().unwrap_or_default();
    let confirmed = poll.cursor.as_ref().and_then(|cursor| cursor.position(0, &category));
    let (limit, bytes) = (poll.limit, inner.options.max_bytes);
    let request = ClaimRequest::new(Start::Earliest).limit(limit).bytes(bytes);
    let broker = &inner.options.broker;
    let mut watch = match watch(broker, &category, confirmed).await {
        Ok(watch) => watch,
        Err(error) => return answer::broker_error(&error),
    };
    let (claim, _, closing) = match claim(inner, request, &mut watch, poll.timeout).await {
        Ok(claimed) => claimed,
        Err(refused) => return refused,
    };
    let category = &**watch.subscription.topic();
    let last = claim.entries.last().map(|entry| entry.publication().position());
    // A poller that holds nothing must not confirm what another one holds, so its cursor is a position
    // that ends no claim. What was lost before its first poll is no gap of its next one.
    let nothing = claim.evicted.unwrap_or(Position::new(watch.opened.epoch(), Offset::ZERO));
    let lost = confirmed.zip(claim.evicted).filter(|(confirmed, lost)| {
        confirmed.epoch() == lost.epoch() && confirmed.offset() < lost.offset()
    });
    let gaps = lost.map(|(confirmed, lost)| {
        inner.counters.gaps.increment(1);
        strict::gap(category, "evicted", &confirmed.to_string(), lost)
    });
    let gaps: Vec<_> = gaps.into_iter().collect();
    // The cursor of a response with a gap stands behind the gap, which is reported once.
    let cursor = last.or(lost.map(|(_, lost)| lost)).or(confirmed).unwrap_or(nothing);
    let full = claim.entries.len() >= limit;
    let cursor = Cursor::new(std::iter::once((category, cursor))).text();
    let events = claim.entries.iter().map(|entry| encode::event(entry, category).clone());
    let events: Vec<Bytes> = events.collect();
    let answer = match events.is_empty() && gaps.is_empty() {
        true => answer::strict(Bytes::new(), &cursor),
        false => answer::strict(strict::answer(&events, &cursor, full, gaps), &cursor),
    };
    if closing { answer::closing(answer) } else { answer }
}

struct Watch {
    subscription: Subscription,
    /// The newest position when the poll arrived.
    opened: Position,
}

/// Watches a category, and deletes what its poller has confirmed.
async fn watch(
    broker: &Broker,
    category: &str,
    confirmed: Option<Position>,
) -> Result<Watch, Error> {
    let mut subscription = broker.subscribe(category, SubscribeOptions::watch())?;
    let opened = poll_fn(|cx| subscription.poll_open(cx)).await?;
    if let Some(position) = confirmed {
        broker.confirm(category, position).await?;
    }
    Ok(Watch { subscription, opened })
}

/// Claims events, and waits for them if there are none. Returns the claim, the timestamp of a response
/// without events, and whether the server is closing.
async fn claim(
    inner: &Inner,
    mut request: ClaimRequest,
    watch: &mut Watch,
    timeout: Duration,
) -> Result<(Claim, Timestamp, bool), Response<Body>> {
    // "From now on" is the moment when the poll arrived, however often it looks.
    if request.start == Start::Live {
        request.start = Start::After(watch.opened);
    }
    let category = watch.subscription.topic().clone();
    let broker = &inner.options.broker;
    let failed = |error: Error| answer::broker_error(&error);
    let deadline = Instant::now() + timeout;
    let mut place = None;
    loop {
        let over = Instant::now() >= deadline || inner.wait.is_closed();
        // Taken before the last look: nothing later is stamped at or before it.
        let watermark = if over { watch.subscription.watermark() } else { Timestamp::ZERO };
        let claim = broker.claim(&category, request.clone()).await.map_err(failed)?;
        if !claim.entries.is_empty() || over {
            let counter = match claim.entries.len() {
                0 => &inner.counters.timeouts,
                _ => &inner.counters.deliveries,
            };
            counter.increment(claim.entries.len().max(1) as u64);
            // What another poller holds may become free, and must be after the timestamp then.
            let before = claim.held_since.map_or(watermark, |time| watermark.min(time.previous()));
            return Ok((claim, before, inner.wait.is_closed()));
        }
        if place.is_none() {
            place = Some(inner.wait.place().ok_or_else(too_many)?);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let now = broker.engine().history().now().as_millis();
        let until = |at: Timestamp| at.as_millis().saturating_sub(now).max(1);
        let lease = claim.look_again.map(|at| Duration::from_millis(until(at)));
        let mut sleep = pin!(sleep(lease.map_or(left, |lease| lease.min(left))));
        let woken = inner.wait.until(sleep.as_mut(), |cx| watch.subscription.poll_all(cx)).await;
        if let Woken::By(Err(error)) = woken {
            return Err(failed(error));
        }
    }
}
