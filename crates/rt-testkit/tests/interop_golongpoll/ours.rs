//! lp-client with golongpoll's own server.
use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll as Ready};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, Uri};
use lp_client::{
    Client, ClientBuilder, Event, Follow, HttpClient, HttpError, Item, Poll, Position,
};
use serde_json::{Value, json};

use crate::peers::{self, Peer};

const SECOND: Duration = Duration::from_secs(1);

fn builder(server: &Peer) -> ClientBuilder {
    Client::builder(server.url("/events"))
        .publish_url(server.url("/publish"))
        .http_client(HttpClient::builder().no_proxy().build().unwrap())
        .poll_timeout(SECOND)
}

async fn item(follow: &mut Follow) -> Item {
    let next = tokio::time::timeout(20 * SECOND, follow.next());
    next.await.expect("something happens").expect("it goes on").expect("no error")
}

/// The next event; polls without any are passed over. `None` if there is none for long.
async fn some_event(follow: &mut Follow) -> Option<Event> {
    let next = async {
        loop {
            match item(follow).await {
                Item::Event(event) => return event,
                Item::Quiet => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(8 * SECOND, next).await.ok()
}

async fn event(follow: &mut Follow) -> Event {
    some_event(follow).await.expect("an event")
}

#[tokio::test]
async fn what_is_published_is_followed_whatever_its_data() {
    let server = peers::golongpoll(&[]);
    let client = builder(&server).build().unwrap();
    let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    let datas = [
        json!({"n": 1, "text": "ü\n\"<&>"}),
        json!(["two", null]),
        json!("three"),
        json!(false),
        json!(0),
        json!(""),
        json!({}),
        json!([]),
        json!(1.5),
    ];
    for data in &datas {
        let published = client.publish("a", data).await.unwrap();
        assert_eq!(published.status, 200);
        assert_eq!(published.body, r#"{"success": true}"#);
        assert_eq!(published.headers["content-type"], "application/json");
        let got = event(&mut follow).await;
        assert_eq!((got.json::<Value>().unwrap(), got.category.as_str()), (data.clone(), "a"));
    }
    // A category that needs escaping, and a client that reads only that.
    let odd = "b c&d=é/+%";
    client.publish(odd, &1).await.unwrap();
    let answer = client.subscribe(Poll::new(odd).position(Position::oldest())).await.unwrap();
    assert_eq!((answer.events().len(), answer.events()[0].category.as_str()), (1, odd));
}

#[tokio::test]
async fn one_poll_tells_all_of_its_answer() {
    let server = peers::golongpoll(&[]);
    let client = builder(&server).build().unwrap();
    let quiet = client.subscribe("a").await.unwrap();
    assert!(quiet.is_timeout() && quiet.events().is_empty() && quiet.gaps().is_empty());
    assert_eq!(quiet.status(), 200);
    assert_eq!(quiet.headers()["expires"], "0");
    for n in 0..3 {
        client.publish("a", &n).await.unwrap();
    }
    // What came since the last poll, by its position.
    let poll = Poll::new("a").position(quiet.position().clone());
    let answer = client.subscribe(poll).await.unwrap();
    assert!(!answer.is_timeout());
    let seen: Vec<u8> = answer.events().iter().map(|event| event.json().unwrap()).collect();
    assert_eq!(seen, [0, 1, 2]);
    let next = Poll::new("a").position(answer.position().clone());
    assert!(client.subscribe(next).await.unwrap().is_timeout());
}

#[tokio::test]
async fn quiet_polls_go_on_until_there_is_an_event() {
    let server = peers::golongpoll(&[]);
    let client = builder(&server).margin(SECOND).build().unwrap();
    let mut follow = client.follow("a").unwrap();
    let mut before = Position::now();
    for _ in 0..2 {
        assert!(matches!(item(&mut follow).await, Item::Quiet));
        assert_ne!(*follow.position(), before, "the position moves with the server's time");
        before.clone_from(follow.position());
    }
    client.publish("a", &"late").await.unwrap();
    assert_eq!(event(&mut follow).await.json::<String>().unwrap(), "late");
}

#[tokio::test]
async fn a_saved_position_leads_on_exactly() {
    let server = peers::golongpoll(&["-buffer", "1000"]);
    let client = builder(&server).build().unwrap();
    // Many in a millisecond: the time alone would not do.
    for n in 0..100 {
        client.publish("a", &n).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut position = Position::oldest().to_string();
    // It ends and starts again in the middle of batches, too.
    for take in [1, 2, 7, 30, 59, 1] {
        let start = position.parse().unwrap();
        let mut follow = client.follow(Poll::new("a").position(start)).unwrap();
        if seen.len() == 99 {
            client.publish("a", &100).await.unwrap();
        }
        for _ in 0..take {
            seen.push(event(&mut follow).await.json::<u32>().unwrap());
        }
        position = follow.position().to_string();
    }
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_thousand_events_reach_several_followers_in_order() {
    const EVENTS: u32 = 1_000;
    let server = peers::golongpoll(&["-buffer", "2000"]);
    let client = builder(&server).build().unwrap();
    let followers = (0..4).map(|_| {
        let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < EVENTS as usize {
                seen.push(event(&mut follow).await.json::<u32>().unwrap());
            }
            seen
        })
    });
    let followers: Vec<_> = followers.collect();
    for n in 0..EVENTS {
        client.publish("a", &n).await.unwrap();
    }
    for follower in followers {
        assert_eq!(follower.await.unwrap(), (0..EVENTS).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_servers_words_are_the_error() {
    let server = peers::golongpoll(&["-max-timeout", "5"]);
    let client = builder(&server).build().unwrap();
    let long = client.subscribe(Poll::new("a").timeout(6 * SECOND)).await.unwrap_err();
    assert_eq!(long.refusal(), Some("Invalid or missing 'timeout' arg.  Must be 1-5."));
    assert!(long.is_refused() && !long.is_retryable());
    // A follower ends with it, instead of asking for ever.
    let mut follow = client.follow(Poll::new("a").timeout(6 * SECOND)).unwrap();
    let error = follow.next().await.unwrap().unwrap_err();
    assert_eq!(error.refusal(), long.refusal());
    assert!(follow.next().await.is_none());

    // What this client does not send: a page of words in the place of the endpoint.
    for (query, words) in [
        ("timeout=1", "Invalid subscription category, must be 1-1024 characters long."),
        ("timeout=1&category=a&since_time=x", "Invalid 'since_time' arg."),
        (
            "timeout=1&category=a&last_id=x",
            "Must provide 'since_time' arg when providing 'last_id'.",
        ),
        ("timeout=1&category=a&since_time=1&last_id=x", "Param 'last_id' was not a valid UUID."),
    ] {
        let client = builder_with_query(&server, query);
        let error = client.subscribe("a").await.unwrap_err();
        assert_eq!(error.refusal(), Some(words), "{query}");
        assert!(!error.is_retryable(), "{query}");
    }

    // A publication to the wrong endpoint, and one that this client refuses by itself.
    let wrong = Client::publisher(server.url("/events"));
    let wrong = wrong.http_client(HttpClient::builder().no_proxy().build().unwrap());
    let error = wrong.build().unwrap().publish("a", &1).await.unwrap_err();
    assert!(error.is_refused() && !error.is_retryable(), "{error:?}");
    assert!(client.publish("a", &Value::Null).await.unwrap_err().is_builder());
    assert!(client.publish("", &1).await.unwrap_err().is_builder());
}

/// A client whose polls have this query, whatever it asks.
fn builder_with_query(server: &Peer, query: &'static str) -> Client {
    let http = HttpClient::builder().no_proxy().build().unwrap();
    let uri = server.url(&format!("/events?{query}")).parse().unwrap();
    let http = HttpClient::from_service::<Bytes, _, _>(Elsewhere { http, uri });
    Client::builder(server.url("/events")).http_client(http).build().unwrap()
}

/// Sends every request to this URL.
#[derive(Clone)]
struct Elsewhere {
    http: HttpClient,
    uri: Uri,
}

impl tower_service::Service<Request<Bytes>> for Elsewhere {
    type Response = Response<rt_common::Body>;
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, HttpError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Ready<Result<(), HttpError>> {
        Ready::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let Self { http, uri } = self.clone();
        *request.uri_mut() = uri;
        Box::pin(async move { http.send(request).await })
    }
}

#[tokio::test]
async fn several_categories_are_an_error_and_soon() {
    let server = peers::golongpoll(&[]);
    let client = builder(&server).poll_timeout(45 * SECOND).build().unwrap();
    let mut follow = client.follow(Poll::new("a").and("b")).unwrap();
    let start = Instant::now();
    let error = follow.next().await.unwrap().unwrap_err();
    assert!(error.is_one_category(), "{error}");
    assert!(start.elapsed() < 10 * SECOND);
}

#[tokio::test]
async fn basic_authorization() {
    let server = peers::golongpoll(&["-user", "ann:p:ä"]);
    let client = builder(&server).basic_auth("ann", "p:ä").build().unwrap();
    client.publish("a", &1).await.unwrap();
    let poll = || Poll::new("a").position(Position::oldest());
    assert_eq!(client.subscribe(poll()).await.unwrap().events().len(), 1);
    for client in [builder(&server), builder(&server).basic_auth("ann", "guess")] {
        let client = client.build().unwrap();
        let error = client.subscribe(poll()).await.unwrap_err();
        assert_eq!(
            (error.status().map(|s| s.as_u16()), error.body()),
            (Some(401), &b"who are you?\n"[..])
        );
        assert_eq!(client.publish("a", &1).await.unwrap_err().status().unwrap(), 401);
        let mut follow = client.follow(poll()).unwrap();
        assert_eq!(follow.next().await.unwrap().unwrap_err().status().unwrap(), 401);
        assert!(follow.next().await.is_none());
    }
}

/// golongpoll forgets a waiter before it stamps the end of the wait: what comes in between is lost
/// for its own clients. Here events are aimed at the deadlines of quiet polls.
#[tokio::test]
async fn no_event_is_lost_around_a_deadline() {
    const EVENTS: usize = 400;
    let server = peers::golongpoll(&["-buffer", "2000"]);
    let client = builder(&server).build().unwrap();
    let followers: Vec<_> = (0..EVENTS)
        .map(|n| {
            let client = client.clone();
            // From -0.5 to 3.5 ms around the deadline of its first poll.
            let aim = Duration::from_micros(999_500 + (n as u64 * 4_000 / EVENTS as u64));
            tokio::spawn(async move {
                // Started over some seconds: what races is the server, not this machine.
                tokio::time::sleep(Duration::from_millis(5 * n as u64)).await;
                let category = format!("c{n}");
                let start = Position::since(now());
                let mut follow = client.follow(Poll::new(&category).position(start)).unwrap();
                let publish = async {
                    tokio::time::sleep(aim).await;
                    client.publish(&category, &1).await.unwrap();
                    client.publish(&category, &2).await.unwrap();
                };
                let read = async {
                    let first = some_event(&mut follow).await?.json::<u8>().unwrap();
                    Some((first, some_event(&mut follow).await?.json::<u8>().unwrap()))
                };
                tokio::join!(read, publish).0 == Some((1, 2))
            })
        })
        .collect();
    let mut lost = BTreeSet::new();
    for (n, follower) in followers.into_iter().enumerate() {
        if !follower.await.unwrap() {
            lost.insert(n);
        }
    }
    assert!(lost.is_empty(), "{} of {EVENTS} were lost: {lost:?}", lost.len());
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// golongpoll writes to its file at an interrupt; who follows comes back to the same place.
#[tokio::test]
async fn a_restart_of_the_server_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events");
    let file = file.to_str().unwrap();
    let mut server = peers::golongpoll(&["-file", file]);
    let client = builder(&server).build().unwrap();
    let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    for n in 0..10 {
        client.publish("a", &n).await.unwrap();
        assert_eq!(event(&mut follow).await.json::<u32>().unwrap(), n);
    }
    let address = server.addr().to_string();
    // It shuts down with up to some events unwritten (that is its hole); wait for its flush.
    tokio::time::sleep(3 * SECOND).await;
    server.process.interrupt();
    server.process.wait();
    let mut lost = false;
    let server = loop {
        match item(&mut follow).await {
            Item::Disconnected(_) if lost => {
                break peers::golongpoll(&["-file", file, "-addr", &address]);
            }
            Item::Disconnected(gone) => lost = gone.error.is_retryable(),
            Item::Quiet => {}
            other => panic!("{other:?}"),
        }
    };
    let client = builder(&server).build().unwrap();
    client.publish("a", &10).await.unwrap();
    loop {
        match item(&mut follow).await {
            Item::Event(event) => {
                assert_eq!(event.json::<u32>().unwrap(), 10, "nothing comes twice");
                return;
            }
            Item::Disconnected(_) | Item::Quiet => {}
            other => panic!("{other:?}"),
        }
    }
}
