//! Polls in golongpoll's form: one category, with all that is there or a wait.

use crate::golongpoll::Poll;
use crate::long_poll::Inner;
use crate::wait::Woken;
use crate::{Body, answer, encode};
use http::{Response, StatusCode};
use rt_broker::{Delivery, SubscribeOptions, Subscription, Timestamp};
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;

/// The response to a poll beyond the bound on waiting polls.
pub(crate) fn too_many() -> Response<Body> {
    let error = "too many polls are waiting";
    answer::busy(StatusCode::TOO_MANY_REQUESTS, error, Duration::from_secs(2))
}

pub(crate) async fn answer(inner: &Inner, poll: Poll) -> Response<Body> {
    let Poll { timeout, category, resume } = poll;
    // A poll takes all that is there in one step, so it cannot be slow.
    let options = SubscribeOptions::new(resume.start()).max_lag(usize::MAX);
    let subscribed = inner.options.broker.subscribe(&category, options);
    drop(category);
    let mut gap = None;
    let mut subscription = match subscribed {
        Ok(subscription) => subscription,
        Err(error) => return answer::broker_error(&error),
    };
    let held = subscription.try_all();
    match given(inner, &subscription, held, &mut gap) {
        Some(answer) => answer,
        None => {
            // A remote store, or a file's, opens a category in its own time. A client that gets its
            // response before that has seen nothing, so its time must not advance.
            let unseen = match subscription.position() {
                Some(_) => None,
                None => Some(resume.time().unwrap_or_else(|| subscription.watermark())),
            };
            wait(inner, subscription, timeout, gap, unseen).await
        }
    }
}

async fn wait(
    inner: &Inner,
    mut subscription: Subscription,
    timeout: Duration,
    mut gap: Option<&'static str>,
    unseen: Option<Timestamp>,
) -> Response<Body> {
    let Some(_place) = inner.wait.place() else { return too_many() };
    let mut sleep = pin!(sleep(timeout));
    let closing = loop {
        match inner.wait.until(sleep.as_mut(), |cx| subscription.poll_all(cx)).await {
            Woken::By(all) => {
                if let Some(answer) = given(inner, &subscription, all, &mut gap) {
                    return answer;
                }
            }
            Woken::TimedOut => break false,
            Woken::Closing => break true,
        }
    };
    // The watermark first, then one more look: what comes later is stamped after the watermark, and
    // what came before is seen now. So a client that resumes from the watermark loses nothing.
    let watermark = match unseen {
        Some(since) if subscription.position().is_none() => since,
        _ => subscription.watermark(),
    };
    let late = subscription.try_all();
    let answer = given(inner, &subscription, late, &mut gap);
    let answer = answer.unwrap_or_else(|| {
        inner.counters.timeouts.increment(1);
        answer::timed_out(watermark, gap)
    });
    if closing { answer::closing(answer) } else { answer }
}

/// Returns the response with a poll's deliveries, or `None` if they hold no event for pollers.
fn given(
    inner: &Inner,
    subscription: &Subscription,
    all: Result<Vec<Delivery>, rt_broker::Error>,
    gap: &mut Option<&'static str>,
) -> Option<Response<Body>> {
    let all = match all {
        Ok(all) => all,
        Err(error) => return Some(answer::broker_error(&error)),
    };
    for delivery in &all {
        if let Delivery::Gap(lost) = delivery {
            inner.counters.gaps.increment(1);
            *gap = Some(lost.reason().as_str());
        }
    }
    let batches = all.iter().filter_map(|delivery| match delivery {
        Delivery::Batch(batch) => Some(&**batch),
        Delivery::Gap(_) => None,
    });
    let body = encode::answer_of(batches.clone(), subscription.topic());
    if body.is_empty() {
        return None;
    }
    inner.counters.deliveries.increment(batches.map(|batch| batch.entries().len() as u64).sum());
    Some(answer::poll(body, *gap))
}
