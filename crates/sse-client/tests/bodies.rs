//! Requests with a body: repeated until a response has opened, and never afterwards unless that is
//! asked for.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use rt_testkit::server::Server;
use sse_client::{End, EventStream, HttpError, Reconnect, RetryPolicy, StatusCode, StreamItem};
use support::scripted::{Script, scripted};
use support::{at_once, disconnected, eager, ended, event, failed, item, opened, streaming};

#[tokio::test]
async fn a_body_is_sent_again_until_a_response_has_opened() {
    for status in [408, 409, 429, 500, 502, 503, 504, 529] {
        let script = Script::default();
        script.status(status, "retry-after", "0");
        script.refuse();
        let output = script.stream();
        let mut stream = scripted(&script).body("{}").build().unwrap();
        let lost = disconnected(&mut stream).await;
        assert_eq!(lost.error.status().map(|status| status.as_u16()), Some(status));
        assert!(disconnected(&mut stream).await.error.is_connect());
        opened(&mut stream).await;
        output.send(Ok("data: token\n\n".into())).unwrap();
        event(&mut stream).await;
        // From here on another request would be charged again.
        output.send(Err(std::io::ErrorKind::ConnectionReset.into())).unwrap();
        let error = failed(&mut stream).await;
        assert!(error.is_truncated() && error.is_retryable(), "{error:?}");
        assert!(error.http().unwrap().is_body());
        assert!(error.to_string().starts_with("the response was cut short: "), "{error}");
        let bodies: Vec<_> =
            script.seen.lock().unwrap().iter().map(|seen| seen.1.body().clone()).collect();
        assert_eq!(bodies, ["{}"; 3], "{status}");
    }
}

#[tokio::test]
async fn a_status_that_no_retry_changes_ends_a_request_with_a_body_at_once() {
    for status in [400, 401, 403, 404, 422] {
        let script = Script::default();
        script.status(status, "x", "y");
        let mut stream = scripted(&script).body("{}").build().unwrap();
        let error = failed(&mut stream).await;
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert!(!error.is_truncated(), "nothing had opened");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_body_is_retried_twice_unless_told_otherwise() {
    for (retry, attempts) in
        [(at_once(), 3), (at_once().max_retries(4), 5), (at_once().max_retries(0), 1)]
    {
        let script = Script::default();
        (0..attempts).for_each(|_| script.status(503, "x", "y"));
        let mut stream = scripted(&script).retry(retry).body("{}").build().unwrap();
        for _ in 1..attempts {
            disconnected(&mut stream).await;
        }
        let error = failed(&mut stream).await;
        assert!(error.is_retries_exhausted(), "{error:?}");
        assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(script.requests(), attempts);
    }
    let script = Script::default();
    (0..20).for_each(|_| script.status(503, "x", "y"));
    let unlimited = RetryPolicy::fixed(std::time::Duration::from_secs(1)).max_retries(None);
    let mut stream = scripted(&script).retry(unlimited).body("{}").build().unwrap();
    for _ in 0..20 {
        disconnected(&mut stream).await;
    }
}

#[tokio::test]
async fn the_servers_word_on_a_retry_is_obeyed() {
    for (status, word, retried) in
        [(503, "false", false), (400, "true", true), (503, "maybe", true), (400, "maybe", false)]
    {
        let script = Script::default();
        script.status(status, "x-should-retry", word);
        let mut stream = scripted(&script).body("{}").build().unwrap();
        match item_or_error(&mut stream).await {
            Ok(StreamItem::Disconnected(_)) => assert!(retried, "{status} {word}"),
            Err(_) => assert!(!retried, "{status} {word}"),
            other => panic!("{other:?}"),
        }
    }
}

async fn item_or_error(stream: &mut EventStream) -> Result<StreamItem, sse_client::Error> {
    support::next(stream).await.expect("the stream has an item")
}

#[tokio::test]
async fn a_single_attempt_is_not_repeated() {
    let script = Script::default();
    script.status(503, "x", "y");
    let builder = scripted(&script).body("{}").reconnect(Reconnect::Never);
    let error = failed(&mut builder.build().unwrap()).await;
    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(error.is_retryable() && !error.is_retries_exhausted());
    assert_eq!(script.requests(), 1);
}

/// What an event stream of `Reconnect::Always` gives once the first response was cut after a token.
fn cut_and_resent(script: &Script, first: &'static str) -> EventStream {
    let (cut, whole) = (script.stream(), script.stream());
    cut.send(Ok(first.into())).unwrap();
    whole.send(Ok("data: Hello\n\ndata: [DONE]\n\n".into())).unwrap();
    let builder = scripted(script).body("{}").sentinel("[DONE]");
    builder.reconnect(Reconnect::Always).build().unwrap()
}

#[tokio::test]
async fn a_response_that_starts_over_is_reported() {
    let script = Script::default();
    let mut stream = cut_and_resent(&script, "data: Hel\n\n");
    opened(&mut stream).await;
    assert_eq!(event(&mut stream).await.data(), "Hel");
    assert!(disconnected(&mut stream).await.was_open);
    assert!(matches!(item(&mut stream).await, StreamItem::Restarted));
    opened(&mut stream).await;
    assert_eq!(event(&mut stream).await.data(), "Hello");
    assert_eq!(ended(&mut stream).await, End::Completed);

    // The events alone cannot hide it, and continue after it.
    let mut events = cut_and_resent(&script, "data: Hel\n\n").events();
    assert_eq!(events.try_next().await.unwrap().unwrap().data(), "Hel");
    assert!(events.try_next().await.unwrap_err().is_restarted());
    assert_eq!(events.try_next().await.unwrap().unwrap().data(), "Hello");
    assert!(events.try_next().await.unwrap().is_none());

    // Nothing was handed out yet: there is nothing to void.
    let mut events = cut_and_resent(&script, ": nothing\n").events();
    assert_eq!(events.try_next().await.unwrap().unwrap().data(), "Hello");

    // With an event id the server is asked to resume, not to start over.
    let mut events = cut_and_resent(&script, "data: Hel\nid: 1\n\n").events();
    for data in ["Hel", "Hello"] {
        assert_eq!(events.try_next().await.unwrap().unwrap().data(), data);
    }
}

#[tokio::test]
async fn a_restart_is_reported_once_for_the_events_it_voids() {
    let script = Script::default();
    let (first, second, third) = (script.stream(), script.stream(), script.stream());
    first.send(Ok("data: Hel\n\n".into())).unwrap();
    third.send(Ok("data: Hello\n\n".into())).unwrap();
    drop((first, second));
    let builder = scripted(&script).body("{}").reconnect(Reconnect::Always);
    let mut stream = builder.build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    disconnected(&mut stream).await;
    assert!(matches!(item(&mut stream).await, StreamItem::Restarted));
    opened(&mut stream).await;
    // The second response brought no event.
    disconnected(&mut stream).await;
    opened(&mut stream).await;
    assert_eq!(event(&mut stream).await.data(), "Hello");
}

#[tokio::test]
async fn reconnecting_drops_what_was_about_to_be_reported() {
    let script = Script::default();
    let (first, second, third) = (script.stream(), script.stream(), script.stream_with("x", "3"));
    first.send(Ok("data: Hel\n\n".into())).unwrap();
    drop(first);
    let builder = scripted(&script).body("{}").reconnect(Reconnect::Always);
    let mut stream = builder.build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    disconnected(&mut stream).await;
    assert!(matches!(item(&mut stream).await, StreamItem::Restarted));
    stream.reconnect();
    assert!(opened(&mut stream).await.headers.contains_key("x"), "not the second response");
    drop((second, third));
}

#[tokio::test]
async fn a_stream_whose_last_event_has_come_does_not_reconnect() {
    let script = Script::default();
    let body = script.stream();
    body.send(Ok("event: stop\ndata\n\n".into())).unwrap();
    let mut stream = scripted(&script).end_event("stop").build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    stream.reconnect();
    assert_eq!(ended(&mut stream).await, End::Completed);
}

#[tokio::test]
async fn a_hook_that_fails_before_a_body_is_a_failed_attempt_like_any_other() {
    let script = Script::default();
    let builder = scripted(&script).body("{}");
    let builder = builder.before_attempt(|_, _| async { Err("no token".into()) });
    let mut stream = builder.build().unwrap();
    for _ in 0..2 {
        assert!(disconnected(&mut stream).await.error.is_hook());
    }
    assert!(failed(&mut stream).await.is_retries_exhausted());
}

#[tokio::test]
async fn a_request_that_failed_behind_a_redirect_is_made_again() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (status, reconnect, sent) in
        [("307", None, 3), ("303", None, 3), ("307", Some(Reconnect::Never), 1)]
    {
        let (sender, requests) = std::sync::mpsc::channel();
        let sender = std::sync::Mutex::new(sender);
        let server = Server::start(move |connection| {
            let request = connection.request().unwrap();
            sender.lock().unwrap().send(request.method).unwrap();
            let location = format!("location: http://{closed}/\r\n");
            connection.answer(status.parse().unwrap(), &location, "");
        });
        let mut builder = eager(server.url("/")).body("{}");
        if let Some(reconnect) = reconnect {
            builder = builder.reconnect(reconnect);
        }
        let items: Vec<_> = builder.build().unwrap().collect().await;
        assert!(items.last().unwrap().as_ref().unwrap_err().is_connect(), "{items:?}");
        drop(server);
        assert_eq!(requests.try_iter().collect::<Vec<_>>(), vec!["POST"; sent], "{status}");
    }
}

#[tokio::test]
async fn a_hooks_body_counts_as_one() {
    let server = streaming("data: x\n\n");
    let base = || {
        eager(server.url("/")).before_attempt(|mut request, _| async move {
            *request.body_mut() = Bytes::from_static(b"{}");
            *request.method_mut() = sse_client::Method::POST;
            Ok(request)
        })
    };
    let mut stream = base().build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    assert_eq!(ended(&mut stream).await, End::Finished);

    let mut stream = base().reconnect(Reconnect::Always).build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    disconnected(&mut stream).await;

    // And a hook that takes the body away leaves nothing to be sent twice.
    let mut stream = eager(server.url("/"))
        .body("{}")
        .before_attempt(|mut request, _| async move {
            *request.body_mut() = Bytes::new();
            Ok(request)
        })
        .build()
        .unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    disconnected(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_does_not_come_in_time_is_asked_for_again() {
    let second = std::time::Duration::from_secs(1);
    let script = Script::default();
    (0..3).for_each(|_| script.hang());
    let builder = scripted(&script).body("{}").response_timeout(second);
    let mut stream = builder.clone().build().unwrap();
    for _ in 0..2 {
        assert!(disconnected(&mut stream).await.error.is_timeout());
    }
    let error = failed(&mut stream).await;
    assert!(error.is_timeout() && error.is_retries_exhausted(), "{error:?}");
    assert_eq!(error.to_string(), "gave up after 2 retries: no response within 1s");
    assert_eq!(script.requests(), 3);

    // A hook that does not return sent nothing.
    let hook = |_, _| std::future::pending();
    let mut stream = builder.before_attempt(hook).build().unwrap();
    assert!(disconnected(&mut stream).await.error.is_timeout());
    assert_eq!(script.requests(), 3);
}

#[tokio::test]
async fn reconnect_sends_the_body_again() {
    let script = Script::default();
    let (_first, _second) = (script.stream(), script.stream());
    let builder = EventStream::builder("http://h/").http_client(script.client()).body("{}");
    let mut stream = builder.build().unwrap();
    opened(&mut stream).await;
    stream.reconnect();
    opened(&mut stream).await;
    let bodies: Vec<_> =
        script.seen.lock().unwrap().iter().map(|seen| seen.1.body().clone()).collect();
    assert_eq!(bodies, ["{}", "{}"]);
}

#[tokio::test]
async fn reconnect_after_output_is_a_restart_too() {
    let script = Script::default();
    let (first, _second) = (script.stream(), script.stream());
    first.send(Ok("data: Hel\n\n".into())).unwrap();
    let mut stream = scripted(&script).body("{}").build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    stream.reconnect();
    assert!(matches!(item(&mut stream).await, StreamItem::Restarted));
    opened(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn the_retry_after_of_a_hook_is_obeyed() {
    let script = Script::default();
    let builder = EventStream::builder("http://h/").http_client(script.client());
    let mut stream = builder
        .before_attempt(|_, _| async {
            let headers = sse_client::HeaderMap::from_iter([(
                http::header::RETRY_AFTER,
                http::HeaderValue::from_static("20"),
            )]);
            let status = sse_client::StatusCode::TOO_MANY_REQUESTS;
            Err(HttpError::from_status(status, &headers, Bytes::new()).into())
        })
        .build()
        .unwrap();
    let wait = disconnected(&mut stream).await.retry_in.as_secs_f64();
    assert!((20.0..=22.0).contains(&wait), "{wait}");
}
