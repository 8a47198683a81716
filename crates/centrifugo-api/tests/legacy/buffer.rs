//! The command buffer.
use std::sync::Mutex;
use std::time::Duration;

use centrifugo_api::{Payload, legacy};
use rt_testkit::legacy_centrifugo::LegacyCentrifugo;
use rt_testkit::server::Server;
use serde_json::json;

use super::{SECRET, answering, builder, insecure, signed};

fn methods(client: &legacy::Client) -> Vec<String> {
    client.commands().into_iter().map(|command| command.method).collect()
}

#[tokio::test]
async fn a_batch_of_every_command_is_answered_in_its_order() {
    let server = LegacyCentrifugo::start(SECRET);
    server.subscribe("public:a", ("id1", "42"), "", "");
    let mut client = signed(&server);
    client.add_channels().unwrap();
    client.add_publish("public:a", json!({"n": 1})).unwrap();
    client.add_publish_client("public:a", json!({"n": 2}), "me").unwrap();
    client.add_broadcast(&["public:a", "public:b"], json!({"n": 3})).unwrap();
    client.add_broadcast_client(&["public:a"], json!({"n": 4}), "me").unwrap();
    client.add_publish("no:x", json!(0)).unwrap();
    client.add_presence("public:a").unwrap();
    client.add_unsubscribe("public:a", "42").unwrap();
    client.add_disconnect("42").unwrap();
    client.add_history("public:a").unwrap();
    client.add_stats().unwrap();
    client.add_node().unwrap();
    assert_eq!(client.len(), 12);
    let uids: Vec<_> = client.commands().into_iter().map(|command| Some(command.uid)).collect();

    let responses = client.send().await.unwrap();
    assert!(client.is_empty());
    let answered: Vec<_> = responses.iter().map(|response| response.uid.clone()).collect();
    assert_eq!(answered, uids);
    let ok = |index: usize| responses[index].ok().unwrap();
    assert_eq!(legacy::decode_channels(ok(0)).unwrap(), ["public:a"]);
    for index in [1, 2] {
        legacy::decode_publish(ok(index)).unwrap();
    }
    for index in [3, 4] {
        legacy::decode_broadcast(ok(index)).unwrap();
    }
    let error = responses[5].ok().unwrap_err();
    assert_eq!(error.message(), Some("namespace not found"));
    assert!(legacy::decode_presence(ok(6)).unwrap().contains_key("id1"));
    legacy::decode_unsubscribe(ok(7)).unwrap();
    legacy::decode_disconnect(ok(8)).unwrap();
    let history = legacy::decode_history(ok(9)).unwrap();
    let data: Vec<_> = history.iter().map(|message| message.data.get()).collect();
    assert_eq!(data, [r#"{"n":4}"#, r#"{"n":3}"#, r#"{"n":2}"#, r#"{"n":1}"#]);
    assert_eq!(legacy::decode_stats(ok(10)).unwrap().nodes[0].name, "testnode");
    assert_eq!(legacy::decode_node(ok(11)).unwrap().name, "testnode");
    assert_eq!(server.take_requests().len(), 1);
}

#[tokio::test]
async fn a_single_command_is_refused_while_the_buffer_has_some_and_touches_none() {
    let server = LegacyCentrifugo::start(SECRET);
    let mut client = signed(&server);
    client.add_channels().unwrap();
    let data = || json!(1);
    for error in [
        client.publish("a", data()).await.unwrap_err(),
        client.publish_client("a", data(), "c").await.unwrap_err(),
        client.broadcast(&["a"], data()).await.unwrap_err(),
        client.broadcast_client(&["a"], data(), "c").await.unwrap_err(),
        client.unsubscribe("a", "u").await.unwrap_err(),
        client.disconnect("u").await.unwrap_err(),
        client.presence("a").await.unwrap_err(),
        client.history("a").await.unwrap_err(),
        client.channels().await.unwrap_err(),
        client.stats().await.unwrap_err(),
        client.node().await.unwrap_err(),
    ] {
        assert!(error.is_not_empty());
        let words = "client command buffer not empty, send commands or reset client";
        assert_eq!(error.to_string(), words);
    }
    assert!(server.take_requests().is_empty());
    assert_eq!(methods(&client), ["channels"]);
    client.reset();
    assert!(client.is_empty() && client.commands().is_empty());
    client.channels().await.unwrap();
}

#[tokio::test]
async fn an_empty_buffer_has_no_answers_and_sends_nothing() {
    let server = LegacyCentrifugo::start(SECRET);
    let mut client = signed(&server);
    assert!(client.send().await.unwrap().is_empty());
    assert!(server.take_requests().is_empty());
}

#[tokio::test]
async fn a_failed_send_keeps_its_commands_and_the_next_one_sends_the_same_bytes() {
    let server = LegacyCentrifugo::start(SECRET);
    let mut client = signed(&server);
    client.add_publish("public:a", json!(1)).unwrap();
    server.shut_down(true);
    let error = client.send().await.unwrap_err();
    assert_eq!(
        (error.status().unwrap().as_u16(), error.body()),
        (503, &b"Service Unavailable\n"[..])
    );
    assert!(error.is_retryable());
    assert!(client.send().await.is_err());
    client.add_publish("public:a", json!(2)).unwrap();
    assert_eq!(methods(&client), ["publish", "publish"]);
    server.shut_down(false);
    assert_eq!(client.send().await.unwrap().len(), 2);
    assert!(client.is_empty());

    let bodies: Vec<_> = server.take_requests().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies[0], bodies[1]);
    let one = bodies[0].len() - 1;
    assert_eq!(bodies[2][..one], bodies[0][..one]);
    assert_eq!(client.history("public:a").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_malformed_answer_keeps_the_commands() {
    for body in ["<html>", "[]", "{}", "[", r#"[{"method":"node","error":null,"body":null}]"#] {
        let server = answering(200, "", body);
        let mut client = insecure(&server);
        client.add_channels().unwrap();
        assert!(client.send().await.unwrap_err().is_malformed(), "{body}");
        assert_eq!(methods(&client), ["channels"]);
    }
}

/// What a client published long ago does not make the same batch go out again and again.
#[tokio::test]
async fn a_history_with_a_byte_that_is_no_utf_8_is_read() {
    let body = b"[{\"method\":\"history\",\"body\":{\"data\":[{\"data\":\"\xff\"}]}}]";
    let server = Server::start(move |connection| {
        if connection.request().is_some() {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            connection.send([head.as_bytes(), &body[..]].concat());
        }
    });
    let mut client = insecure(&server);
    client.add_history("public:a").unwrap();
    let responses = client.send().await.unwrap();
    assert!(client.is_empty());
    let messages = legacy::decode_history(responses[0].ok().unwrap()).unwrap();
    assert_eq!(messages[0].data.get(), "\"\u{fffd}\"");
}

/// The server has the request and does not answer; the future is dropped then.
#[tokio::test]
async fn a_dropped_send_keeps_its_commands() {
    let (arrived, arrivals) = tokio::sync::oneshot::channel();
    let arrived = Mutex::new(Some(arrived));
    let server = Server::start(move |connection| {
        if connection.request().is_some() {
            arrived.lock().unwrap().take().unwrap().send(()).unwrap();
        }
        connection.wait_closed();
    });
    let mut client = insecure(&server);
    client.add_node().unwrap();
    client.add_stats().unwrap();
    tokio::select! {
        result = client.send() => panic!("{result:?}"),
        arrived = arrivals => arrived.unwrap(),
    }
    assert_eq!(methods(&client), ["node", "stats"]);
    client.add_channels().unwrap();
    assert_eq!(methods(&client), ["node", "stats", "channels"]);
}

#[tokio::test]
async fn a_timeout_keeps_the_commands_too() {
    let server = Server::start(|connection| connection.wait_closed());
    let client = builder(server.url("")).insecure().timeout(Duration::from_millis(50));
    let mut client = client.build().unwrap();
    client.add_node().unwrap();
    let error = client.send().await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable(), "{error}");
    assert_eq!(client.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_added_leaves_the_buffer_as_it_was() {
    let server = LegacyCentrifugo::start(SECRET);
    let small = builder(server.url()).secret(SECRET).max_buffer_bytes(200);
    let mut client = small.build().unwrap();
    client.add_publish("public:a", json!(1)).unwrap();
    for data in [Payload::raw("{"), Payload::bytes([1, 2]), Payload::raw("")] {
        assert!(client.add_publish("public:a", data.clone()).unwrap_err().is_builder());
        assert!(client.add_broadcast(&["public:a"], data).unwrap_err().is_builder());
    }
    assert!(client.add_publish("", json!(1)).unwrap_err().is_builder());
    let error = client.add_publish("public:a", "x".repeat(200)).unwrap_err();
    assert!(error.is_full() && error.to_string().contains("200 bytes at most"), "{error}");
    assert_eq!(methods(&client), ["publish"]);
    client.send().await.unwrap();
    // The bound is on a request of one command too.
    assert!(client.publish("public:a", "x".repeat(200)).await.unwrap_err().is_full());
    assert_eq!(client.history("public:a").await.unwrap().len(), 1);
}
