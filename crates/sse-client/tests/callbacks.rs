//! The client with callbacks.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rt_testkit::server::Server;
use sse_client::{Client, Method};
use support::{at_once, eager};
use tokio::sync::mpsc;

/// What the callbacks saw, in order.
fn noting(client: &Client) -> mpsc::UnboundedReceiver<String> {
    let (sender, notes) = mpsc::unbounded_channel();
    let note = move |text: String| drop(sender.send(text));
    let to = note.clone();
    client.on_connection(move || to("connection".into()));
    let to = note.clone();
    client.on_disconnect(move |error| to(format!("disconnect: {error}")));
    let to = note.clone();
    client.on_error(move |error| to(format!("error: {}", error.status().unwrap())));
    let to = note.clone();
    client.on_exit(move || to("exit".into()));
    for name in ["message", "tick"] {
        let to = note.clone();
        client.on_event(name, move |event| to(format!("{name} {}", event.data())));
    }
    notes
}

async fn note(notes: &mut mpsc::UnboundedReceiver<String>) -> String {
    let note = tokio::time::timeout(Duration::from_secs(10), notes.recv());
    note.await.expect("a callback within 10 s").expect("the client lives")
}

#[tokio::test]
async fn callbacks_tell_the_whole_story_in_order() {
    let server = Server::start(|connection| {
        connection.request();
        match connection.index() {
            0 => connection.answer(503, "", ""),
            1 => {
                connection.open_event_stream();
                connection
                    .send("data: 1\n\nevent: tick\ndata: 2\n\nevent: other\ndata: 3\n\ndata: 4\n\n")
            }
            _ => connection.answer(404, "", ""),
        };
    });
    let client = Client::from_builder(eager(server.url("/"))).unwrap();
    let mut notes = noting(&client);
    client.start().unwrap();
    for expected in [
        "error: 503 Service Unavailable",
        "connection",
        "message 1",
        "tick 2",
        "message 4",
        "disconnect: the server ended the stream",
        "error: 404 Not Found",
        "exit",
    ] {
        assert_eq!(note(&mut notes).await, expected);
    }
    client.stopped().await;
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn new_takes_url_method_and_delay() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        assert_eq!(request.method, "POST");
        connection.answer(204, "", "");
    });
    let client = Client::new(server.url("/"), Method::POST, Duration::from_secs(3)).unwrap();
    let mut notes = noting(&client);
    client.start().unwrap();
    assert_eq!(note(&mut notes).await, "exit");
    assert!(Client::new("nonsense", Method::GET, Duration::ZERO).unwrap_err().is_builder());
}

#[tokio::test]
async fn several_callbacks_a_name_run_in_their_order_and_may_register_more() {
    let server = Server::start(|connection| {
        connection.request();
        match connection.index() {
            0 => connection.open_event_stream() && connection.send("data: 1\n\ndata: 2\n\n"),
            _ => connection.answer(204, "", ""),
        };
    });
    let client = Arc::new(Client::from_builder(eager(server.url("/"))).unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (first, second, third) = (seen.clone(), seen.clone(), seen.clone());
    client
        .on_event("message", move |event| first.lock().unwrap().push(format!("a{}", event.data())));
    let weak = Arc::downgrade(&client);
    let mut registered = false;
    client.on_event("message", move |event| {
        second.lock().unwrap().push(format!("b{}", event.data()));
        let third = third.clone();
        if !std::mem::replace(&mut registered, true) {
            weak.upgrade().unwrap().on_event("message", move |event| {
                third.lock().unwrap().push(format!("c{}", event.data()));
            });
        }
    });
    client.start().unwrap();
    client.stopped().await;
    assert_eq!(*seen.lock().unwrap(), ["a1", "b1", "a2", "b2", "c2"]);
}

#[tokio::test]
async fn stop_closes_the_connection_and_start_resumes() {
    let (closed, mut was_closed) = mpsc::unbounded_channel();
    let server = Server::start(move |connection| {
        let request = connection.request().unwrap();
        let _ = closed.send(request.header("last-event-id").map(str::to_owned));
        connection.open_event_stream();
        connection.send("id: 7\ndata: x\n\n");
        connection.wait_closed();
        let _ = closed.send(Some("closed".into()));
    });
    let client = Client::from_builder(eager(server.url("/"))).unwrap();
    let mut notes = noting(&client);
    for resumed_from in [None, Some("7")] {
        client.start().unwrap();
        client.start().unwrap(); // Changes nothing: it runs.
        assert_eq!(was_closed.recv().await.unwrap().as_deref(), resumed_from);
        assert_eq!(note(&mut notes).await, "connection");
        assert_eq!(note(&mut notes).await, "message x");
        client.stop();
        client.stop();
        assert_eq!(note(&mut notes).await, "exit");
        client.stopped().await;
        assert_eq!(was_closed.recv().await.unwrap().as_deref(), Some("closed"));
    }
}

#[tokio::test]
async fn a_callback_may_stop_the_client_and_nothing_follows() {
    let server = Server::start(|connection| {
        connection.request();
        connection.open_event_stream();
        connection.send("data: 1\n\ndata: 2\n\n");
        connection.wait_closed();
    });
    let client = Client::from_builder(eager(server.url("/"))).unwrap();
    let stop = client.stop_handle();
    client.on_event("message", move |_| stop.stop());
    let mut notes = noting(&client);
    client.start().unwrap();
    assert_eq!(note(&mut notes).await, "connection");
    assert_eq!(note(&mut notes).await, "message 1");
    assert_eq!(note(&mut notes).await, "exit");
    client.stopped().await;
    assert!(notes.try_recv().is_err());
}

#[tokio::test]
async fn dropping_the_client_stops_it() {
    let (closed, mut was_closed) = mpsc::unbounded_channel();
    let server = Server::start(move |connection| {
        connection.request();
        connection.open_event_stream();
        connection.wait_closed();
        let _ = closed.send(());
    });
    let client = Client::from_builder(eager(server.url("/")).retry(at_once())).unwrap();
    let mut notes = noting(&client);
    client.start().unwrap();
    assert_eq!(note(&mut notes).await, "connection");
    drop(client);
    assert_eq!(note(&mut notes).await, "exit");
    was_closed.recv().await.unwrap();
}

#[test]
fn start_says_what_it_needs() {
    let client = Client::new("http://127.0.0.1:1/", Method::GET, Duration::ZERO).unwrap();
    let error = client.start().unwrap_err();
    assert_eq!(error.to_string(), "start needs a Tokio runtime");
}
