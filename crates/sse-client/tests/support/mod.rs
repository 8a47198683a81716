//! What the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part of this module.
use std::time::Duration;

use futures_util::StreamExt;
use rt_testkit::server::Server;
use sse_client::{
    Disconnected, End, Error, Event, EventStream, EventStreamBuilder, HttpClient, Opened,
    RetryPolicy, StreamItem,
};

pub mod scripted;

/// A builder that comes back at once, for tests over sockets.
pub fn eager(url: impl Into<String>) -> EventStreamBuilder {
    let client = HttpClient::builder().no_proxy().build().unwrap();
    EventStream::builder(url).http_client(client).retry(at_once())
}

/// A server that sends `body` as an event stream over each connection, and closes it.
pub fn streaming(body: &'static str) -> Server {
    Server::start(move |connection| {
        connection.request();
        connection.open_event_stream();
        connection.send(body);
    })
}

pub fn at_once() -> RetryPolicy {
    RetryPolicy::new().base(Duration::ZERO).min(Duration::from_millis(1)).seed(1)
}

/// The next item; a test that waits longer than 10 s has failed.
pub async fn next(stream: &mut EventStream) -> Option<Result<StreamItem, Error>> {
    let next = tokio::time::timeout(Duration::from_secs(10), stream.next());
    next.await.expect("something happens within 10 s")
}

pub async fn item(stream: &mut EventStream) -> StreamItem {
    next(stream).await.expect("the stream goes on").expect("no error")
}

pub async fn opened(stream: &mut EventStream) -> Opened {
    match item(stream).await {
        StreamItem::Opened(opened) => opened,
        other => panic!("expected an open connection, got {other:?}"),
    }
}

pub async fn event(stream: &mut EventStream) -> Event {
    match item(stream).await {
        StreamItem::Event(event) => event,
        other => panic!("expected an event, got {other:?}"),
    }
}

pub async fn disconnected(stream: &mut EventStream) -> Disconnected {
    match item(stream).await {
        StreamItem::Disconnected(lost) => lost,
        other => panic!("expected a lost connection, got {other:?}"),
    }
}

/// The error that ends the stream; nothing follows it.
pub async fn failed(stream: &mut EventStream) -> Error {
    let error = next(stream).await.expect("the stream goes on").expect_err("an error");
    assert!(next(stream).await.is_none(), "an error is the last item");
    error
}

/// The proper end of the stream; nothing follows it.
pub async fn ended(stream: &mut EventStream) -> End {
    let end = match item(stream).await {
        StreamItem::Ended(end) => end,
        other => panic!("expected the end, got {other:?}"),
    };
    assert!(next(stream).await.is_none(), "the end is the last item");
    end
}
