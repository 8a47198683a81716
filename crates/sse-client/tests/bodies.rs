//! Requests with a body: sent once unless asked for, and an answer that is cut is not a whole one.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use bytes::Bytes;
use rt_testkit::server::Server;
use sse_client::{End, EventStream, HttpError};
use support::scripted::Script;
use support::{disconnected, eager, ended, event, failed, opened};

/// A server that answers everything with this stream, and ends it.
fn streaming(body: &'static str) -> Server {
    Server::start(move |connection| {
        connection.request();
        connection.open_event_stream();
        connection.send(body);
    })
}

#[tokio::test]
async fn an_answer_without_its_sentinel_is_cut_short() {
    let server = streaming("data: half\n\n");
    let base = || eager(server.url("/")).sentinel("[DONE]");
    for builder in [base().body("{}"), base().once()] {
        let mut stream = builder.build().unwrap();
        opened(&mut stream).await;
        assert_eq!(event(&mut stream).await.data(), "half");
        let error = failed(&mut stream).await;
        assert!(error.is_truncated() && error.is_retryable(), "{error:?}");
        assert_eq!(error.to_string(), "the server ended the stream before the sentinel");
    }
    let server = streaming("data: all\n\ndata: [DONE]\n\n");
    let mut stream = eager(server.url("/")).sentinel("[DONE]").body("{}").build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    assert_eq!(ended(&mut stream).await, End::Sentinel);
    // Where the stream goes on, the end of a body is a reconnect as ever.
    let server = streaming("");
    let mut stream = eager(server.url("/")).sentinel("[DONE]").build().unwrap();
    opened(&mut stream).await;
    assert!(disconnected(&mut stream).await.error.is_end_of_body());
}

#[tokio::test]
async fn a_body_that_was_answered_by_a_redirect_is_not_sent_again() {
    for status in ["303", "307"] {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (sender, requests) = std::sync::mpsc::channel();
        let sender = std::sync::Mutex::new(sender);
        let server = Server::start(move |connection| {
            let request = connection.request().unwrap();
            sender.lock().unwrap().send(request.method).unwrap();
            let location = format!("location: http://{closed}/\r\n");
            connection.answer(status.parse().unwrap(), &location, "");
        });
        let mut stream = eager(server.url("/")).body("{}").build().unwrap();
        let error = failed(&mut stream).await;
        assert!(error.is_connect() && error.to_string().contains("resend_body"), "{error:?}");
        drop(server);
        assert_eq!(requests.try_iter().collect::<Vec<_>>(), ["POST"], "{status}");
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

    let mut stream = base().resend_body(true).build().unwrap();
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
async fn a_time_out_tells_whether_the_body_was_on_its_way() {
    let second = std::time::Duration::from_secs(1);
    let script = Script::default();
    script.hang();
    let builder = EventStream::builder("http://h/").http_client(script.client()).body("{}");
    let mut stream = builder.clone().response_timeout(second).build().unwrap();
    assert!(failed(&mut stream).await.is_timeout());

    let hook = |_, _| std::future::pending();
    let builder = builder.before_attempt(hook).response_timeout(second);
    let mut stream = builder.build().unwrap();
    assert!(disconnected(&mut stream).await.error.is_timeout(), "nothing was sent");
    assert_eq!(script.requests(), 1);
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
