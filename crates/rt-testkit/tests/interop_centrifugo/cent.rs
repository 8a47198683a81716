//! Python's cent makes the same calls as our client, and both see the same state.
//!
//! `CENT_PYTHON` names a Python that has cent.
use std::process::Command;

use centrifugo_api::token::{ConnectionClaims, Key};
use centrifugo_api::{
    Batch, Broadcast, Channels, Client, Disconnect, History, Publish, Refresh, Subscribe,
    Unsubscribe,
};
use rt_testkit::centrifugo::{Centrifugo, free_port};
use serde_json::{Value, json};

use crate::live::Live;

#[tokio::test]
async fn both_do_the_same_and_see_the_same() {
    let port = free_port();
    let _server = Centrifugo::start(port);
    let url = format!("http://127.0.0.1:{port}/api");
    let client = Client::new(&url, "key").unwrap();
    let token =
        |user: &str| Key::hs256("secret").unwrap().sign(&ConnectionClaims::new(user)).unwrap();
    let subs = json!({"public:ours": {}, "public:theirs": {}});
    let _live = Live::connect(port, &token("42"), &subs).await;

    assert_eq!(make(&client, "public:ours").await, cent(&url, &["make", "public:theirs"]));
    let channels = ["public:ours", "public:ours-b", "public:theirs", "public:theirs-b"];
    let seen = see(&client, &channels).await;
    assert_eq!(seen, cent(&url, &[&["see"], &channels[..]].concat()));
    // And what each of them made is the same.
    for (ours, theirs) in [(channels[0], channels[2]), (channels[1], channels[3])] {
        for what in ["publications", "offset", "stats", "presence"] {
            assert_eq!(seen["channels"][ours][what], seen["channels"][theirs][what], "{what}");
        }
    }
    assert_eq!(seen["channels"]["public:ours"]["publications"].as_array().unwrap().len(), 6);

    // What happens to a connection.
    let mut by_us = Live::connect(port, &token("us"), &json!({})).await;
    let mut by_them = Live::connect(port, &token("them"), &json!({})).await;
    user(&client, "us").await;
    assert_eq!(cent(&url, &["user", "them"]), Value::Null);
    for _ in 0..4 {
        let (mut us, mut them) = (by_us.next().await, by_them.next().await);
        for frame in [&mut us, &mut them] {
            frame["channel"] = Value::Null;
            frame["subscribe"]["epoch"] = Value::Null;
            frame["refresh"]["ttl"] = Value::Null;
        }
        assert_eq!(us, them);
    }
}

/// What Python's cent says.
fn cent(url: &str, args: &[&str]) -> Value {
    let python = std::env::var_os("CENT_PYTHON").expect("CENT_PYTHON names a Python with cent");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop_centrifugo/with_cent.py");
    let output = Command::new(python).args([script, url, "key"]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn make(client: &Client, channel: &str) -> Value {
    let first = Publish::new(channel, json!({"n": 1})).tag("k", "v");
    client.publish(first).await.unwrap();
    let mut last = None;
    for _ in 0..2 {
        let once = Publish::new(channel, "once").idempotency_key("id-1");
        last = client.publish(once).await.unwrap().offset;
    }
    client.publish(Publish::new(channel, json!([1, null])).skip_history()).await.unwrap();
    let second = format!("{channel}-b");
    let broadcast = Broadcast::new([channel, &second, "nonamespace:x"], json!({"b": 1}));
    let told = client.broadcast(broadcast).await.unwrap();
    let response = |one: Result<centrifugo_api::PublishResult, centrifugo_api::Error>| match one {
        Ok(published) => json!(published.offset),
        Err(error) => json!(error.code().unwrap().number()),
    };
    let responses: Vec<Value> = told.responses.into_iter().map(response).collect();
    let batch: Batch = (0..3).map(|n| Publish::new(channel, &n)).collect();
    assert_eq!(client.batch(batch).await.unwrap().failed().count(), 0);
    client.history_remove(second).await.unwrap();
    let code = client.presence("plain").await.unwrap_err().code().unwrap().number();
    json!({"last": last, "responses": responses, "code": code})
}

async fn see(client: &Client, channels: &[&str]) -> Value {
    let mut seen = json!({});
    for channel in channels {
        let history = client.history(History::new(*channel).all()).await.unwrap();
        let publications: Vec<Value> = history
            .publications
            .iter()
            .map(|one| {
                json!({"data": one.json::<Value>().unwrap(), "offset": one.offset, "tags": one.tags})
            })
            .collect();
        let stats = client.presence_stats(*channel).await.unwrap();
        let presence = client.presence(*channel).await.unwrap().presence;
        let mut presence: Vec<_> = presence.values().map(|one| [&one.user, &one.client]).collect();
        presence.sort();
        seen[*channel] = json!({
            "publications": publications,
            "offset": history.offset,
            "epoch": history.epoch,
            "stats": [stats.num_clients, stats.num_users],
            "presence": presence,
        });
    }
    let channels = client.channels(Channels::new().pattern("public:*")).await.unwrap().channels;
    let mut names: Vec<_> = channels.keys().collect();
    names.sort();
    let nodes = client.info().await.unwrap().nodes;
    let nodes: Vec<_> = nodes.iter().map(|node| &node.uid).collect();
    json!({"channels": seen, "names": names, "nodes": nodes})
}

async fn user(client: &Client, name: &str) {
    client.subscribe(Subscribe::new(name, "public:by-rust")).await.unwrap();
    client.refresh(Refresh::new(name).expire_at(4_102_444_800)).await.unwrap();
    client.unsubscribe(Unsubscribe::new(name, "public:by-rust")).await.unwrap();
    client.disconnect(Disconnect::new(name)).await.unwrap();
}
