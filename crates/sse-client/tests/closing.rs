//! Dropping a stream closes its connection, at once and whatever it was doing.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::time::Duration;

use bytes::Bytes;
use rt_testkit::server::Server;
use sse_client::{EventStream, HttpClient};
use support::{eager, event, opened};
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_server_sees_the_end_of_the_connection() {
    let (closed, mut was_closed) = mpsc::unbounded_channel();
    let server = Server::start(move |connection| {
        connection.request();
        connection.open_event_stream();
        connection.send("data: x\n\n");
        connection.wait_closed();
        let _ = closed.send(());
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    drop(stream);
    tokio::time::timeout(LONG, was_closed.recv()).await.expect("closed").unwrap();
}

#[tokio::test]
async fn so_it_does_while_it_has_not_answered() {
    let (saw, mut seen) = mpsc::unbounded_channel();
    let server = Server::start(move |connection| {
        connection.request();
        let _ = saw.send("request");
        connection.wait_closed();
        let _ = saw.send("closed");
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    tokio::select! {
        item = support::next(&mut stream) => panic!("{item:?}"),
        _ = seen.recv() => {}
    }
    drop(stream);
    let saw = tokio::time::timeout(LONG, seen.recv()).await.expect("closed");
    assert_eq!(saw, Some("closed"));
}

#[tokio::test]
async fn with_http2_the_stream_is_reset_and_the_connection_lives_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (saw, mut seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((socket, _)) = listener.accept().await {
            number += 1;
            let saw = saw.clone();
            let mut connection = h2::server::handshake(socket).await.unwrap();
            tokio::spawn(async move {
                while let Some(Ok((_request, mut respond))) = connection.accept().await {
                    let saw = saw.clone();
                    tokio::spawn(async move {
                        let head =
                            http::Response::builder().header("content-type", "text/event-stream");
                        let mut body =
                            respond.send_response(head.body(()).unwrap(), false).unwrap();
                        body.send_data(Bytes::from_static(b"data: x\n\n"), false).unwrap();
                        let reason = std::future::poll_fn(|cx| body.poll_reset(cx)).await.unwrap();
                        saw.send((number, reason)).unwrap();
                    });
                }
            });
        }
    });
    let client = HttpClient::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for _ in 0..2 {
        let builder = EventStream::builder(&url).http_client(client.clone());
        let mut stream = builder.build().unwrap();
        opened(&mut stream).await;
        event(&mut stream).await;
        drop(stream);
        let seen = tokio::time::timeout(LONG, seen.recv()).await.expect("a reset").unwrap();
        assert_eq!(seen, (1, h2::Reason::CANCEL));
    }
}

#[tokio::test]
async fn an_http2_connection_that_is_dead_is_noticed_and_not_used_again() {
    use futures_util::StreamExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (die, may_die) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut may_die = may_die.clone();
            may_die.mark_unchanged();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                let mut bodies = Vec::new();
                loop {
                    tokio::select! {
                        _ = may_die.changed() => break,
                        accepted = connection.accept() => {
                            let Some(Ok((_, mut respond))) = accepted else { return };
                            let head =
                                http::Response::builder().header("content-type", "text/event-stream");
                            let mut body =
                                respond.send_response(head.body(()).unwrap(), false).unwrap();
                            body.send_data(Bytes::from_static(b"data: x\n\n"), false).unwrap();
                            bodies.push(body);
                        }
                    }
                }
                // The socket stays open; nobody answers its pings any more.
                std::future::pending::<()>().await;
            });
        }
    });
    let client = HttpClient::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let mut stream = eager(url).http_client(client).build().unwrap();
    opened(&mut stream).await;
    event(&mut stream).await;
    die.send(true).unwrap();
    tokio::time::pause();
    let item = tokio::time::timeout(6 * LONG, stream.next()).await.expect("it is noticed");
    tokio::time::resume();
    let Some(Ok(sse_client::StreamItem::Disconnected(lost))) = item else { panic!("{item:?}") };
    assert!(lost.was_open && !lost.error.is_end_of_body(), "{lost:?}");
    opened(&mut stream).await;
    event(&mut stream).await;
}
