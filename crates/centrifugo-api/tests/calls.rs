//! Calls over the test server: what is sent, in both forms, and what is joined.
#![cfg(feature = "test-server")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::collections::BTreeSet;
use std::time::Duration;

use centrifugo_api::test_server::{ChannelOptions, TestServer};
use centrifugo_api::{
    AutoBatchOptions, Batch, Broadcast, Channels, Client, Disconnect, ErrorCode, Form, History,
    KeyHeader, Payload, Position, Publish, Refresh, RetryPolicy, Rpc, StatusCode, Subscribe,
    Unsubscribe,
};
use serde_json::{Value, json};

fn params(server: &TestServer) -> Value {
    server.requests().pop().expect("a request").params
}

#[tokio::test]
async fn bytes_in_a_history_break_it_until_they_have_left() {
    let server = TestServer::start().await.unwrap();
    let client = server.client().unwrap().with_timeout(Duration::from_secs(5));
    client.publish(Publish::new("frames", Payload::bytes([0, 1, 0xff]))).await.unwrap();
    client.history("frames").await.expect("the position alone");
    let page = || History::new("frames").limit(5);
    let error = client.history(page()).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::INTERNAL_SERVER_ERROR), "{error:?}");
    client.history_remove("frames").await.unwrap();
    client.history(page()).await.unwrap();

    let unknown = client.publish(Publish::new("unknown:frames", "x")).await.unwrap_err();
    assert_eq!(unknown.code(), Some(ErrorCode::UnknownChannel));
}

#[tokio::test]
async fn each_method_sends_its_request() {
    let server = TestServer::start().await.unwrap();
    let client = server.client().unwrap();
    let publish = Publish::new("news", json!({"n": 1}))
        .skip_history()
        .tag("k", "v")
        .idempotency_key("id")
        .delta()
        .version(7)
        .version_epoch("e");
    client.publish(publish).await.unwrap();
    let sent = json!({
        "channel": "news", "data": {"n": 1}, "skip_history": true, "tags": {"k": "v"},
        "idempotency_key": "id", "delta": true, "version": 7, "version_epoch": "e",
    });
    assert_eq!(params(&server), sent);
    let told = client.broadcast(Broadcast::new(["a", "b"], "x").tag("t", "")).await.unwrap();
    assert_eq!(told.failed().count(), 0);
    assert_eq!(params(&server), json!({"channels": ["a", "b"], "data": "x", "tags": {"t": ""}}));
    let subscribe = Subscribe::new("42", "news")
        .info(json!(1))
        .data(centrifugo_api::Payload::bytes("hi"))
        .client("c")
        .session("s")
        .expire_at(9)
        .recover_since(Position::new(3, "e"))
        .overrides(
            centrifugo_api::Override::new()
                .presence(true)
                .join_leave(false)
                .force_recovery(true)
                .force_positioning(true)
                .force_push_join_leave(false),
        );
    client.subscribe(subscribe).await.unwrap();
    let sent = json!({
        "user": "42", "channel": "news", "info": 1, "b64data": "aGk=", "client": "c",
        "session": "s", "expire_at": 9, "recover_since": {"offset": 3, "epoch": "e"},
        "override": {
            "presence": {"value": true}, "join_leave": {"value": false},
            "force_recovery": {"value": true}, "force_positioning": {"value": true},
            "force_push_join_leave": {"value": false},
        },
    });
    assert_eq!(params(&server), sent);
    client.unsubscribe(Unsubscribe::new("42", "news").client("c").session("s")).await.unwrap();
    let sent = json!({"user": "42", "channel": "news", "client": "c", "session": "s"});
    assert_eq!(params(&server), sent);
    let disconnect =
        Disconnect::new("42").client("c").session("s").whitelist(["w"]).code(4_500, "r");
    client.disconnect(disconnect).await.unwrap();
    let sent = json!({
        "user": "42", "client": "c", "session": "s", "whitelist": ["w"],
        "disconnect": {"code": 4_500, "reason": "r"},
    });
    assert_eq!(params(&server), sent);
    let refresh = Refresh::new("42").client("c").session("s").expired().expire_at(9).info("i");
    client.refresh(refresh).await.unwrap();
    let sent = json!({
        "user": "42", "client": "c", "session": "s", "expired": true, "expire_at": 9, "info": "i",
    });
    assert_eq!(params(&server), sent);
    client
        .history(History::new("news").limit(5).since(Position::new(1, "")).reverse())
        .await
        .unwrap();
    let since = json!({"offset": 1, "epoch": ""});
    let sent = json!({"channel": "news", "limit": 5, "since": since, "reverse": true});
    assert_eq!(params(&server), sent);
    client.channels(Channels::new().pattern("a*")).await.unwrap();
    assert_eq!(params(&server), json!({"pattern": "a*"}));
    client.info().await.unwrap();
    assert_eq!(params(&server), json!({}));
    server.answer_rpc("sum", json!(3));
    let answer = client.rpc(Rpc::new("sum").params(json!([1, 2]))).await.unwrap();
    assert_eq!(
        (answer.data.get(), params(&server)),
        ("3", json!({"method": "sum", "params": [1, 2]}))
    );
}

#[tokio::test]
async fn both_forms_and_both_headers_do_the_same() {
    let server = TestServer::builder().key("k2").start().await.unwrap();
    for (form, header) in [
        (Form::Paths, KeyHeader::Authorization),
        (Form::Lines, KeyHeader::Authorization),
        (Form::Paths, KeyHeader::XApiKey),
        (Form::Lines, KeyHeader::XApiKey),
    ] {
        let builder = Client::builder(server.endpoint()).key("k2").form(form).key_header(header);
        let client = builder.build().unwrap();
        let channel = format!("{form:?} {header:?}");
        let raw = centrifugo_api::Payload::raw("{\n\"a\":\n1}");
        assert_eq!(client.publish(Publish::new(&channel, raw)).await.unwrap().offset, Some(1));
        let mut batch = Batch::new().parallel();
        let second = batch.add(Publish::new(&channel, "two"));
        let rpc = batch.add(Rpc::new("nope"));
        let history = batch.add(History::new(&channel).all());
        assert!(batch.size() > 100 && batch.len() == 3);
        let mut replies = client.batch(batch).await.unwrap();
        assert_eq!(replies.take(second).unwrap().offset, Some(2));
        assert_eq!(replies.take(rpc).unwrap_err().code(), Some(ErrorCode::NotFound));
        assert_eq!(replies.take(history).unwrap().publications.len(), 2);
        assert!(client.batch(Batch::new()).await.unwrap().is_empty());
        assert_eq!(server.publications(&channel), [json!({"a": 1}), json!("two")]);
    }
}

#[tokio::test]
async fn a_namespace_that_was_not_named_is_unknown() {
    let server = TestServer::builder()
        .channels(ChannelOptions::none())
        .namespace("chat", ChannelOptions::new().history(1).presence(false))
        .start()
        .await
        .unwrap();
    let client = server.client().unwrap();
    for n in 0..3 {
        client.publish(Publish::new("chat:1", &n)).await.unwrap();
    }
    let held = client.history(History::new("chat:1").all()).await.unwrap();
    assert_eq!((held.publications.len(), held.offset), (1, 3));
    assert_eq!(server.publications("chat:1"), [0, 1, 2]);
    for (error, code) in [
        (client.publish(Publish::new("x:1", "")).await.unwrap_err(), ErrorCode::UnknownChannel),
        (client.presence("chat:1").await.unwrap_err(), ErrorCode::NotAvailable),
        (client.history("plain").await.unwrap_err(), ErrorCode::NotAvailable),
    ] {
        assert_eq!(error.code(), Some(code));
    }
}

#[tokio::test]
async fn keys_of_the_clients_own_make_a_publication_repeatable() {
    let server = TestServer::start().await.unwrap();
    let builder = Client::builder(server.endpoint()).key("key").idempotency_keys(true);
    let client = builder.retry(RetryPolicy::new().base(Duration::ZERO)).build().unwrap();
    server.answer_next(StatusCode::BAD_GATEWAY, "bad gateway");
    client.publish(Publish::new("news", "a")).await.unwrap();
    client.publish(Publish::new("news", "a")).await.unwrap();
    client.publish(Publish::new("news", "b").idempotency_key("mine")).await.unwrap();
    let requests = server.requests();
    let keys: BTreeSet<_> = requests.iter().map(|r| r.params["idempotency_key"].as_str()).collect();
    assert!(keys.len() == 3 && keys.contains(&Some("mine")), "{keys:?}");
    assert_eq!(server.publications("news"), ["a", "a", "b"]);

    let mut batch = Batch::new().with_idempotency_keys();
    batch.extend((0..3).map(|_| Publish::new("batch", "x")));
    server.answer_next(StatusCode::BAD_GATEWAY, "bad gateway");
    assert_eq!(client.batch(batch).await.unwrap().failed().count(), 0);
    assert_eq!(server.publications("batch").len(), 3);
}

#[tokio::test]
async fn concurrent_calls_go_as_few_batches_and_each_has_its_own_result() {
    let server = TestServer::builder()
        .namespace("known", ChannelOptions::new().history(1_000))
        .start()
        .await
        .unwrap();
    let client = server.client().unwrap();
    let joined = client.auto_batch(AutoBatchOptions::new().max_commands(10));
    let call = |n: usize| {
        let joined = joined.clone();
        let channel = if n % 10 == 3 { "unknown:x" } else { "known:x" };
        async move { joined.publish(Publish::new(channel, &n)).await }
    };
    let calls: Vec<_> = (0..100).map(|n| tokio::spawn(call(n))).collect();
    let mut offsets = BTreeSet::new();
    for (n, call) in calls.into_iter().enumerate() {
        match call.await.unwrap() {
            Ok(published) => assert!(offsets.insert(published.offset.unwrap())),
            Err(error) => {
                assert_eq!((n % 10, error.code()), (3, Some(ErrorCode::UnknownChannel)));
            }
        }
    }
    assert_eq!(offsets, (1..=90).collect());
    let batches: Vec<usize> = server
        .requests()
        .iter()
        .filter(|request| request.method == "batch")
        .map(|request| request.params["commands"].as_array().unwrap().len())
        .collect();
    assert!((10..30).contains(&batches.len()) && batches.iter().all(|n| *n <= 10), "{batches:?}");

    // A mistake is its own call's; a failure of the whole is everybody's.
    let bad = centrifugo_api::Payload::raw("{");
    let (bad, good) = tokio::join!(
        joined.publish(Publish::new("known:x", bad)),
        joined.publish(Publish::new("known:x", "good")),
    );
    assert!(bad.unwrap_err().is_builder() && good.is_ok());
    server.answer_next(StatusCode::BAD_GATEWAY, "bad gateway");
    let (one, two) = tokio::join!(call(1), call(2));
    for result in [one, two] {
        assert_eq!(result.unwrap_err().status(), Some(StatusCode::BAD_GATEWAY));
    }
}

#[tokio::test]
async fn joined_publications_have_keys_and_bounds_too() {
    let server = TestServer::start().await.unwrap();
    let builder = Client::builder(server.endpoint()).key("key").idempotency_keys(true);
    let client = builder.retry(RetryPolicy::new().base(Duration::ZERO)).build().unwrap();
    // One command is more than a byte; and one call's result is waited for at a time.
    let joined = client.auto_batch(AutoBatchOptions::new().max_bytes(1).max_waiting(1).parallel());
    server.answer_next(StatusCode::BAD_GATEWAY, "bad gateway");
    let calls = (0..20).map(|n| {
        let joined = joined.clone();
        tokio::spawn(async move { joined.publish(Publish::new("news", &n)).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(server.publications("news").len(), 20);
    let batches: Vec<_> =
        server.requests().into_iter().filter(|request| request.method == "batch").collect();
    assert_eq!(batches.len(), 20);
    for batch in batches {
        let commands = batch.params["commands"].as_array().unwrap();
        assert!(batch.params["parallel"] == true && commands.len() == 1, "{batch:?}");
        assert!(commands[0]["publish"]["idempotency_key"].is_string(), "{batch:?}");
    }
}

#[tokio::test]
async fn a_clone_of_a_batch_is_the_same_batch() {
    let server = TestServer::start().await.unwrap();
    let client = server.client().unwrap();
    let mut batch = Batch::new().with_idempotency_keys();
    let ticket = batch.add(Publish::new("news", "once"));
    let again = batch.clone();
    let first = client.batch(batch).await.unwrap().take(ticket).unwrap();
    let results: Vec<_> = client.batch(again).await.unwrap().into_results::<Publish>().collect();
    assert_eq!(*results[0].as_ref().unwrap(), first);
    assert_eq!(server.publications("news").len(), 1);
}

#[tokio::test]
async fn results_of_one_kind_are_as_their_tickets_give_them() {
    let server = TestServer::start().await.unwrap();
    let client = server.client().unwrap();
    let mut batch = Batch::new();
    let taken = batch.add(Publish::new("news", "a"));
    batch.add(Publish::new("news", "b"));
    batch.add(Broadcast::new(["a", "b"], "c"));
    let mut replies = client.batch(batch).await.unwrap();
    replies.take(taken).unwrap();
    let results: Vec<_> = replies.into_results::<Publish>().collect();
    assert!(results[0].as_ref().unwrap_err().to_string().contains("taken already"));
    assert!(results[1].is_ok());
    assert!(results[2].as_ref().unwrap_err().to_string().contains("is broadcast, not publish"));
    let two: Batch = (0..2).map(|_| Broadcast::new(["a", "b"], "c")).collect();
    for result in client.batch(two).await.unwrap().into_results::<Broadcast>() {
        let result = result.unwrap();
        assert_eq!((result.responses.len(), result.failed().count()), (2, 0));
    }
}

/// A runtime that ends leaves nobody waiting, and nothing that others would wait for.
#[test]
fn joined_calls_outlive_the_runtime_that_began_them() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let second = runtime();
    let server = second.block_on(TestServer::start()).unwrap();
    let joined = server.client().unwrap().auto_batch(AutoBatchOptions::new());
    let first = runtime();
    {
        // Polled once, it has begun a batch that its runtime never sends.
        let mut call = Box::pin(joined.publish(Publish::new("news", "lost")));
        let _guard = first.enter();
        let waker = std::task::Waker::noop();
        let polled = call.as_mut().poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
    }
    drop(first);
    second.block_on(joined.publish(Publish::new("news", "made"))).unwrap();
    assert_eq!(server.publications("news"), ["made"]);
}
