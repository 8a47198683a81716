//! Everything that waits: in paused time, over a transport in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::time::Duration;

use sse_client::{EventStream, RetryPolicy, StreamItem};
use support::scripted::Script;
use support::{disconnected, event, failed, item, opened};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn stream(script: &Script, retry: RetryPolicy) -> EventStream {
    let builder = EventStream::builder("http://h/").http_client(script.client());
    builder.retry(retry).build().unwrap()
}

fn policy() -> RetryPolicy {
    RetryPolicy::new().seed(7)
}

/// The waits between the requests.
fn gaps(script: &Script) -> Vec<Duration> {
    let seen = script.seen.lock().unwrap();
    seen.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_at_the_start_is_tried_again_with_growing_waits() {
    let script = Script::default();
    for _ in 0..4 {
        script.refuse();
    }
    let _body = script.stream();
    let mut stream = stream(&script, policy());
    let mut told = Vec::new();
    for step in 0..4_u32 {
        let lost = disconnected(&mut stream).await;
        assert!(lost.error.is_connect() && !lost.was_open, "{lost:?}");
        assert!(lost.retry_in <= SECOND * 2_u32.pow(step), "{lost:?}");
        told.push(lost.retry_in);
    }
    opened(&mut stream).await;
    for (gap, told) in gaps(&script).iter().zip(told) {
        // Tokio's timer counts in milliseconds.
        assert!(*gap >= told && *gap <= told + Duration::from_millis(2), "{gap:?}, not {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_retry_is_obeyed_within_bounds() {
    for (field, low, high) in [("4000", 4.0, 8.0), ("0", 0.1, 0.2), ("99999999999", 300.0, 600.0)] {
        let script = Script::default();
        let body = script.stream();
        let _next = script.stream();
        let mut stream = stream(&script, policy());
        opened(&mut stream).await;
        body.send(Ok(format!("retry: {field}\n").into())).unwrap();
        drop(body);
        assert!(matches!(item(&mut stream).await, StreamItem::Retry(_)));
        let lost = disconnected(&mut stream).await;
        assert!(lost.was_open && lost.error.is_end_of_body(), "{lost:?}");
        let wait = lost.retry_in.as_secs_f64();
        assert!((low..=high).contains(&wait), "retry: {field} gave {wait} s");
        opened_after(&mut stream, lost.retry_in).await;
    }
}

/// The next connection opens once this time is over (and the helper's 10 s do not count).
async fn opened_after(stream: &mut EventStream, wait: Duration) {
    use futures_util::StreamExt;
    let before = Instant::now();
    let item = stream.next().await.unwrap().unwrap();
    assert!(matches!(item, StreamItem::Opened(_)), "{item:?}");
    assert!(before.elapsed() >= wait && before.elapsed() <= wait + Duration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_and_capped() {
    for (status, value, low, high) in [
        (429, "3", 3.0, 3.3),
        (503, "5", 5.0, 5.5),
        (408, "0", 0.1, 0.2),
        (503, "86400", 300.0, 330.0),
    ] {
        let script = Script::default();
        script.status(status, "retry-after", value);
        let mut stream = stream(&script, policy());
        let lost = disconnected(&mut stream).await;
        assert_eq!(lost.error.status().unwrap().as_u16(), status);
        let wait = lost.retry_in.as_secs_f64();
        assert!((low..=high).contains(&wait), "{status} with {value} gave {wait} s");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_over_short_connections_and_anew_after_a_minute() {
    let script = Script::default();
    script.refuse();
    let short = script.stream();
    let long = script.stream();
    script.refuse();
    script.refuse();
    script.refuse();
    let mut stream = stream(&script, policy().max_retries(2));
    disconnected(&mut stream).await;
    opened(&mut stream).await;
    drop(short);
    disconnected(&mut stream).await;
    opened(&mut stream).await;
    tokio::time::advance(60 * SECOND).await;
    drop(long);
    disconnected(&mut stream).await; // Would be the third, but for a minute of health.
    disconnected(&mut stream).await;
    let error = failed(&mut stream).await;
    assert!(error.is_retries_exhausted() && error.is_connect(), "{error:?}");
    let text = "gave up after 2 retries: GET http://h/: could not connect: connection refused";
    assert_eq!(error.to_string(), text);
    assert_eq!(script.requests(), 5);
}

#[tokio::test(start_paused = true)]
async fn silence_reconnects_and_any_byte_counts() {
    let script = Script::default();
    let body = script.stream();
    let _next = script.stream();
    let builder = EventStream::builder("http://h/").http_client(script.client()).retry(policy());
    let mut stream = builder.idle_timeout(3 * SECOND).build().unwrap();
    opened(&mut stream).await;
    let start = Instant::now();
    let speaker = tokio::spawn(async move {
        // Not even whole lines: `data: x`, a byte every two seconds, then silence.
        for byte in "data: x\n\n".bytes() {
            tokio::time::sleep(2 * SECOND).await;
            body.send(Ok(vec![byte].into())).unwrap();
        }
        body.closed().await;
        Instant::now()
    });
    let mut event_at = None;
    let lost = loop {
        use futures_util::StreamExt;
        match stream.next().await.unwrap().unwrap() {
            StreamItem::Event(_) => event_at = Some(start.elapsed()),
            StreamItem::Disconnected(lost) => break lost,
            other => panic!("{other:?}"),
        }
    };
    assert!(lost.error.is_timeout() && lost.was_open, "{lost:?}");
    assert_eq!(lost.error.to_string(), "nothing was received for 3s");
    assert_eq!(event_at.unwrap().as_secs(), 18);
    assert_eq!(start.elapsed().as_secs(), 21);
    // The connection is given up at once, not at the next attempt.
    assert_eq!((speaker.await.unwrap() - start).as_secs(), 21);
    opened(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up() {
    let script = Script::default();
    script.hang();
    let _body = script.stream();
    let builder = EventStream::builder("http://h/").http_client(script.client()).retry(policy());
    let mut stream = builder.response_timeout(5 * SECOND).build().unwrap();
    let start = Instant::now();
    let lost = disconnected(&mut stream).await;
    assert!(lost.error.is_timeout() && !lost.was_open, "{lost:?}");
    assert_eq!(start.elapsed().as_secs(), 5);
    opened(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_has_no_deadline() {
    let script = Script::default();
    let body = script.stream();
    let mut stream = stream(&script, policy());
    opened(&mut stream).await;
    let speaker = tokio::spawn(async move {
        tokio::time::sleep(3_600 * 24 * SECOND).await;
        body.send(Ok("data: late\n\n".into())).unwrap();
        body
    });
    use futures_util::StreamExt;
    let item = stream.next().await.unwrap().unwrap();
    assert!(matches!(&item, StreamItem::Event(event) if event.data() == "late"), "{item:?}");
    drop(speaker);
}

#[tokio::test(start_paused = true)]
async fn reconnect_does_not_wait() {
    let script = Script::default();
    let first = script.stream();
    script.refuse();
    let second = script.stream();
    let mut stream = stream(&script, policy());
    opened(&mut stream).await;
    first.send(Ok("id: 7\ndata\n\n".into())).unwrap();
    event(&mut stream).await;
    let start = Instant::now();
    stream.reconnect();
    disconnected(&mut stream).await;
    assert!(first.is_closed(), "the old connection is dropped");
    stream.reconnect();
    opened(&mut stream).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    second.send(Ok("data: on\n\n".into())).unwrap();
    assert!(matches!(item(&mut stream).await, StreamItem::Event(_)));
    assert_eq!(script.seen.lock().unwrap()[2].1.headers()["last-event-id"], "7");
}

#[tokio::test(start_paused = true)]
async fn the_reconnect_delay_of_the_callbacks_is_the_base() {
    let script = Script::default();
    for _ in 0..40 {
        script.refuse();
    }
    script.status(204, "x", "y");
    // Through `new` the delay is set the same way; this one has its transport replaced.
    let retry = RetryPolicy::new().base(3 * SECOND).max(3 * SECOND);
    let builder = EventStream::builder("http://h/").http_client(script.client()).retry(retry);
    let client = sse_client::Client::from_builder(builder).unwrap();
    client.start().unwrap();
    client.stopped().await;
    let gaps = gaps(&script);
    assert!(gaps.iter().all(|gap| *gap <= Duration::from_millis(3_002)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap > 2 * SECOND), "{gaps:?}");
}

/// A server that sends a head and nothing more must not be asked for ever at the first pace.
#[tokio::test(start_paused = true)]
async fn silence_is_not_health() {
    use futures_util::StreamExt;
    let script = Script::default();
    let bodies: Vec<_> = (0..3).map(|_| script.stream()).collect();
    let builder = EventStream::builder("http://h/").http_client(script.client());
    let builder = builder.retry(policy().max_retries(2)).idle_timeout(90 * SECOND);
    let mut stream = builder.build().unwrap();
    for _ in 0..2 {
        opened(&mut stream).await;
        let lost = stream.next().await.unwrap().unwrap();
        assert!(matches!(&lost, StreamItem::Disconnected(lost) if lost.error.is_timeout()));
    }
    opened(&mut stream).await;
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_retries_exhausted() && error.is_timeout(), "{error:?}");
    drop(bodies);
}

/// The last byte, not the head, is where health ends; and `reconnect` takes it into account.
#[tokio::test(start_paused = true)]
async fn health_lasts_until_the_last_byte() {
    use futures_util::StreamExt;
    for reconnect in [false, true] {
        let script = Script::default();
        script.refuse();
        let body = script.stream();
        script.refuse();
        script.refuse();
        let builder = EventStream::builder("http://h/").http_client(script.client());
        let builder = builder.retry(policy().max_retries(1)).idle_timeout(90 * SECOND);
        let mut stream = builder.build().unwrap();
        disconnected(&mut stream).await;
        opened(&mut stream).await;
        tokio::time::advance(60 * SECOND).await;
        body.send(Ok("data: x\n\n".into())).unwrap();
        event(&mut stream).await;
        if reconnect {
            stream.reconnect();
        }
        // The time-out, or the refused attempt: either is the first retry after good health.
        let item = stream.next().await.unwrap();
        assert!(matches!(item, Ok(StreamItem::Disconnected(_))), "{item:?}");
        assert!(failed(&mut stream).await.is_retries_exhausted());
    }
}

/// Neither the silence before a `reconnect` nor the attempt after it is health.
#[tokio::test(start_paused = true)]
async fn a_reconnect_does_not_make_a_silent_connection_healthy() {
    let script = Script::default();
    script.refuse();
    let _silent = script.stream();
    script.refuse();
    let mut stream = stream(&script, policy().max_retries(1));
    disconnected(&mut stream).await;
    opened(&mut stream).await;
    tokio::time::advance(90 * SECOND).await;
    stream.reconnect();
    assert!(failed(&mut stream).await.is_retries_exhausted());
}
