//! Every wait of a poll and of a follower, in paused time.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::time::Duration;

use futures_util::StreamExt;
use lp_client::{Client, ClientBuilder, Disconnected, Follow, Item, Poll, Position, RetryPolicy};
use tokio::time::Instant;

mod support;
use support::Script;

const SECOND: Duration = Duration::from_secs(1);
const QUIET: &str = r#"{"timeout":"no events before timeout","timestamp":100000}"#;
const ID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

fn builder(script: &Script) -> ClientBuilder {
    let retry = RetryPolicy::new().seed(7);
    Client::builder("http://h/events").http_client(script.client()).retry(retry)
}

fn follow(script: &Script) -> Follow {
    builder(script).build().unwrap().follow("a").unwrap()
}

fn event(timestamp: i64) -> String {
    format!(r#"{{"timestamp":{timestamp},"category":"a","data":{timestamp},"id":"{ID}"}}"#)
}

fn events(timestamp: i64) -> String {
    format!(r#"{{"events":[{}]}}"#, event(timestamp))
}

async fn item(follow: &mut Follow) -> Item {
    follow.next().await.expect("it goes on").expect("no error")
}

async fn lost(follow: &mut Follow) -> Disconnected {
    match item(follow).await {
        Item::Disconnected(lost) => lost,
        other => panic!("{other:?}"),
    }
}

/// The other client's deadline was the poll's own: each quiet poll failed.
#[tokio::test(start_paused = true)]
async fn the_deadline_is_the_polls_timeout_and_a_margin() {
    let script = Script::default();
    // Answered at the timeout, as servers do, and arriving nine seconds later, as networks do.
    script.json(54 * SECOND, QUIET);
    let client = builder(&script).build().unwrap();
    assert!(client.subscribe("a").await.unwrap().is_timeout());
    assert_eq!(script.query(0), "timeout=45&category=a");

    let start = Instant::now();
    let error = client.subscribe("a").await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable(), "{error:?}");
    assert_eq!(start.elapsed().as_secs(), 55);
    assert!(error.to_string().ends_with("category=a: timed out"), "{error}");

    let client = builder(&script).poll_timeout(90 * SECOND).margin(3 * SECOND).build().unwrap();
    for (poll, seconds) in [(Poll::new("a"), 93), (Poll::new("a").timeout(5 * SECOND), 8)] {
        let start = Instant::now();
        assert!(client.subscribe(poll).await.unwrap_err().is_timeout());
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_is_given_up_at_the_deadline_too() {
    let script = Script::default();
    let body = script.body();
    body.send(Ok("{\"events\":[".into())).unwrap();
    let start = Instant::now();
    let lost = lost(&mut follow(&script)).await;
    assert!(lost.error.is_timeout(), "{:?}", lost.error);
    assert_eq!(start.elapsed().as_secs(), 55);
    assert!(body.is_closed(), "the exchange is dropped");
}

#[tokio::test(start_paused = true)]
async fn it_polls_again_at_once_and_says_where_it_is() {
    let script = Script::default();
    script.json(45 * SECOND, QUIET);
    script.json(SECOND, events(99_700));
    script.json(45 * SECOND, r#"{"timeout":"x","timestamp":150000}"#);
    let mut follow = follow(&script);
    let start = Instant::now();
    assert!(matches!(item(&mut follow).await, Item::Quiet));
    assert!(matches!(item(&mut follow).await, Item::Event(_)));
    assert!(matches!(item(&mut follow).await, Item::Quiet));
    assert_eq!(start.elapsed().as_secs(), 91, "no wait in between");
    assert_eq!(script.query(1), "timeout=45&category=a&since_time=99500");
    assert_eq!(script.query(2), format!("timeout=45&category=a&since_time=99700&last_id={ID}"));
    assert_eq!(follow.position().to_string(), format!("since_time=149500&last_id={ID}"));
}

#[tokio::test(start_paused = true)]
async fn the_stricter_form_goes_by_cursors() {
    let script = Script::default();
    let strict = [("content-type", "application/vnd.longpoll+json")];
    script.answer(45 * SECOND, 204, &[("longpoll-cursor", "c1")], "");
    let body = format!(r#"{{"events":[{},{}],"cursor":"c 2","more":true}}"#, event(1), event(2));
    script.answer(SECOND, 200, &strict, body.replacen(ID, &ID.replace('6', "7"), 1));
    script.answer(Duration::ZERO, 200, &strict, r#"{"events":[],"cursor":"c3","more":false}"#);
    let mut follow = follow(&script);
    assert!(matches!(item(&mut follow).await, Item::Quiet));
    assert_eq!(follow.position().to_string(), "cursor=c1");
    assert!(matches!(item(&mut follow).await, Item::Event(_)));
    let within = format!("since_time=1&last_id={}", ID.replace('6', "7"));
    assert_eq!((follow.position().to_string(), follow.waiting()), (within, 1));
    assert!(matches!(item(&mut follow).await, Item::Event(_)));
    let behind = format!("since_time=2&last_id={ID}&cursor=c+2");
    assert_eq!((follow.position().to_string(), follow.waiting()), (behind, 0));
    assert!(matches!(item(&mut follow).await, Item::Quiet));
    assert_eq!(script.query(1), "timeout=45&category=a&cursor=c1");
    assert_eq!(script.query(2), "timeout=45&category=a&cursor=c+2");
}

/// The other client tried a 401 again for ever.
#[tokio::test(start_paused = true)]
async fn what_heals_is_tried_again_and_what_does_not_ends_it() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let script = Script::default();
        script.answer(Duration::ZERO, status, &[], r#"{"error":"later"}"#);
        script.json(SECOND, events(1));
        let mut follow = follow(&script);
        let lost = lost(&mut follow).await;
        assert_eq!(lost.error.status().unwrap(), status);
        assert_eq!(lost.error.refusal(), Some("later"));
        assert!(matches!(item(&mut follow).await, Item::Event(_)), "{status}");
    }
    let words = r#"{"error": "Invalid subscription category, must be 1-1024 characters long."}"#;
    let answers = [400, 401, 403, 404, 405, 410, 301, 201].map(|status| (status, "no"));
    for (status, body) in answers.into_iter().chain([(200, words), (200, "<html>"), (200, "{}")]) {
        let script = Script::default();
        script.answer(Duration::ZERO, status, &[], body);
        let mut follow = follow(&script);
        let error = follow.next().await.unwrap().expect_err("an end");
        assert!(!error.is_retryable(), "{status} {body}: {error:?}");
        assert_eq!(error.is_position_lost(), status == 410);
        assert!(follow.next().await.is_none(), "an error is the last item");
        assert_eq!(script.requests(), 1);
    }
    // Its own troubles, though told with a 200, pass.
    let script = Script::default();
    script.json(Duration::ZERO, r#"{"error": "Error creating new Subscription."}"#);
    assert!(lost(&mut follow(&script)).await.error.is_refused());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_asked_less_and_less() {
    let script = Script::default();
    for _ in 0..200 {
        script.refuse();
    }
    let mut follow = follow(&script);
    let start = Instant::now();
    let mut planned = Duration::ZERO;
    while start.elapsed() < 600 * SECOND {
        let lost = lost(&mut follow).await;
        assert!(lost.error.is_connect());
        assert!(lost.retry_in <= 30 * SECOND && lost.retry_in >= SECOND / 10);
        planned += lost.retry_in;
    }
    let requests = script.requests();
    assert!((25..80).contains(&requests), "{requests} requests in ten minutes");
    let seen = script.seen.lock().unwrap();
    assert!(planned > seen[requests - 1].0 - seen[0].0, "the waits are kept");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for() {
    let script = Script::default();
    script.answer(Duration::ZERO, 429, &[("retry-after", "7")], "");
    script.answer(Duration::ZERO, 503, &[("retry-after", "86400")], "");
    let mut follow = follow(&script);
    let start = Instant::now();
    let wait = lost(&mut follow).await.retry_in.as_secs_f64();
    assert!((7.0..=7.7).contains(&wait), "{wait}");
    let capped = lost(&mut follow).await.retry_in.as_secs_f64();
    assert!((7.0..8.0).contains(&start.elapsed().as_secs_f64()));
    assert!((300.0..=330.0).contains(&capped), "{capped}");
}

#[tokio::test(start_paused = true)]
async fn retries_run_out() {
    let script = Script::default();
    (0..3).for_each(|_| script.refuse());
    let client = builder(&script).retry(RetryPolicy::new().max_retries(2)).build().unwrap();
    let mut follow = client.follow("a").unwrap();
    lost(&mut follow).await;
    lost(&mut follow).await;
    let error = follow.next().await.unwrap().unwrap_err();
    assert!(error.is_retries_exhausted() && error.is_connect(), "{error:?}");
    assert!(follow.next().await.is_none());
}

/// A proxy that answers at once, a server that is shutting down.
#[tokio::test(start_paused = true)]
async fn answers_without_a_wait_are_no_busy_loop() {
    for body in [QUIET, r#"{"events":[]}"#] {
        let script = Script::default();
        (0..200).for_each(|_| script.json(Duration::ZERO, body));
        let mut follow = follow(&script);
        let start = Instant::now();
        while start.elapsed() < 600 * SECOND {
            assert!(matches!(item(&mut follow).await, Item::Quiet));
        }
        assert!((25..80).contains(&script.requests()), "{} requests", script.requests());
    }
}

/// The other client's stop let the poll go on, and took what it brought.
#[tokio::test(start_paused = true)]
async fn dropping_it_drops_the_request() {
    let script = Script::default();
    let body = script.body();
    let mut follow = follow(&script);
    assert!(tokio::time::timeout(SECOND, follow.next()).await.is_err());
    assert!(!body.is_closed());
    drop(follow);
    assert!(body.is_closed());
}

/// A reader that takes its time, or gives a `next` up, loses nothing.
#[tokio::test(start_paused = true)]
async fn a_next_that_is_given_up_is_taken_up_again() {
    let script = Script::default();
    script.json(40 * SECOND, events(5));
    let mut follow = follow(&script);
    for _ in 0..7 {
        assert!(tokio::time::timeout(5 * SECOND, follow.next()).await.is_err());
    }
    assert!(matches!(item(&mut follow).await, Item::Event(_)));
    assert_eq!(script.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_follower_starts_where_it_is_told() {
    let script = Script::default();
    let client = builder(&script).build().unwrap();
    let saved: Position = format!("since_time=5&last_id={ID}").parse().unwrap();
    for (index, (position, query)) in [
        (Position::now(), String::new()),
        (Position::oldest(), "&since_time=0".into()),
        (saved, format!("&since_time=5&last_id={ID}")),
        ("since_time=5&cursor=c".parse().unwrap(), "&cursor=c".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let mut follow = client.follow(Poll::new("a").position(position.clone())).unwrap();
        assert!(tokio::time::timeout(SECOND, follow.next()).await.is_err());
        assert_eq!(script.query(index), format!("timeout=45&category=a{query}"));
        assert_eq!(*follow.position(), position);
    }
}

/// A cursor means nothing to golongpoll: it answers from now on, which is no answer.
#[tokio::test(start_paused = true)]
async fn one_poll_with_a_cursor_is_asked_again_where_there_are_none() {
    let script = Script::default();
    script.json(45 * SECOND, QUIET);
    script.json(Duration::ZERO, events(7));
    let client = builder(&script).build().unwrap();
    let saved = format!("since_time=5&last_id={ID}&cursor=c").replace("-9dad", "-9da0");
    let poll = Poll::new("a").position(saved.parse().unwrap());
    assert_eq!(client.subscribe(poll).await.unwrap().events().len(), 1);
    assert_eq!(script.query(0), "timeout=45&category=a&cursor=c");
    let last_id = ID.replace("-9dad", "-9da0");
    assert_eq!(script.query(1), format!("timeout=45&category=a&since_time=5&last_id={last_id}"));
}
