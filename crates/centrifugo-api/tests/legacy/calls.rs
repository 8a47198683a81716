//! Each method, one command a request.
use std::sync::{Condvar, Mutex};

use centrifugo_api::legacy::Advice;
use centrifugo_api::{Payload, legacy};
use rt_testkit::legacy_centrifugo::LegacyCentrifugo;
use rt_testkit::server::Server;
use serde_json::json;

use super::{PATIENCE, SECRET, insecure, signed};

#[tokio::test]
async fn what_is_published_is_in_the_history_newest_first() {
    let server = LegacyCentrifugo::start(SECRET);
    let client = signed(&server);
    client.publish("public:chat", json!({"input": "test"})).await.unwrap();
    client.publish_client("public:chat", Payload::raw("[1, 2]"), "c1").await.unwrap();
    client.broadcast(&["public:chat", "public:other"], "both <>").await.unwrap();
    let channels = vec![String::from("public:chat")];
    client.broadcast_client(&channels, json!(null), "c2").await.unwrap();

    let messages = client.history("public:chat").await.unwrap();
    let seen: Vec<_> = messages
        .iter()
        .map(|it| (it.data.get(), it.client.as_deref(), it.channel.as_str(), it.info.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            ("null", Some("c2"), "public:chat", false),
            (r#""both \u003c\u003e""#, None, "public:chat", false),
            ("[1,2]", Some("c1"), "public:chat", false),
            (r#"{"input":"test"}"#, None, "public:chat", false),
        ]
    );
    assert!(messages.iter().all(|it| !it.uid.is_empty() && it.timestamp.is_none()));
    assert_eq!(client.history("public:other").await.unwrap().len(), 1);
    assert!(client.history("public:empty").await.unwrap().is_empty());
}

#[tokio::test]
async fn presence_and_channels_until_the_user_is_unsubscribed_or_disconnected() {
    let server = LegacyCentrifugo::start(SECRET);
    let client = signed(&server);
    server.subscribe("public:a", ("id1", "42"), r#"{"name":"Alex"}"#, "");
    server.subscribe("$public:b", ("id1", "42"), "", r#"{"c":1}"#);
    server.subscribe("public:a", ("id2", "7"), "", "");

    assert_eq!(client.channels().await.unwrap(), ["public:a", "$public:b"]);
    let present = client.presence("public:a").await.unwrap();
    assert_eq!(present.keys().collect::<Vec<_>>(), ["id1", "id2"]);
    let info = &present["id1"];
    assert_eq!((&*info.user, &*info.client), ("42", "id1"));
    assert_eq!(info.default_info.as_ref().unwrap().get(), r#"{"name":"Alex"}"#);
    assert!(info.channel_info.is_none());
    let present = client.presence("$public:b").await.unwrap();
    assert_eq!(present["id1"].channel_info.as_ref().unwrap().get(), r#"{"c":1}"#);

    client.unsubscribe("public:a", "42").await.unwrap();
    assert_eq!(client.presence("public:a").await.unwrap().keys().collect::<Vec<_>>(), ["id2"]);
    client.unsubscribe("", "42").await.unwrap();
    assert_eq!(client.channels().await.unwrap(), ["public:a"]);
    client.disconnect("7").await.unwrap();
    assert!(client.channels().await.unwrap().is_empty());
    assert!(client.presence("public:a").await.unwrap().is_empty());
}

#[tokio::test]
async fn stats_and_node() {
    let server = LegacyCentrifugo::insecure();
    let client = insecure(server.server());
    client.publish("plain", json!(1)).await.unwrap();
    let stats = client.stats().await.unwrap();
    let node = client.node().await.unwrap();
    assert_eq!((stats.nodes.len(), stats.metrics_interval), (1, 60));
    for node in [&stats.nodes[0], &node] {
        assert_eq!((&*node.name, node.version.as_deref()), ("testnode", Some("1.8.0")));
        assert_eq!((node.started, node.uid.len()), (1_795_230_143, 36));
        assert_eq!(node.metrics["node_num_client_msg_published"], 1);
    }
}

#[tokio::test]
async fn an_error_of_a_command_has_the_servers_words_and_its_advice() {
    let server = LegacyCentrifugo::start(SECRET);
    let client = signed(&server);
    let unknown = "namespace not found";
    for (error, message, advice) in [
        (client.publish("no:x", json!({})).await.unwrap_err(), unknown, Some(Advice::Fix)),
        (client.broadcast(&["no:x"], json!({})).await.unwrap_err(), unknown, Some(Advice::Fix)),
        (
            client.broadcast(&[] as &[&str], json!({})).await.unwrap_err(),
            "invalid message",
            Some(Advice::Fix),
        ),
        (client.presence("no:x").await.unwrap_err(), unknown, None),
        (client.history("plain").await.unwrap_err(), "not available", None),
        (client.unsubscribe("public:a", "").await.unwrap_err(), "invalid message", None),
        (client.disconnect("").await.unwrap_err(), "invalid message", None),
    ] {
        assert!(error.is_command() && !error.is_retryable() && error.status().is_none());
        assert_eq!(error.message(), Some(message));
        assert_eq!(error.advice(), advice.as_ref());
        assert!(error.to_string().ends_with(&format!(": the server answered: {message}")));
    }
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn the_short_ways_to_make_a_client() {
    let server = LegacyCentrifugo::start(SECRET);
    let client = legacy::Client::new(server.url(), SECRET, PATIENCE).unwrap();
    assert!(client.channels().await.unwrap().is_empty());
    let client = legacy::Client::insecure(server.url() + "/api/", PATIENCE).unwrap();
    assert_eq!(client.channels().await.unwrap_err().status().unwrap(), 400);
    let requests = server.take_requests();
    assert_eq!(requests[0].target, "/api/");
    assert!(requests[0].header("x-api-sign").is_some());
    assert_eq!(requests[1].target, "/api/");
    assert!(requests[1].header("x-api-sign").is_none());
}

/// Many tasks share a client by reference: no request waits for another's answer.
#[tokio::test]
async fn single_commands_run_side_by_side() {
    let waiting = (Mutex::new(0), Condvar::new());
    let server = Server::start(move |connection| {
        if connection.request().is_some() {
            *waiting.0.lock().unwrap() += 1;
            waiting.1.notify_all();
            let count = waiting.0.lock().unwrap();
            let waited = waiting.1.wait_timeout_while(count, PATIENCE / 4, |count| *count < 2);
            let status = if waited.unwrap().1.timed_out() { 503 } else { 200 };
            connection.answer(status, "", r#"[{"method":"publish"}]"#);
        }
    });
    let client = insecure(&server);
    let (one, other) = tokio::join!(client.publish("a", json!(1)), client.publish("a", json!(2)));
    one.unwrap();
    other.unwrap();
}
