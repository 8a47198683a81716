//! Against axum's `Sse`: what another server writes is what this client reads.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use futures_util::stream::{self, StreamExt};
use sse_client::{End, StreamItem};
use support::{disconnected, eager, ended, event, item, opened};

async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Counts up from the last event id, three events a connection; after nine there is no more.
async fn counting(headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").map_or("0", |id| id.to_str().unwrap());
    let last: u32 = last.parse().unwrap();
    if last >= 9 {
        return StatusCode::NO_CONTENT.into_response();
    }
    let events = (last + 1..=last + 3).map(|n| {
        let event =
            Event::default().id(n.to_string()).event("count").retry(Duration::from_millis(1));
        Ok::<_, Infallible>(event.data(format!("{n}\nof\n9 ✓")))
    });
    Sse::new(stream::iter(events)).into_response()
}

#[tokio::test]
async fn a_stream_is_resumed_without_a_hole_until_there_is_no_more() {
    let url = serve(Router::new().route("/sse", get(counting))).await;
    let mut stream = eager(url + "/sse").build().unwrap();
    for connection in 0..3 {
        assert_eq!(opened(&mut stream).await.headers["content-type"], "text/event-stream");
        for n in 1..=3 {
            let n = connection * 3 + n;
            assert!(matches!(item(&mut stream).await, StreamItem::Retry(_)));
            let event = event(&mut stream).await;
            assert_eq!((event.event(), event.id()), ("count", n.to_string().as_str()));
            assert_eq!(event.data(), format!("{n}\nof\n9 ✓"));
        }
        disconnected(&mut stream).await;
    }
    assert_eq!(ended(&mut stream).await, End::NoContent);
}

#[tokio::test]
async fn keep_alives_are_comments_and_hold_the_connection() {
    let app = Router::new().route(
        "/sse",
        get(|| async {
            let silent = stream::pending::<Result<Event, Infallible>>();
            let comments = KeepAlive::new().interval(Duration::from_millis(20)).text("still here");
            Sse::new(silent).keep_alive(comments)
        }),
    );
    let builder = eager(serve(app).await + "/sse").idle_timeout(Duration::from_secs(5));
    let mut stream = builder.build().unwrap();
    opened(&mut stream).await;
    for _ in 0..3 {
        let comment = item(&mut stream).await;
        assert!(
            matches!(&comment, StreamItem::Comment(text) if text.trim() == "still here"),
            "{comment:?}"
        );
    }
}

#[tokio::test]
async fn redirects_and_dropping_work_with_axum_too() {
    let open = Arc::new(AtomicUsize::new(0));
    struct Open(Arc<AtomicUsize>, tokio::sync::mpsc::UnboundedSender<()>);
    impl Drop for Open {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
            let _ = self.1.send(());
        }
    }
    let (dropped, mut was_dropped) = tokio::sync::mpsc::unbounded_channel();
    let app = Router::new()
        .route("/old", get(|| async { Redirect::permanent("/sse") }))
        .route(
            "/sse",
            get(|State(open): State<Arc<AtomicUsize>>| async move {
                open.fetch_add(1, Ordering::SeqCst);
                let guard = Open(open, dropped);
                let first = stream::iter([Ok::<_, Infallible>(Event::default().data("x"))]);
                Sse::new(first.chain(stream::pending()).map(move |event| {
                    let _ = &guard;
                    event
                }))
            }),
        )
        .with_state(Arc::clone(&open));
    let mut stream = eager(serve(app).await + "/old").build().unwrap();
    assert!(opened(&mut stream).await.url.ends_with("/sse"));
    assert_eq!(event(&mut stream).await.data(), "x");
    assert_eq!(open.load(Ordering::SeqCst), 1);
    drop(stream);
    let closed = tokio::time::timeout(Duration::from_secs(10), was_dropped.recv());
    closed.await.expect("axum drops the body").unwrap();
    assert_eq!(open.load(Ordering::SeqCst), 0);
}
