//! Polls of a category whose events are deleted after retrieval.
//!
//! An event is claimed for the poll that it is given to. The poller's next cursor confirms it, which
//! deletes it; until then, and for as long as the lease runs, nobody else is given it.

use crate::cursor::Cursor;
use crate::long_poll::Inner;
use crate::single::too_many;
use crate::wait::Woken;
use crate::{Body, answer, encode, golongpoll, strict};
use bytes::Bytes;
use http::Response;
use rt_broker::{Broker, Claim, Error, Position, Start, Subscription};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// In golongpoll's form: all that follows its `since_time` and that nobody else holds. A last_id
/// confirms what came before it.
pub(crate) async fn plain(inner: &Inner, poll: golongpoll::Poll) -> Response<Body> {
    let confirmed = match &poll.start {
        Start::Seen { uuid, .. } => Position::from_uuid(*uuid),
        _ => None,
    };
    let ask = Ask {
        category: poll.category,
        start: poll.start,
        confirmed,
        limit: usize::MAX,
        bytes: usize::MAX,
    };
    let broker = &inner.options.broker;
    let mut watch = match watch(broker, &ask).await {
        Ok(watch) => watch,
        Err(error) => return answer::broker_error(&error),
    };
    let (claim, mark, closing) = match claim(inner, ask, &mut watch, poll.timeout).await {
        Ok(claimed) => claimed,
        Err(refused) => return refused,
    };
    let gap = claim.lost.then_some("evicted");
    let body = encode::join(claim.entries.iter(), watch.subscription.topic());
    let answer = match body.is_empty() {
        true => answer::timed_out(mark, gap),
        false => answer::poll(body, gap),
    };
    if closing { answer::closing(answer) } else { answer }
}

/// In the strict form: the oldest that nobody holds, wherever this poller was. A cursor confirms.
pub(crate) async fn strict(inner: &Inner, poll: strict::Poll) -> Response<Body> {
    let category = poll.categories.into_iter().next().unwrap_or_default();
    let confirmed = poll.cursor.as_ref().and_then(|cursor| cursor.position(0, &category));
    let (limit, bytes) = (poll.limit, inner.options.max_bytes);
    let ask = Ask { category, start: Start::Earliest, confirmed, limit, bytes };
    let broker = &inner.options.broker;
    let mut watch = match watch(broker, &ask).await {
        Ok(watch) => watch,
        Err(error) => return answer::broker_error(&error),
    };
    let (claim, _, closing) = match claim(inner, ask, &mut watch, poll.timeout).await {
        Ok(claimed) => claimed,
        Err(refused) => return refused,
    };
    let category = &**watch.subscription.topic();
    let last = claim.entries.last().map(|entry| entry.publication().position());
    // Who holds nothing must not confirm what another holds: what ends a claim there is gone. And
    // what was lost before it came, or was told to it, is no gap of its next poll.
    let nothing = claim.evicted.unwrap_or(Position::new(watch.opened.epoch(), 0));
    let lost = claim.evicted.filter(|lost| {
        confirmed.is_some_and(|c| c.epoch() == lost.epoch() && c.offset() < lost.offset())
    });
    let gaps = lost.map(|lost| {
        inner.counters.gaps.increment(1);
        let from = confirmed.map(|confirmed| confirmed.to_string());
        strict::gap(category, "evicted", from.as_deref(), lost)
    });
    let gaps: Vec<_> = gaps.into_iter().collect();
    // A cursor that has been told of a gap stands behind it.
    let cursor = last.or(lost).or(confirmed).unwrap_or(nothing);
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

struct Ask {
    category: String,
    start: Start,
    confirmed: Option<Position>,
    limit: usize,
    bytes: usize,
}

struct Watch {
    subscription: Subscription,
    /// The newest position when the poll came.
    opened: Position,
}

async fn watch(broker: &Broker, ask: &Ask) -> Result<Watch, Error> {
    let mut subscription = broker.watch(&ask.category)?;
    let opened = poll_fn(|cx| subscription.poll_open(cx)).await?;
    Ok(Watch { subscription, opened })
}

/// Claims what there is, or waits for it: the claim, the mark of a poll that timed out, and whether
/// the server is closing.
async fn claim(
    inner: &Inner,
    ask: Ask,
    watch: &mut Watch,
    timeout: Duration,
) -> Result<(Claim, u64, bool), Response<Body>> {
    let Ask { category, start, mut confirmed, limit, bytes } = ask;
    // "From now on" is the moment when the poll came, however often it looks.
    let start = if start == Start::Live { Start::After(watch.opened) } else { start };
    let broker = &inner.options.broker;
    let failed = |error: Error| answer::broker_error(&error);
    let deadline = Instant::now() + timeout;
    let mut place = None;
    loop {
        let over = Instant::now() >= deadline || inner.wait.is_closed();
        // Before the last look, as everywhere: nothing later is stamped at or below it.
        let mark = if over { watch.subscription.watermark() } else { 0 };
        let taken = confirmed.take();
        let claim = broker.claim(&category, start.clone(), taken, limit, bytes).await;
        let claim = claim.map_err(failed)?;
        if !claim.entries.is_empty() || over {
            let counter = match claim.entries.len() {
                0 => &inner.counters.timeouts,
                _ => &inner.counters.deliveries,
            };
            counter.increment(claim.entries.len().max(1) as u64);
            // What somebody else holds may come back: who goes by the mark must see it then.
            let before = claim.held_since.map_or(mark, |time| mark.min(time.saturating_sub(1)));
            return Ok((claim, before, inner.wait.is_closed()));
        }
        if place.is_none() {
            place = Some(inner.wait.place().ok_or_else(too_many)?);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let now = broker.engine().now();
        let lease = claim.look_again.map(|at| Duration::from_millis(at.saturating_sub(now).max(1)));
        let mut sleep = pin!(sleep(lease.map_or(left, |lease| lease.min(left))));
        let woken = inner.wait.until(sleep.as_mut(), |cx| watch.subscription.poll_all(cx)).await;
        if let Woken::By(Err(error)) = woken {
            return Err(failed(error));
        }
    }
}
