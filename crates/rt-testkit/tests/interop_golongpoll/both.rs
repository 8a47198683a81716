//! lp-client with our gateway: the stricter form, with its cursors, gaps and several categories.
use std::time::Duration;

use futures_util::StreamExt;
use lp_client::{Client, ClientBuilder, Event, Follow, HttpClient, Item, Poll, Position};

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

async fn event(follow: &mut Follow) -> Event {
    loop {
        match item(follow).await {
            Item::Event(event) => return event,
            Item::Quiet | Item::Disconnected(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn one_poll_has_a_cursor() {
    let server = peers::gateway(&[]);
    let client = builder(&server).build().unwrap();
    let quiet = client.subscribe("a").await.unwrap();
    assert!(quiet.is_timeout());
    assert_eq!(quiet.status(), 204);
    assert!(quiet.position().to_string().starts_with("cursor="), "{}", quiet.position());
    for n in 0..3 {
        client.publish("a", &n).await.unwrap();
    }
    let answer = client.subscribe(Poll::new("a").position(quiet.position().clone())).await.unwrap();
    let seen: Vec<u8> = answer.events().iter().map(|event| event.json().unwrap()).collect();
    assert_eq!((seen.as_slice(), answer.has_more()), (&[0, 1, 2][..], false));
    assert_eq!(answer.headers()["content-type"], "application/vnd.longpoll+json");
}

#[tokio::test]
async fn several_categories_are_followed_and_resumed_within_a_batch() {
    let server = peers::gateway(&[]);
    let client = builder(&server).build().unwrap();
    let poll = || Poll::new("a").and("b").and("c");
    let mut follow = client.follow(poll().position(Position::oldest())).unwrap();
    for n in 0..30 {
        client.publish(["a", "b", "c"][n % 3], &n).await.unwrap();
    }
    let mut position = Position::oldest();
    // In order within a category; between two, the millisecond is all that a server knows.
    let mut seen = [const { Vec::new() }; 3];
    for n in 0..30 {
        // Again and again from the saved text, mostly in the middle of a batch.
        if n % 4 == 3 {
            let saved = position.to_string().parse().unwrap();
            follow = client.follow(poll().position(saved)).unwrap();
        }
        let event = event(&mut follow).await;
        let category = ["a", "b", "c"].iter().position(|name| *name == event.category).unwrap();
        seen[category].push(event.json::<usize>().unwrap());
        position.clone_from(follow.position());
    }
    for (category, seen) in seen.into_iter().enumerate() {
        assert_eq!(seen, (0..30).skip(category).step_by(3).collect::<Vec<_>>());
    }
    client.publish("b", &"end").await.unwrap();
    assert_eq!(event(&mut follow).await.json::<String>().unwrap(), "end");
}

#[tokio::test]
async fn what_is_gone_is_told() {
    let server = peers::gateway(&["--history", "5"]);
    let client = builder(&server).build().unwrap();
    client.publish("a", &0).await.unwrap();
    let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), 0);
    let saved = follow.position().clone();
    drop(follow);
    for n in 1..=20 {
        client.publish("a", &n).await.unwrap();
    }
    let mut follow = client.follow(Poll::new("a").position(saved)).unwrap();
    let Item::Gap(gap) = item(&mut follow).await else { panic!("a gap comes first") };
    assert_eq!((gap.category.as_deref(), gap.reason.as_str()), (Some("a"), "evicted"));
    for n in 16..=20 {
        assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), n);
    }
}

/// The gateway forgets: the history has a new epoch, and that is told.
#[tokio::test]
async fn a_restart_without_a_file_is_a_gap() {
    let server = peers::gateway(&[]);
    let client = builder(&server).build().unwrap();
    let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    client.publish("a", &1).await.unwrap();
    assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), 1);
    let listen = format!("--listen={}", server.addr());
    drop(server);
    let server = peers::gateway(&[&listen]);
    // A publication is never sent twice, so not over a connection that may be gone.
    builder(&server).build().unwrap().publish("a", &2).await.unwrap();
    let gap = loop {
        match item(&mut follow).await {
            Item::Gap(gap) => break gap,
            Item::Disconnected(lost) => assert!(lost.error.is_retryable()),
            Item::Quiet => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(gap.reason, "epoch");
    assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), 2);
}

/// Asked for golongpoll's form, the same server has no cursor, and nothing is lost either.
#[tokio::test]
async fn in_golongpolls_form_too() {
    let server = peers::gateway(&[]);
    let client = builder(&server).header("accept", "application/json").build().unwrap();
    let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    for n in 0..50 {
        client.publish("a", &n).await.unwrap();
    }
    for n in 0..50 {
        assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), n);
    }
    assert!(follow.position().to_string().starts_with("since_time="));
    let refused = client.subscribe(Poll::new("a").and("b")).await.unwrap_err();
    assert!(refused.is_one_category(), "{refused}");
}

/// Another server behind the same URL, to which the cursor means nothing.
#[tokio::test]
async fn golongpoll_in_the_place_of_ours() {
    let server = peers::gateway(&[]);
    let client = builder(&server).build().unwrap();
    let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    client.publish("a", &1).await.unwrap();
    assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), 1);
    assert!(follow.position().to_string().contains("cursor="));
    let address = server.addr().to_string();
    drop(server);
    let server = peers::golongpoll(&["-addr", &address]);
    let client = builder(&server).build().unwrap();
    // Published before it is asked: from now on, as without a position, this would be missed.
    client.publish("a", &2).await.unwrap();
    assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), 2);
    client.publish("a", &3).await.unwrap();
    assert_eq!(event(&mut follow).await.json::<u8>().unwrap(), 3);
    assert!(!follow.position().to_string().contains("cursor="));
}

/// Events aimed at the ends of quiet polls, in both forms.
#[tokio::test]
async fn no_event_is_lost_or_doubled_around_a_deadline() {
    const EVENTS: u64 = 400;
    let server = peers::gateway(&[]);
    let strict = builder(&server).build().unwrap();
    let golongpoll = builder(&server).header("accept", "application/json").build().unwrap();
    let followers = (0..EVENTS).map(|n| {
        let client = if n % 2 == 0 { strict.clone() } else { golongpoll.clone() };
        // From -0.5 to 3.5 ms around the deadline of its first poll.
        let aim = Duration::from_micros(999_500 + n * 4_000 / EVENTS);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5 * n)).await;
            let category = format!("c{n}");
            let start = Poll::new(&category).position(Position::oldest());
            let mut follow = client.follow(start).unwrap();
            let publish = async {
                tokio::time::sleep(aim).await;
                client.publish(&category, &1).await.unwrap();
                client.publish(&category, &2).await.unwrap();
            };
            let read = async {
                let first = event(&mut follow).await.json::<u8>().unwrap();
                (first, event(&mut follow).await.json::<u8>().unwrap())
            };
            let read = tokio::time::timeout(10 * SECOND, read);
            tokio::join!(read, publish).0.is_ok_and(|seen| seen == (1, 2))
        })
    });
    for (n, follower) in followers.collect::<Vec<_>>().into_iter().enumerate() {
        assert!(follower.await.unwrap(), "c{n}");
    }
}
