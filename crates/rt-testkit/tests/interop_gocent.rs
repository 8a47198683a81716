//! The legacy client beside gocent v1, the same calls against the stand-in: the same bytes go out,
//! the same results come back. `GOCENT` names the Go program.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

use std::process::Command;
use std::time::Duration;

use centrifugo_api::legacy::{
    Client, ClientInfo, Message, NodeInfo, Stats, decode_channels, generate_api_sign,
};
use centrifugo_api::{Error, HttpClient, Payload, RawValue};
use rt_testkit::legacy_centrifugo::LegacyCentrifugo;
use serde_json::{Value, json};

/// What is published; the Go program has the same.
const PAYLOADS: [&str; 5] = [
    r#"{"input":"test"}"#,
    r#"{"a" : "<b>&", "é": [1, 2.50, -3e2, null]}"#,
    "[ 1,\n\t\"\u{2028} \\\" \\u003c\" ]",
    "null",
    r#""text""#,
];
const ODD: &str = "public:<odd>&\u{2029}\"\\/\u{1}\u{8}\u{c}\n\r\t\u{7f}é😀";
const USER: &str = "42";
const SECRET: &str = "the-secret";

fn server(secret: &str) -> LegacyCentrifugo {
    let server = match secret {
        "" => LegacyCentrifugo::insecure(),
        secret => LegacyCentrifugo::start(secret),
    };
    server.subscribe("public:chat", ("id1", USER), r#"{"name":"Alex"}"#, r#"{"c":1}"#);
    server.subscribe("public:chat", ("id2", "7"), "", "");
    server
}

/// The bodies that came, with `_` for each id; each sign is found right on the way.
fn bodies(server: &LegacyCentrifugo, secret: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    for request in server.take_requests() {
        assert_eq!((&*request.method, &*request.target), ("POST", "/api/"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        let sign = (!secret.is_empty()).then(|| generate_api_sign(secret, &request.body));
        assert_eq!(request.header("x-api-sign"), sign.as_deref());
        let body = String::from_utf8(request.body).unwrap();
        let mut pieces = body.split(r#"{"uid":""#);
        let mut masked = pieces.next().unwrap().to_owned();
        for piece in pieces {
            assert_eq!(piece.find('"'), Some(36), "a UUID: {piece}");
            masked += &format!(r#"{{"uid":"_{}"#, &piece[36..]);
        }
        bodies.push(masked);
    }
    bodies
}

fn theirs(url: &str, secret: &str) -> Vec<Value> {
    let program = std::env::var_os("GOCENT").expect("GOCENT names the program");
    let output = Command::new(program).args([url, secret]).env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn ours(url: &str, secret: &str) -> Vec<Value> {
    let http = HttpClient::builder().no_proxy().build().unwrap();
    let builder = Client::builder(url).http_client(http).timeout(Duration::from_secs(20));
    let builder = if secret.is_empty() { builder.insecure() } else { builder.secret(secret) };
    let mut c = builder.build().unwrap();
    let mut told = Vec::new();
    for data in PAYLOADS {
        told.push(done(c.publish("public:chat", Payload::raw(data)).await));
    }
    told.push(done(c.publish_client(ODD, Payload::raw("1"), ODD).await));
    let channels = ["public:chat", ODD, "plain"];
    told.push(done(c.broadcast(&channels, Payload::raw(PAYLOADS[1])).await));
    told.push(done(c.broadcast_client(&[] as &[&str], json!({}), "me").await));
    told.push(done(c.publish("no:x", json!({})).await));
    for channel in ["public:chat", ODD, "plain"] {
        told.push(tell(c.history(channel).await, |list| list.iter().map(message).collect()));
    }
    for channel in ["public:chat", "no:x"] {
        let clients = c.presence(channel).await;
        told.push(tell(clients, |all| all.iter().map(|(id, it)| (id.clone(), info(it))).collect()));
    }
    told.push(tell(c.channels().await, Value::from));
    told.push(tell(c.stats().await, |it| stats(&it)));
    told.push(done(c.unsubscribe("public:chat", USER).await));
    told.push(done(c.unsubscribe("", USER).await));
    told.push(done(c.disconnect(USER).await));
    told.push(done(c.disconnect("").await));
    told.push(tell(c.channels().await, Value::from));

    for data in PAYLOADS {
        c.add_publish("public:chat", Payload::raw(data)).unwrap();
    }
    c.add_publish_client(ODD, Payload::raw("1"), ODD).unwrap();
    c.add_broadcast(&channels, Payload::raw(PAYLOADS[1])).unwrap();
    c.add_broadcast_client(&[] as &[&str], json!({}), "me").unwrap();
    c.add_publish("no:x", json!({})).unwrap();
    c.add_history("public:chat").unwrap();
    c.add_presence("no:x").unwrap();
    c.add_channels().unwrap();
    c.add_stats().unwrap();
    c.add_unsubscribe("", USER).unwrap();
    c.add_disconnect(USER).unwrap();
    let responses = c.send().await.unwrap();
    assert_eq!(decode_channels(responses[11].ok().unwrap()).unwrap(), ["public:chat"]);
    let answers = responses.iter();
    let answers = answers.map(|it| json!([it.error.clone().unwrap_or_default(), value(&it.body)]));
    told.push(answers.collect());
    told
}

fn tell<T>(result: Result<T, Error>, value: impl FnOnce(T) -> Value) -> Value {
    match result {
        Ok(it) => value(it),
        Err(error) => json!({"error": error.message().expect("a command's error")}),
    }
}

fn done(result: Result<(), Error>) -> Value {
    tell(result, |()| json!(true))
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap()
}

/// Go writes every field, but for those that it is told to leave out.
fn message(it: &Message) -> Value {
    let mut message = json!({"uid": it.uid, "timestamp": it.timestamp.as_deref().unwrap_or(""),
        "channel": it.channel, "data": value(&it.data)});
    if let Some(client) = &it.client {
        message["client"] = json!(client);
    }
    message
}

fn info(it: &ClientInfo) -> Value {
    let mut info = json!({"user": it.user, "client": it.client});
    for (name, raw) in [("default_info", &it.default_info), ("channel_info", &it.channel_info)] {
        if let Some(raw) = raw {
            info[name] = value(raw);
        }
    }
    info
}

fn stats(it: &Stats) -> Value {
    let node = |it: &NodeInfo| json!({"uid": it.uid, "name": it.name, "started_at": it.started, "metrics": it.metrics});
    json!({"nodes": it.nodes.iter().map(node).collect::<Vec<_>>(), "metrics_interval": it.metrics_interval})
}

#[tokio::test]
async fn the_same_calls_send_the_same_bytes_and_give_the_same_results() {
    for secret in [SECRET, ""] {
        let (for_them, for_us) = (server(secret), server(secret));
        let theirs = theirs(&for_them.url(), secret);
        let ours = ours(&for_us.url(), secret).await;
        let (sent_by_them, sent_by_us) = (bodies(&for_them, secret), bodies(&for_us, secret));
        assert_eq!(sent_by_them.len(), ours.len());
        for (index, (theirs, ours)) in sent_by_them.iter().zip(&sent_by_us).enumerate() {
            assert_eq!(theirs, ours, "request {index}");
        }
        assert_eq!(sent_by_us.len(), sent_by_them.len());
        for (index, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
            assert_eq!(theirs, ours, "call {index}: {}", sent_by_us[index]);
        }
        assert_eq!(theirs.len(), ours.len());
    }
}
