//! Every method and every error that the open-source server gives, in both forms.
use std::collections::BTreeSet;

use centrifugo_api::token::{ConnectionClaims, Key};
use centrifugo_api::{
    Batch, Broadcast, Channels, Client, ClientBuilder, Disconnect, ErrorCode, Form, History, Info,
    KeyHeader, Override, Payload, Position, PresenceStats, Publish, Refresh, RetryPolicy, Rpc,
    StatusCode, Subscribe, Unsubscribe,
};
use rt_testkit::centrifugo::{Centrifugo, free_port};
use serde_json::{Value, json};

use crate::live::Live;

const CHANNEL: &str = "public:chat";
/// Its namespace is not configured.
const UNKNOWN: &str = "nonamespace:x";
/// It has neither history nor presence.
const PLAIN: &str = "plain";

fn builder(port: u16) -> ClientBuilder {
    Client::builder(format!("http://127.0.0.1:{port}")).key("key")
}

fn token(user: &str) -> String {
    let claims = ConnectionClaims::new(user).info(json!({"name": "Alex"}));
    Key::hs256("secret").unwrap().sign(&claims).unwrap()
}

/// A client of each kind of request that this server takes.
fn clients(port: u16) -> [Client; 4] {
    [
        builder(port).build().unwrap(),
        builder(port).form(Form::Lines).build().unwrap(),
        builder(port).key_header(KeyHeader::XApiKey).transport_errors(true).build().unwrap(),
        builder(port).idempotency_keys(true).build().unwrap(),
    ]
}

#[tokio::test]
async fn every_method_does_what_it_says() {
    let port = free_port();
    let _server = Centrifugo::start(port);
    for (at, client) in clients(port).iter().enumerate() {
        let channel = format!("public:chat-{at}");
        publications(client, &channel).await;
        connections(client, port, &channel).await;
        batches(client, &format!("public:batch-{at}")).await;
    }
}

async fn publications(client: &Client, channel: &str) {
    let first = client.publish(Publish::new(channel, json!({"n": 1}))).await.unwrap();
    assert_eq!(first.offset, Some(1));
    let once = Publish::new(channel, "once").tag("k", "v").idempotency_key("id-1");
    let published = client.publish(once.clone()).await.unwrap();
    assert_eq!(client.publish(once).await.unwrap(), published);
    assert_eq!(published.position(), Some(Position::new(2, first.epoch.clone().unwrap())));
    let skipped = client.publish(Publish::new(channel, &7).skip_history()).await.unwrap();
    assert_eq!((skipped.offset, skipped.epoch), (None, None));
    let raw = Payload::raw("{\n  \"line\":\r\n [1,\n 2]\n}");
    client.publish(Publish::new(channel, raw).delta()).await.unwrap();
    client.publish(Publish::new(channel, Payload::bytes(r#"{"b":64}"#))).await.unwrap();
    client.publish(Publish::new(channel, Value::Null)).await.unwrap();
    assert_eq!(client.publish(Publish::new(PLAIN, &1)).await.unwrap().position(), None);

    let all = client.history(History::new(channel).all()).await.unwrap();
    let data: Vec<Value> = all.publications.iter().map(|one| one.json().unwrap()).collect();
    let expected =
        [json!({"n": 1}), json!("once"), json!({"line": [1, 2]}), json!({"b": 64}), Value::Null];
    assert_eq!(data, expected);
    assert_eq!(all.publications[1].tags["k"], "v");
    assert_eq!(all.position(), Position::new(5, first.epoch.clone().unwrap()));
    assert!(client.history(channel).await.unwrap().publications.is_empty());
    let since = History::new(channel).limit(2).since(published.position().unwrap());
    assert_eq!(offsets(client, since).await, [3, 4]);
    assert_eq!(offsets(client, History::new(channel).limit(2).reverse()).await, [5, 4]);
    let gone = History::new(channel).limit(2).since(Position::new(1, "wrong"));
    let error = client.history(gone).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnrecoverablePosition));
    client.history_remove(channel).await.unwrap();
    assert!(offsets(client, History::new(channel).all()).await.is_empty());

    let channels = [channel, "public:other", UNKNOWN];
    let answered = client.broadcast(Broadcast::new(channels, "all")).await.unwrap();
    let [one, two, three] = &answered.responses[..] else { panic!("{answered:?}") };
    assert!(one.as_ref().unwrap().offset.is_some() && two.is_ok());
    assert_eq!(three.as_ref().unwrap_err().code(), Some(ErrorCode::UnknownChannel));
}

async fn offsets(client: &Client, history: History) -> Vec<u64> {
    let history = client.history(history).await.unwrap();
    history.publications.iter().map(|publication| publication.offset).collect()
}

async fn connections(client: &Client, port: u16, channel: &str) {
    let user = format!("user of {channel}");
    let mut live = Live::connect(port, &token(&user), &json!({ channel: {} })).await;
    let presence = client.presence(channel).await.unwrap().presence;
    let info = &presence[live.client()];
    assert_eq!((&info.user, info.client.as_str()), (&user, live.client()));
    assert_eq!(info.conn_info.as_ref().unwrap().get(), r#"{"name":"Alex"}"#);
    let stats = client.presence_stats(channel).await.unwrap();
    assert_eq!((stats.num_clients, stats.num_users), (1, 1));
    assert!(client.presence("public:empty").await.unwrap().presence.is_empty());
    let named = Channels::new().pattern("public:*");
    assert_eq!(client.channels(named).await.unwrap().channels[channel].num_clients, 1);

    let extra = format!("{channel}-extra");
    let subscribe = Subscribe::new(&user, &extra)
        .client(live.client())
        .info(json!({"ch": 1}))
        .data(json!({"x": 1}))
        .expire_at(4_102_444_800)
        .overrides(Override::new().join_leave(false));
    client.subscribe(subscribe).await.unwrap();
    let pushed = live.next().await;
    assert_eq!(pushed["channel"], extra.as_str(), "{pushed}");
    assert_eq!(pushed["subscribe"]["data"], json!({"x": 1}), "{pushed}");
    let there = client.presence(&extra).await.unwrap().presence;
    assert_eq!(there[live.client()].chan_info.as_ref().unwrap().get(), r#"{"ch":1}"#);
    let refresh = Refresh::new(&user).client(live.client()).expire_at(4_102_444_800);
    client.refresh(refresh).await.unwrap();
    assert_eq!(live.next().await["refresh"]["expires"], true);
    client.unsubscribe(Unsubscribe::new(&user, &extra)).await.unwrap();
    assert_eq!(live.next().await["unsubscribe"]["reason"], "server unsubscribe");

    let node = client.info().await.unwrap().nodes.remove(0);
    // A node tells its counts every few seconds only.
    assert!(!node.uid.is_empty() && !node.name.is_empty() && !node.version.is_empty(), "{node:?}");
    assert!(node.metrics.unwrap().items["go.goroutines"] > 1.0);

    // The whitelist spares it, the code reaches it.
    client.disconnect(Disconnect::new(&user).whitelist([live.client()])).await.unwrap();
    client.publish(Publish::new(channel, "still there")).await.unwrap();
    assert_eq!(live.next().await["pub"]["data"], "still there");
    let bye = Disconnect::new(&user).client(live.client()).code(4_500, "custom reason");
    client.disconnect(bye).await.unwrap();
    let said = live.next().await;
    assert_eq!(said["disconnect"], json!({"code": 4_500, "reason": "custom reason"}));
    client.disconnect(Disconnect::new("nobody")).await.unwrap();
}

async fn batches(client: &Client, channel: &str) {
    for parallel in [false, true] {
        let mut batch = Batch::new();
        if parallel {
            batch = batch.parallel();
        }
        let published = batch.add(Publish::new(channel, "in a batch"));
        let refused = batch.add(Publish::new(UNKNOWN, &1));
        let stats = batch.add(PresenceStats::new(channel));
        let broadcast = batch.add(Broadcast::new(["public:a", UNKNOWN], &1));
        let info = batch.add(Info::new());
        let named = batch.call::<Value>("presence_stats", &json!({ "channel": channel }));
        let mut replies = client.batch(batch).await.unwrap();
        assert_eq!(replies.len(), 6);
        let failed: Vec<_> = replies.failed().map(|(at, error)| (at, error.code())).collect();
        assert_eq!(failed, [(1, Some(ErrorCode::UnknownChannel))]);
        assert!(replies.take(published).unwrap().offset.is_some());
        assert!(replies.take(refused).unwrap_err().is_command());
        assert_eq!(replies.take(stats).unwrap().num_clients, 0);
        let responses = replies.take(broadcast).unwrap().responses;
        assert!(responses[0].is_ok() && responses[1].is_err());
        assert_eq!(replies.take(info).unwrap().nodes.len(), 1);
        assert!(replies.take(named).is_ok());
    }
    assert!(client.batch(Batch::new()).await.unwrap().is_empty());
    let numbers: Batch = (0..100).map(|n| Publish::new(channel, &n)).collect();
    let offsets: BTreeSet<_> = client
        .batch(numbers)
        .await
        .unwrap()
        .into_results::<Publish>()
        .map(|result| result.unwrap().offset)
        .collect();
    assert_eq!(offsets.len(), 100);
}

#[tokio::test]
async fn each_error_has_its_code_and_in_transport_mode_its_status() {
    let port = free_port();
    let _server = Centrifugo::start(port);
    for (at, client) in clients(port).iter().enumerate() {
        let wrong = Position::new(1, "wrong");
        client.publish(Publish::new(CHANNEL, &1)).await.unwrap();
        let errors = [
            (client.publish(Publish::new(UNKNOWN, &1)).await.unwrap_err(), 102, 404),
            (client.rpc(Rpc::new("nope").params(json!({"a": 1}))).await.unwrap_err(), 104, 404),
            (client.publish(Publish::new("", &1)).await.unwrap_err(), 107, 400),
            (client.broadcast(Broadcast::new([""; 0], &1)).await.unwrap_err(), 107, 400),
            (client.presence(PLAIN).await.unwrap_err(), 108, 400),
            (client.presence_stats(PLAIN).await.unwrap_err(), 108, 400),
            (client.history(PLAIN).await.unwrap_err(), 108, 400),
            (client.history_remove(PLAIN).await.unwrap_err(), 108, 400),
            (
                client.history(History::new(CHANNEL).limit(1).since(wrong)).await.unwrap_err(),
                112,
                416,
            ),
        ];
        for (error, code, status) in errors {
            assert_eq!(error.code().unwrap().number(), code, "{error:?}");
            let told = (at == 2).then(|| StatusCode::from_u16(status).unwrap());
            assert_eq!(error.status(), told, "{error:?}");
            assert!(!error.is_retryable() && !error.message().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_of_the_api_keeps_its_status_and_text() {
    let port = free_port();
    let _server = Centrifugo::start(port);
    for form in [Form::Paths, Form::Lines] {
        let client = builder(port).form(form).key("another").build().unwrap();
        let error = client.info().await.unwrap_err();
        assert!(error.is_unauthorized() && !error.is_retryable(), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("another"), "{error:?}");
    }
    let client = builder(port).build().unwrap();
    let error = client.call::<Value>("nope", &json!({})).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    assert_eq!(error.body(), b"404 page not found\n");
    let error = client.call::<Value>("publish", &json!({"channel": 1})).await.unwrap_err();
    assert_eq!(
        (error.status(), error.body()),
        (Some(StatusCode::BAD_REQUEST), &b"Bad Request\n"[..])
    );
    let lines = builder(port).form(Form::Lines).build().unwrap();
    let error = lines.call::<Value>("nope", &json!({})).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::BAD_REQUEST));
    let any: Value = client.call("presence_stats", &json!({ "channel": CHANNEL })).await.unwrap();
    assert_eq!(any["num_clients"], 0);
}

#[tokio::test]
async fn a_call_waits_for_a_server_that_is_not_there_yet() {
    let port = free_port();
    let retry = RetryPolicy::new().max_retries(1_000).base(std::time::Duration::from_millis(50));
    let client = builder(port).retry(retry).timeout(crate::live::LONG).build().unwrap();
    let publish = tokio::spawn(async move { client.publish(Publish::new(CHANNEL, &1)).await });
    let server = tokio::task::spawn_blocking(move || Centrifugo::start(port)).await.unwrap();
    assert_eq!(publish.await.unwrap().unwrap().offset, Some(1));
    drop(server);
    let client = builder(port).build().unwrap();
    let error = client.presence(CHANNEL).await.unwrap_err();
    assert!(error.is_connect() && error.is_retryable(), "{error:?}");
}
