//! The gateway with its file store, killed again and again while lp-client follows and publishes.
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use lp_client::{Client, ClientBuilder, HttpClient, Item, Poll, Position, RetryPolicy};

use crate::peers;

const KILLS: u32 = 5;

fn builder(address: SocketAddr) -> ClientBuilder {
    Client::builder(format!("http://{address}/events"))
        .publish_url(format!("http://{address}/publish"))
        .http_client(HttpClient::builder().no_proxy().build().unwrap())
        .retry(RetryPolicy::new().base(Duration::from_millis(100)))
        .poll_timeout(Duration::from_secs(1))
}

/// Publishes numbers until it is told to stop; those that were acknowledged, and how many it tried.
/// One that failed may have been taken, and is not sent again.
async fn publish(address: SocketAddr, stop: Arc<AtomicBool>) -> (BTreeSet<u32>, u32) {
    let client = builder(address).build().unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut tried = 0;
    while !stop.load(Ordering::SeqCst) {
        match client.publish("a", &tried).await {
            Ok(_) => drop(acknowledged.insert(tried)),
            Err(error) => {
                assert!(error.is_retryable(), "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        tried += 1;
    }
    (acknowledged, tried)
}

/// Follows to the event that says `end`; the numbers before it.
async fn follow(client: Client) -> Vec<u32> {
    let mut follow = client.follow(Poll::new("a").position(Position::oldest())).unwrap();
    let mut seen = Vec::new();
    loop {
        match follow.next().await.unwrap().unwrap() {
            Item::Event(event) => match event.json::<u32>() {
                Ok(number) => seen.push(number),
                Err(_) => return seen,
            },
            Item::Gap(gap) => panic!("{gap:?} after {:?}", seen.last()),
            Item::Disconnected(lost) => assert!(lost.error.is_retryable(), "{lost:?}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_event_is_lost_and_none_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let broker = format!("file:{}", folder.path().join("events").display());
    let args = ["--broker", &broker, "--sync", "always", "--history", "100000"];
    let mut server = peers::gateway(&args);
    let address = server.addr();
    let listen = format!("--listen={address}");

    let stop = Arc::new(AtomicBool::new(false));
    let publisher = tokio::spawn(publish(address, Arc::clone(&stop)));
    let strict = builder(address).build().unwrap();
    let golongpoll = builder(address).header("accept", "application/json").build().unwrap();
    let followers = [strict, golongpoll].map(|client| tokio::spawn(follow(client)));
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(200..600))).await;
        // Its drop is a kill.
        tokio::task::block_in_place(|| drop(server));
        server = tokio::task::block_in_place(|| peers::gateway(&[&args[..], &[&listen]].concat()));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    let (acknowledged, tried) = publisher.await.unwrap();
    assert!(acknowledged.len() > 50, "{} of {tried}", acknowledged.len());
    builder(address).build().unwrap().publish("a", "end").await.unwrap();

    for follower in followers {
        let seen = tokio::time::timeout(Duration::from_secs(30), follower).await.unwrap().unwrap();
        assert!(seen.is_sorted_by(|a, b| a < b), "out of order, or twice");
        let lost: Vec<_> = acknowledged.iter().filter(|n| seen.binary_search(n).is_err()).collect();
        assert!(lost.is_empty(), "{} of {tried}: {lost:?}", lost.len());
    }
    drop(server);
}
