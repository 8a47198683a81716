//! The client with callbacks.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rt_testkit::server::Server;
use sse_client::{Client, EventStream, Method};
use support::scripted::Script;
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
async fn comments_and_the_wished_wait_have_callbacks() {
    let server = Server::start(|connection| {
        connection.request();
        match connection.index() {
            0 => connection.open_event_stream() && connection.send(": hi\nretry: 20\n\n"),
            _ => connection.answer(204, "", ""),
        };
    });
    let client = Client::from_builder(eager(server.url("/"))).unwrap();
    let mut notes = noting(&client);
    let (sender, mut others) = mpsc::unbounded_channel();
    let to = sender.clone();
    client.on_comment(move |text| drop(to.send(format!("comment {text:?}"))));
    client.on_retry(move |wait| drop(sender.send(format!("retry {wait:?}"))));
    client.start().unwrap();
    assert_eq!(note(&mut others).await, "comment \" hi\"");
    assert_eq!(note(&mut others).await, "retry 20ms");
    for expected in ["connection", "disconnect: the server ended the stream", "exit"] {
        assert_eq!(note(&mut notes).await, expected);
    }
}

#[tokio::test]
async fn a_response_that_starts_over_is_an_error_and_the_client_continues() {
    let script = Script::default();
    let (cut, whole) = (script.stream(), script.stream());
    cut.send(Ok("data: Hel\n\n".into())).unwrap();
    whole.send(Ok("data: Hello\n\ndata: [DONE]\n\n".into())).unwrap();
    drop((cut, whole));
    let builder = EventStream::builder("http://h/").http_client(script.client()).retry(at_once());
    let builder = builder.body("{}").sentinel("[DONE]").reconnect(sse_client::Reconnect::Always);
    let client = Client::from_builder(builder).unwrap();
    let (sender, mut notes) = mpsc::unbounded_channel();
    let to = sender.clone();
    client.on_event("message", move |event| drop(to.send(event.data().to_owned())));
    let to = sender.clone();
    client.on_connection(move || drop(to.send("open".into())));
    client.on_error(move |error| drop(sender.send(format!("restarted {}", error.is_restarted()))));
    client.start().unwrap();
    for expected in ["open", "Hel", "restarted true", "open", "Hello"] {
        assert_eq!(note(&mut notes).await, expected);
    }
    client.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn new_waits_its_delay_each_time() {
    let script = Script::default();
    (0..4).for_each(|_| script.refuse());
    script.status(204, "x", "y");
    let delay = Duration::from_secs(7);
    let builder = EventStream::builder("http://h/").http_client(script.client());
    let builder = builder.retry(sse_client::RetryPolicy::fixed(delay));
    let client = Client::from_builder(builder).unwrap();
    client.start().unwrap();
    client.stopped().await;
    let times: Vec<_> = script.seen.lock().unwrap().iter().map(|seen| seen.0).collect();
    assert_eq!(times.len(), 5);
    for pair in times.windows(2) {
        let waited = pair[1] - pair[0];
        assert!(waited >= delay && waited < delay + Duration::from_millis(5), "{waited:?}");
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
    assert!(error.to_string().starts_with("start needs a Tokio runtime"), "{error}");
}

#[tokio::test]
async fn it_may_be_started_again_when_it_has_stopped() {
    let server = Server::start(|connection| {
        connection.request();
        connection.answer(204, "", "");
    });
    let client = Arc::new(Client::from_builder(eager(server.url("/"))).unwrap());
    let mut notes = noting(&client);
    let weak = Arc::downgrade(&client);
    let mut runs = 0;
    client.on_exit(move || {
        runs += 1;
        if runs < 3 {
            weak.upgrade().unwrap().start().unwrap();
        }
    });
    client.start().unwrap();
    for _ in 0..3 {
        assert_eq!(note(&mut notes).await, "exit");
    }
    client.stopped().await;
    assert!(notes.try_recv().is_err());
}

#[tokio::test]
async fn a_stop_handle_in_a_callback_does_not_keep_the_client() {
    let client = Client::from_builder(eager("http://127.0.0.1:1/")).unwrap();
    let held = Arc::new(());
    let (stop, in_callback) = (client.stop_handle(), Arc::clone(&held));
    client.on_event("message", move |_| {
        let _ = &in_callback;
        stop.stop();
    });
    let stop = client.stop_handle();
    drop(client);
    assert_eq!(Arc::strong_count(&held), 1);
    stop.stop();
}

#[tokio::test]
async fn an_event_that_is_too_large_is_an_error_and_a_loss_that_ends_it_is_told() {
    let server = Server::start(|connection| {
        connection.request();
        connection.open_event_stream();
        connection.send(format!("data: {}\n\ndata: small\n\n", "x".repeat(5_000)));
    });
    let builder = eager(server.url("/")).max_event_bytes(1_000).retry(at_once().max_retries(0));
    let client = Client::from_builder(builder).unwrap();
    let (sender, mut notes) = mpsc::unbounded_channel();
    let to = sender.clone();
    client.on_error(move |error| {
        drop(to.send(match error.is_too_large() {
            true => format!("too large: {error}"),
            false => format!("error: {error}"),
        }));
    });
    let to = sender.clone();
    client.on_event("message", move |event| drop(to.send(event.data().to_owned())));
    client.on_disconnect(move |error| {
        drop(sender.send(format!("disconnect: {}", error.is_end_of_body())));
    });
    client.start().unwrap();
    for expected in [
        "too large: an event was larger than 1000 bytes and was skipped: raise `max_event_bytes` to receive it",
        "small",
        "disconnect: true",
        "error: gave up after 0 retries: the server ended the stream",
    ] {
        assert_eq!(note(&mut notes).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_without_an_event_is_resumed_from() {
    let script = Script::default();
    let body = script.stream();
    script.status(204, "x", "y");
    let builder = EventStream::builder("http://h/").http_client(script.client());
    let client = Client::from_builder(builder).unwrap();
    client.start().unwrap();
    body.send(Ok("id: 5\n\n".into())).unwrap();
    // Paused time moves once nobody has anything left to do.
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.stop();
    client.stopped().await;
    client.start().unwrap();
    client.stopped().await;
    assert_eq!(script.seen.lock().unwrap()[1].1.headers()["last-event-id"], "5");
}

#[tokio::test]
async fn a_callback_that_panics_ends_it_with_the_exit_callbacks() {
    let server = Server::start(|connection| {
        connection.request();
        connection.open_event_stream();
        connection.send("data: 1\n\ndata: 2\n\n");
        connection.wait_closed();
    });
    let client = Client::from_builder(eager(server.url("/"))).unwrap();
    let mut notes = noting(&client);
    client.on_event("message", |_| panic!("this panic is part of the test"));
    client.start().unwrap();
    client.stopped().await;
    for expected in ["connection", "message 1", "exit"] {
        assert_eq!(note(&mut notes).await, expected);
    }
    assert!(notes.try_recv().is_err());
}

/// The runtime may drop the task before it ever runs.
#[test]
fn nobody_waits_for_a_client_whose_runtime_is_gone() {
    let client = Client::from_builder(eager("http://127.0.0.1:1/")).unwrap();
    let short = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    {
        let _inside = short.enter();
        client.start().unwrap();
    }
    drop(short);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(async {
        let stopped = tokio::time::timeout(Duration::from_secs(10), client.stopped());
        stopped.await.expect("it has stopped");
    });
}

#[test]
fn the_end_of_the_runtime_is_an_exit() {
    let server = Server::start(|connection| {
        connection.request();
        connection.open_event_stream();
        connection.wait_closed();
    });
    let client = Client::from_builder(eager(server.url("/"))).unwrap();
    let mut notes = noting(&client);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        client.start().unwrap();
        assert_eq!(note(&mut notes).await, "connection");
    });
    drop(runtime);
    assert_eq!(notes.try_recv().as_deref(), Ok("exit"));
}
