//! The ends of a response: the events that complete it or report a failure, and one that is cut short.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use futures_util::StreamExt;
use rt_testkit::server::Server;
use sse_client::{End, EventStreamBuilder, Reconnect, StreamItem};
use support::scripted::{Script, scripted};
use support::{disconnected, eager, ended, event, failed, opened, streaming};

#[tokio::test]
async fn a_response_without_its_last_event_is_cut_short() {
    type Expect = fn(EventStreamBuilder) -> EventStreamBuilder;
    let expectations: [(Expect, &'static str); 4] = [
        (|builder| builder.sentinel("[DONE]"), "data: [DONE]"),
        (|builder| builder.end_event("stop"), "event: stop\ndata: bye"),
        (|builder| builder.end_event("other").end_event("stop"), "event: stop\ndata: bye"),
        (|builder| builder.end_when(|event| event.data() == "bye"), "data: bye"),
    ];
    let server = streaming("data: half\n\n");
    for (expect, last) in expectations {
        let base = || expect(eager(server.url("/")));
        for builder in [base().body("{}"), base().reconnect(Reconnect::Never)] {
            let mut stream = builder.build().unwrap();
            opened(&mut stream).await;
            assert_eq!(event(&mut stream).await.data(), "half");
            let error = failed(&mut stream).await;
            assert!(error.is_truncated() && error.is_retryable(), "{error:?}");
            let text = "the response was cut short: it ended before the event that completes it";
            assert_eq!(error.to_string(), text);
        }
        // Where the stream reconnects, the end of a body is a reconnect as ever.
        let mut stream = base().build().unwrap();
        opened(&mut stream).await;
        event(&mut stream).await;
        assert!(disconnected(&mut stream).await.error.is_end_of_body());

        let whole = format!("data: all\n\n{last}\n\n");
        let whole = Server::start(move |connection| {
            connection.request();
            connection.open_event_stream();
            connection.send(&whole);
        });
        let mut stream = expect(eager(whole.url("/"))).body("{}").build().unwrap();
        opened(&mut stream).await;
        event(&mut stream).await;
        // The sentinel is only a mark; any other last event is handed out.
        if last != "data: [DONE]" {
            assert_eq!(event(&mut stream).await.data(), "bye");
        }
        assert_eq!(ended(&mut stream).await, End::Completed);
    }
}

#[tokio::test]
async fn a_body_that_ends_inside_an_event_is_cut_short() {
    for (body, whole) in [
        ("data: a\n\n", true),
        ("data: a\n\n: comment", true),
        ("data: a\n\n: comment\n", true),
        ("data: a\n\ndata: b", false),
        ("data: a\n\ndata: b\n", false),
        ("data: a\n\ndata: b\r", false),
        ("data: a\n\nevent: x\n", false),
        ("data: a\n\nd", false),
        ("data: a\n\nid: 4\n", false),
    ] {
        let server = streaming(body);
        let base = || eager(server.url("/"));
        for builder in [base().body("{}"), base().reconnect(Reconnect::Never)] {
            let items: Vec<_> = builder.build().unwrap().collect().await;
            match items.last().unwrap() {
                Ok(StreamItem::Ended(End::Finished)) => assert!(whole, "{body:?}"),
                Err(error) => {
                    assert!(error.is_truncated() && !whole, "{body:?} {error:?}");
                    let text = "the response was cut short: it ended inside an event";
                    assert_eq!(error.to_string(), text);
                }
                other => panic!("{body:?}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_event_may_report_a_failure() {
    type Rule = fn(EventStreamBuilder) -> EventStreamBuilder;
    let rules: [Rule; 2] = [
        |builder| builder.end_event("stop").error_event("error"),
        |builder| builder.error_when(|event| event.data().contains("overloaded_error")),
    ];
    let server = streaming(
        "data: a\n\nevent: error\ndata: {\"type\":\"overloaded_error\"}\n\nevent: stop\ndata\n\n",
    );
    for rule in rules {
        for body in ["{}", ""] {
            let mut stream = rule(eager(server.url("/"))).body(body).build().unwrap();
            opened(&mut stream).await;
            event(&mut stream).await;
            let error = failed(&mut stream).await;
            assert_eq!(error.event().unwrap().data(), "{\"type\":\"overloaded_error\"}");
            assert!(!error.is_truncated() && !error.is_retryable(), "{error:?}");
            assert_eq!(
                error.to_string(),
                "the server reported a failure by an event \"error\": {\"type\":\"overloaded_error\"}"
            );
        }
    }
}

/// Several calls to a model go over one connection, although none reads its body to the end.
#[tokio::test]
async fn a_connection_is_used_again_after_the_last_event() {
    let server = Server::start(|connection| {
        while let Some(request) = connection.request() {
            assert_eq!((request.method.as_str(), connection.index()), ("POST", 0));
            let head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            connection.send(head);
            connection.send("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
        }
    });
    let base = eager(server.url("/")).sentinel("[DONE]").body("{}");
    for _ in 0..3 {
        let mut stream = base.clone().build().unwrap();
        opened(&mut stream).await;
        assert_eq!(ended(&mut stream).await, End::Completed);
    }
    drop(base);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_end_after_the_last_event_is_not_waited_for() {
    let script = Script::default();
    let body = script.stream();
    let mut stream = scripted(&script).end_event("stop").build().unwrap();
    opened(&mut stream).await;
    body.send(Ok("event: stop\ndata\n\n".into())).unwrap();
    let start = tokio::time::Instant::now();
    event(&mut stream).await;
    assert_eq!(ended(&mut stream).await, End::Completed);
    assert!(start.elapsed() < std::time::Duration::from_millis(200));
    assert!(body.is_closed());
}
