//! What comes in: what opens, ends and interrupts a stream, and the items between.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::error::Error as _;

use futures_util::TryStreamExt;
use rt_testkit::server::Server;
use sse_client::{End, Reconnect, StatusCode, StreamItem};
use support::{at_once, disconnected, eager, ended, event, failed, item, opened, streaming};

/// A server that answers each request with this status, header lines and body.
fn answering(status: u16, headers: &'static str, body: &'static str) -> Server {
    Server::start(move |connection| {
        connection.request();
        connection.answer(status, headers, body);
    })
}

#[tokio::test]
async fn opening_tells_status_headers_and_url() {
    let server = Server::start(|connection| {
        connection.request();
        connection.send(
            "HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=x\r\nx-node: n7\r\n\r\n",
        );
        connection.wait_closed();
    });
    let url = server.url("/?token=t0p");
    let mut stream = eager(url.replace("http://", "http://u:pw@")).build().unwrap();
    let opened = opened(&mut stream).await;
    assert_eq!(
        (opened.status, &opened.headers["x-node"]),
        (StatusCode::OK, &"n7".parse().unwrap())
    );
    assert_eq!(opened.url, url);
    let shown = format!("{opened:?} {stream:?}");
    assert!(!shown.contains("t0p") && !shown.contains("pw@") && !shown.contains("n7"), "{shown}");
}

#[tokio::test]
async fn events_and_comments_come_in_order() {
    let server = streaming(": hello\nevent: tick\nid: 1\ndata: a\ndata: b\n\n:\ndata\n\ndata: cut");
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    assert!(matches!(item(&mut stream).await, StreamItem::Comment(text) if text == " hello"));
    let tick = event(&mut stream).await;
    assert_eq!((tick.event(), tick.data(), tick.id()), ("tick", "a\nb", "1"));
    assert!(matches!(item(&mut stream).await, StreamItem::Comment(text) if text.is_empty()));
    let empty = event(&mut stream).await;
    assert_eq!((empty.event(), empty.data(), empty.id()), ("message", "", "1"));
    let lost = disconnected(&mut stream).await;
    assert!(lost.error.is_end_of_body() && lost.was_open, "{lost:?}");
    assert_eq!(lost.error.to_string(), "the server ended the stream");
    assert_eq!(stream.last_event_id(), "1");
}

#[tokio::test]
async fn a_comment_does_not_wait_for_its_event() {
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let may_go = std::sync::Mutex::new(may_go);
    let server = Server::start(move |connection| {
        connection.request();
        connection.open_event_stream();
        connection.send("data: 1\n: first\r");
        let _ = may_go.lock().unwrap().recv();
        connection.send("\n\n");
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    assert!(matches!(item(&mut stream).await, StreamItem::Comment(text) if text == " first"));
    go.send(()).unwrap();
    assert_eq!(event(&mut stream).await.data(), "1");
    drop(go);
}

#[tokio::test]
async fn the_status_204_is_the_end() {
    let server = answering(204, "", "");
    let mut stream = eager(server.url("/")).build().unwrap();
    assert_eq!(ended(&mut stream).await, End::NoContent);
}

#[tokio::test]
async fn other_statuses_end_the_stream_and_say_why() {
    for status in [201, 205, 206, 300, 304, 400, 401, 403, 404, 410] {
        let body = if matches!(status, 205 | 304) { "" } else { "no such zone" };
        let server = answering(status, "content-type: text/event-stream\r\n", body);
        let mut stream = eager(server.url("/")).build().unwrap();
        let error = failed(&mut stream).await;
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status), "{error:?}");
        assert!(!error.is_retryable());
        assert_eq!(error.body(), body.as_bytes());
        assert!(error.to_string().ends_with(body), "{error}");
    }
}

#[tokio::test]
async fn server_errors_and_too_many_requests_are_tried_again() {
    for status in [408, 425, 429, 500, 502, 503, 504, 529] {
        let server = Server::start(move |connection| {
            connection.request();
            if connection.index() == 0 {
                connection.answer(status, "", "sorry");
            } else {
                connection.open_event_stream();
            }
        });
        let mut stream = eager(server.url("/")).build().unwrap();
        let lost = disconnected(&mut stream).await;
        assert_eq!(lost.error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!((lost.error.body(), lost.was_open), (&b"sorry"[..], false));
        opened(&mut stream).await;
    }
}

/// The page of a captive portal, or of a proxy whose server restarts.
#[tokio::test]
async fn a_stream_that_has_been_open_survives_a_page_and_a_redirect_that_leads_nowhere() {
    let server = Server::start(|connection| {
        connection.request();
        match connection.index() {
            1 => connection.answer(200, "content-type: text/html\r\n", "<h1>Sign in</h1>"),
            2 => connection.answer(302, "location: ftp://portal/\r\n", ""),
            3 => connection.answer(404, "", "no such zone"),
            _ => connection.open_event_stream() && connection.send("data: x\n\n"),
        };
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    assert!(disconnected(&mut stream).await.error.is_end_of_body());
    assert!(disconnected(&mut stream).await.error.is_content_type());
    assert!(disconnected(&mut stream).await.error.is_redirect());
    assert_eq!(failed(&mut stream).await.status(), Some(StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn a_wrong_content_type_ends_the_stream() {
    for headers in ["", "content-type: text/html\r\n", "content-type: text/event-streams\r\n"] {
        let server = answering(200, headers, "<h1>Sign in</h1>");
        let mut stream = eager(server.url("/")).build().unwrap();
        let error = failed(&mut stream).await;
        assert!(error.is_content_type() && !error.is_retryable(), "{error:?}");
        assert_eq!(error.body(), b"<h1>Sign in</h1>");
    }
}

#[tokio::test]
async fn other_content_types_are_accepted_where_they_are_asked_for() {
    for headers in ["", "content-type: text/html\r\n", "content-type: Text/Plain; x=y\r\n"] {
        let server = answering(200, headers, "data: x\n\n");
        let mut stream = eager(server.url("/")).any_content_type().build().unwrap();
        opened(&mut stream).await;
        assert_eq!(event(&mut stream).await.data(), "x");

        let mut stream = eager(server.url("/")).content_type("text/plain").build().unwrap();
        match headers.contains("Plain") {
            true => drop(opened(&mut stream).await),
            false => assert!(failed(&mut stream).await.is_content_type()),
        }
    }
}

#[tokio::test]
async fn the_servers_wish_for_a_wait_is_an_item() {
    let server = streaming("retry: 1500\ndata: x\n\n");
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    let wish = item(&mut stream).await;
    assert!(matches!(wish, StreamItem::Retry(wait) if wait.as_millis() == 1500), "{wish:?}");
    assert_eq!(event(&mut stream).await.data(), "x");
}

#[tokio::test]
async fn an_endless_error_page_is_not_waited_for() {
    let server = Server::start(|connection| {
        connection.request();
        connection.send("HTTP/1.1 404 X\r\n\r\n");
        while connection.send("x".repeat(10_000)) {}
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    assert_eq!(failed(&mut stream).await.body().len(), 4096);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let server = Server::start(|connection| {
        connection.request();
        connection.send(
            "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\n",
        );
        connection.send("data: x\n\n");
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    for _ in 0..2 {
        opened(&mut stream).await;
        event(&mut stream).await;
        let lost = disconnected(&mut stream).await;
        assert!(lost.error.http().is_some_and(|error| error.is_body()), "{lost:?}");
    }
}

#[tokio::test]
async fn retries_run_out() {
    let server = answering(500, "", "broken");
    let mut stream = eager(server.url("/")).retry(at_once().max_retries(2)).build().unwrap();
    disconnected(&mut stream).await;
    disconnected(&mut stream).await;
    let error = failed(&mut stream).await;
    assert!(error.is_retries_exhausted(), "{error:?}");
    assert_eq!(error.status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
    let text = error.to_string();
    assert!(text.starts_with("gave up after 2 retries: GET http://127.0.0.1:"), "{text}");
    assert!(text.ends_with("the server answered 500 Internal Server Error: broken"), "{text}");
}

#[tokio::test]
async fn the_sentinel_ends_the_stream() {
    let server = streaming("data: {\"t\":1}\n\ndata: [DONE]\n\ndata: never\n\n");
    let mut stream = eager(server.url("/")).sentinel("[DONE]").build().unwrap();
    opened(&mut stream).await;
    assert_eq!(event(&mut stream).await.data(), "{\"t\":1}");
    assert_eq!(ended(&mut stream).await, End::Completed);
}

#[tokio::test]
async fn a_stream_may_make_a_single_attempt() {
    let server = streaming("data: x\n\n");
    let mut stream = eager(server.url("/")).reconnect(Reconnect::Never).build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    assert_eq!(ended(&mut stream).await, End::Finished);

    let server = answering(503, "", "");
    let mut stream = eager(server.url("/")).reconnect(Reconnect::Never).build().unwrap();
    let error = failed(&mut stream).await;
    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(!error.is_retries_exhausted());
}

#[tokio::test]
async fn an_event_beyond_the_bound_is_told_and_skipped() {
    let server = Server::start(|connection| {
        connection.request();
        connection.open_event_stream();
        for _ in 0..100 {
            connection.send(format!("data: {}\n", "x".repeat(1_000)));
        }
        connection.send("\ndata: small\n\n");
    });
    let mut stream = eager(server.url("/")).max_event_bytes(5_000).build().unwrap();
    opened(&mut stream).await;
    let told = item(&mut stream).await;
    assert!(matches!(told, StreamItem::TooLarge { limit: 5_000, .. }), "{told:?}");
    assert_eq!(event(&mut stream).await.data(), "small");
}

#[tokio::test]
async fn a_line_of_10_mib_is_an_event() {
    let data = "x".repeat(10 << 20);
    let line = format!("data: {data}\n\n");
    let server = Server::start(move |connection| {
        connection.request();
        connection.open_event_stream();
        connection.send(&line);
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    assert!(event(&mut stream).await.into_data() == data);
}

#[tokio::test]
async fn events_alone_end_as_the_stream_does() {
    let server = Server::start(|connection| {
        connection.request();
        match connection.index() {
            0 => connection.open_event_stream() && connection.send(": c\ndata: 1\n\n"),
            1 => connection.open_event_stream() && connection.send("data: 2\n\n"),
            2 => connection.answer(204, "", ""),
            _ => connection.answer(404, "", ""),
        };
    });
    let events = eager(server.url("/")).build().unwrap().events();
    let data: Vec<_> = events.map_ok(|event| event.into_data()).try_collect().await.unwrap();
    assert_eq!(data, ["1", "2"]);
    let error = eager(server.url("/")).build().unwrap().events().try_next().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
}

#[cfg(feature = "json")]
#[tokio::test]
async fn data_is_read_as_json() {
    let server = streaming("data: {\"price\":\ndata: 1.5}\n\ndata: no\n\n");
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    let tick: std::collections::HashMap<String, f64> = event(&mut stream).await.json().unwrap();
    assert_eq!(tick["price"], 1.5);
    let error = event(&mut stream).await.json::<f64>().unwrap_err();
    assert!(error.is_json() && error.source().is_some(), "{error:?}");
    assert!(disconnected(&mut stream).await.error.is_end_of_body(), "the stream goes on");
}
