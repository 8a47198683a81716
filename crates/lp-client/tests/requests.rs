//! What goes over the wire, with a scripted server.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::error::Error as _;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use lp_client::{Client, ClientBuilder, HttpClient, Item, Poll, Position, Secret};
use rt_testkit::server::{Connection, Received, Server};

const QUIET: &str = r#"{"timeout":"no events before timeout","timestamp":5}"#;
const ID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

/// A server that keeps its connections and answers each request so; what it got, and over which
/// connection.
fn server(
    answer: impl Fn(&Received) -> (u16, String) + Send + Sync + 'static,
) -> (Server, Receiver<(usize, Received)>) {
    let (sender, received) = channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |connection: &mut Connection| {
        while let Some(request) = connection.request() {
            let (status, body) = answer(&request);
            let length = body.len();
            sender.lock().unwrap().send((connection.index(), request)).unwrap();
            connection
                .send(format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}"));
        }
    });
    (server, received)
}

fn always(status: u16, body: &str) -> (Server, Receiver<(usize, Received)>) {
    let body = body.to_owned();
    server(move |_| (status, body.clone()))
}

fn builder(server: &Server) -> ClientBuilder {
    Client::builder(server.url("/events"))
        .publish_url(server.url("/publish"))
        .http_client(HttpClient::builder().no_proxy().build().unwrap())
}

#[tokio::test]
async fn a_header_may_have_several_values() {
    let (server, received) = always(200, QUIET);
    let mut headers = http::HeaderMap::new();
    for value in ["a", "b"] {
        headers.append("x-tag", value.parse().unwrap());
    }
    let client = builder(&server).header("x-tag", "old").headers(headers).header("x-one", "1");
    client.build().unwrap().subscribe("new").await.unwrap();
    let (_, request) = received.recv().unwrap();
    let tags: Vec<_> = request.headers.iter().filter(|(name, _)| name == "x-tag").collect();
    assert_eq!(tags.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(request.header("x-one"), Some("1"));
}

#[tokio::test]
async fn a_poll_is_a_get_that_asks_for_both_forms() {
    let (server, received) = always(200, QUIET);
    let url =
        server.url("/events?tenant=a%20b&timeout=9&category=old&since_time=1&last_id=x&cursor=c");
    let client =
        Client::builder(url).http_client(HttpClient::builder().no_proxy().build().unwrap());
    let client = client.header("x-one", "1").build().unwrap();
    client.subscribe("new").await.unwrap();
    let (_, request) = received.recv().unwrap();
    assert_eq!(request.method, "GET");
    assert_eq!(request.target, "/events?tenant=a+b&timeout=45&category=new");
    for (name, value) in [
        ("accept", "application/vnd.longpoll+json, application/json;q=0.9"),
        ("cache-control", "no-cache"),
        ("x-one", "1"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let client = builder(&server).header("accept", "application/json").build().unwrap();
    client.subscribe("new").await.unwrap();
    assert_eq!(received.recv().unwrap().1.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let (server, received) = always(401, r#"{"error":"who?"}"#);
    let basic = Some("Basic YW5uOnAkczp0");
    let builder = builder(&server).basic_auth("ann", Secret::new("p$s:t")).header("x-key", "t0p");
    let shown = format!("{builder:?}");
    let client = builder.build().unwrap();
    let error = client.subscribe("a").await.unwrap_err();
    let mut shown = format!("{shown} {client:?} {error} {error:?}");
    assert_eq!((error.status().unwrap().as_u16(), error.refusal()), (401, Some("who?")));
    let (_, request) = received.recv().unwrap();
    assert_eq!((request.header("authorization"), request.header("x-key")), (basic, Some("t0p")));
    client.publish("a", &1).await.unwrap_err();
    assert_eq!(received.recv().unwrap().1.header("authorization"), basic);

    // In the URL, as people paste it; and a token in its query.
    let url = format!("http://ann:p%24s%3At@{}/events?token=t0p", server.addr());
    let client =
        Client::builder(&url).http_client(HttpClient::builder().no_proxy().build().unwrap());
    let client = client.build().unwrap();
    let error = client.subscribe("a").await.unwrap_err();
    shown += &format!("{client:?} {error} {error:?}");
    let (_, request) = received.recv().unwrap();
    assert_eq!(request.header("authorization"), basic);
    assert_eq!(request.target, "/events?token=t0p&timeout=45&category=a");
    for secret in ["p$s", "p%24s", "YW5u", "t0p"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn what_is_described_wrongly_is_told_before_anything_is_sent() {
    for builder in [
        Client::builder("nonsense"),
        Client::builder("ftp://h/events"),
        Client::builder("http://h/events").publish_url("/publish"),
        Client::builder("http://h/events").poll_timeout(Duration::from_millis(1_500)),
        Client::builder("http://h/events").poll_timeout(Duration::ZERO),
        Client::builder("http://h/events").basic_auth("a:b", "c"),
        Client::builder("http://h/events").header("a b", "c"),
        Client::builder("http://h/events").header("x-key", "secret\n"),
    ] {
        let error = builder.build().unwrap_err();
        assert!(error.is_builder() && !error.to_string().contains("secret"), "{error}");
    }
    let client = Client::publisher("http://h/publish").build().unwrap();
    assert!(client.subscribe("a").await.unwrap_err().is_builder());
    assert!(client.follow("a").unwrap_err().is_builder());
    let client = Client::new("http://h/events").unwrap();
    assert!(client.publish("a", &1).await.unwrap_err().is_builder());
}

/// The other client made a pool a call: 50 calls left 50 connections.
#[tokio::test]
async fn fifty_calls_share_one_connection() {
    let (server, received) = server(|request| match request.method.as_str() {
        "POST" => (200, r#"{"success": true}"#.into()),
        _ => (200, QUIET.into()),
    });
    let client = builder(&server).build().unwrap();
    for _ in 0..25 {
        client.subscribe("a").await.unwrap();
        client.clone().publish("a", &1).await.unwrap();
    }
    let connections: Vec<_> = received.try_iter().map(|(connection, _)| connection).collect();
    assert_eq!(connections, [0; 50]);
}

/// The other client lost the whole batch to data that was no string.
#[tokio::test]
async fn data_of_any_shape_costs_nothing_but_itself() {
    let event = |n: u8, data: &str| {
        format!(r#"{{"timestamp":{n},"category":"a","data":{data},"id":"{}{n}"}}"#, &ID[..35])
    };
    let events: Vec<_> = ["1", r#""x""#, r#"{"n":2}"#, "null", "[]", "3"]
        .iter()
        .zip(0..)
        .map(|(data, n)| event(n, data))
        .collect();
    let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
    let (server, _received) = always(200, &body);
    let client = builder(&server).build().unwrap();
    let answer = client.subscribe("a").await.unwrap();
    let numbers: Vec<_> = answer.events().iter().map(|event| event.json::<u8>().ok()).collect();
    assert_eq!(numbers, [Some(1), None, None, None, None, Some(3)]);
    let error = answer.events()[1].json::<u8>().unwrap_err();
    assert!(error.is_json() && error.source().is_some());
    let typed = answer.into_events().remove(2).typed::<serde_json::Value>().unwrap();
    assert_eq!(typed.data["n"], 2);

    let follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    let seen: Vec<_> = follow.events().take(6).try_collect().await.unwrap();
    assert_eq!(seen.iter().filter(|event| event.json::<u8>().is_ok()).count(), 2);
}

/// To the other client an error looked like a poll in which nothing happened.
#[tokio::test]
async fn an_error_is_no_quiet_poll() {
    let words = "Invalid or missing 'timeout' arg.  Must be 1-110.";
    let (server, _received) = always(200, &format!(r#"{{"error": "{words}"}}"#));
    let client = builder(&server).build().unwrap();
    let error = client.subscribe("a").await.unwrap_err();
    assert_eq!(error.refusal(), Some(words));
    assert_eq!(error.to_string(), format!("the server refused the poll: {words}"));
    let mut follow = client.follow("a").unwrap();
    assert!(follow.next().await.unwrap().unwrap_err().is_refused());
}

/// A time-out in the other client's documentation is a 204, and in its code a 200 without events.
#[tokio::test]
async fn a_timeout_is_known_in_each_of_its_forms() {
    for (status, body) in [(200, QUIET), (204, ""), (200, r#"{"events":[]}"#)] {
        let (server, _received) = always(status, body);
        let answer = builder(&server).build().unwrap().subscribe("a").await.unwrap();
        assert!(answer.is_timeout() && answer.events().is_empty(), "{status} {body}");
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-length"], body.len().to_string());
    }
}

#[tokio::test]
async fn a_publication_is_posted_once_and_its_answer_told() {
    let (server, received) = always(200, r#"{"success": true}"#);
    let client = builder(&server).build().unwrap();
    let published = client.publish("ä \"b\"", &serde_json::json!({"n": [1, null]})).await.unwrap();
    assert_eq!(
        (published.status.as_u16(), &published.body[..]),
        (200, &br#"{"success": true}"#[..])
    );
    assert_eq!(published.headers["content-length"], "17");
    let (_, request) = received.recv().unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/publish"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_ne!(
        request.header("accept"),
        Some("application/vnd.longpoll+json, application/json;q=0.9")
    );
    assert_eq!(request.body, r#"{"category":"ä \"b\"","data":{"n":[1,null]}}"#.as_bytes());
    // What merely ends like null is data.
    client.publish("a", r#","data":null}"#).await.unwrap();
    client.publish("a", &serde_json::json!([null])).await.unwrap();
    for error in [
        client.publish("a", &()).await.unwrap_err(),
        client.publish("a", &serde_json::Value::Null).await.unwrap_err(),
        client.publish("", &1).await.unwrap_err(),
        client.publish(&"x".repeat(1_025), &1).await.unwrap_err(),
    ] {
        assert!(error.is_builder(), "{error}");
    }
    assert_eq!(received.try_iter().count(), 2);
}

#[tokio::test]
async fn a_publication_that_was_no_success_is_an_error() {
    for (status, body, refusal) in [
        (400, r#"{"error": "Invalid POST body json."}"#, Some("Invalid POST body json.")),
        (
            405,
            r#"{"error": "Invalid HTTP Method. Only POST allowed."}"#,
            Some("Invalid HTTP Method. Only POST allowed."),
        ),
        (503, r#"{"error":"full"}"#, Some("full")),
        (200, r#"{"error": "no"}"#, Some("no")),
        (200, r#"{"success": false}"#, None),
        (200, "<html>", None),
        (204, "", None),
        (500, "oops", None),
    ] {
        let (server, received) = always(status, body);
        let error = builder(&server).build().unwrap().publish("a", &1).await.unwrap_err();
        assert_eq!(error.refusal(), refusal, "{status} {body}");
        assert_eq!(error.status().map(|s| s.as_u16()), (status >= 400).then_some(status));
        assert_eq!(received.try_iter().count(), 1, "it is never sent twice");
    }
}

#[tokio::test]
async fn an_answer_beyond_the_bound_is_an_error_and_ends_a_follower() {
    let body = format!(r#"{{"events":[],"x":"{}"}}"#, "y".repeat(100_000));
    let (server, _received) = always(200, &body);
    let client = builder(&server).max_answer_bytes(10_000).build().unwrap();
    let error = client.subscribe("a").await.unwrap_err();
    assert!(error.is_too_large() && !error.is_retryable(), "{error:?}");
    let mut follow = client.follow("a").unwrap();
    assert!(follow.next().await.unwrap().unwrap_err().is_too_large());
    let client = builder(&server).max_answer_bytes(body.len()).build().unwrap();
    client.subscribe("a").await.unwrap();
}

/// An answer that is cut is made again, and nothing of it is handed out.
#[tokio::test]
async fn an_answer_that_is_cut_is_asked_for_again() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let targets = Arc::clone(&asked);
    let server = Server::start(move |connection: &mut Connection| {
        let Some(request) = connection.request() else { return };
        targets.lock().unwrap().push(request.target);
        let body =
            format!(r#"{{"events":[{{"timestamp":7,"category":"a","data":1,"id":"{ID}"}}]}}"#);
        match connection.index() {
            0 => connection.send(format!("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{body}")),
            _ => connection.answer(200, "", &body),
        };
    });
    let client = builder(&server).build().unwrap();
    let start = Position::since(5);
    let mut follow = client.follow(Poll::new("a").position(start.clone())).unwrap();
    let lost = follow.next().await.unwrap().unwrap();
    assert!(matches!(&lost, Item::Disconnected(lost) if lost.error.is_retryable()), "{lost:?}");
    assert_eq!(*follow.position(), start);
    assert!(matches!(follow.next().await.unwrap().unwrap(), Item::Event(_)));
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], asked[1]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, received) = always(200, QUIET);
    let to = elsewhere.url("/events?token=t0p");
    let server = Server::start(move |connection: &mut Connection| {
        connection.request();
        connection.answer(307, &format!("location: {to}\r\n"), "");
    });
    let client = builder(&server).basic_auth("ann", "pw").build().unwrap();
    for error in
        [client.subscribe("a").await.unwrap_err(), client.publish("a", &1).await.unwrap_err()]
    {
        assert!(error.is_redirect() && !error.is_retryable(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&elsewhere.addr().to_string()) && !text.contains("t0p"), "{text}");
    }
    assert_eq!(received.try_iter().count(), 0);
}

#[tokio::test]
async fn a_gap_in_golongpolls_form_is_told_by_its_header() {
    let server = Server::start(|connection: &mut Connection| {
        connection.request();
        connection.answer(200, "longpoll-gap: evicted\r\n", QUIET);
    });
    let answer = builder(&server).build().unwrap().subscribe("a").await.unwrap();
    assert_eq!(answer.gaps()[0].reason, "evicted");
    assert!(!answer.is_timeout());
}

#[tokio::test]
async fn the_default_client_names_itself_unless_the_user_does() {
    let (server, received) = always(200, QUIET);
    for (agent, expected) in
        [(None, concat!("lp-client/", env!("CARGO_PKG_VERSION"))), (Some("probe/1"), "probe/1")]
    {
        let mut client = Client::builder(server.url("/events"));
        if let Some(agent) = agent {
            client = client.header("user-agent", agent);
        }
        client.build().unwrap().subscribe("news").await.unwrap();
        assert_eq!(received.recv().unwrap().1.header("user-agent"), Some(expected));
    }
}
