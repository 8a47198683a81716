//! Map channels, which version 6 has.
use centrifugo_api::{
    Batch, Client, ErrorCode, History, KeyMode, MapPublish, MapReadState, MapReadStream, MapRemove,
    MapStats, Payload, Position, Publish, SharedPollPublish, StatusCode,
};
use rt_testkit::centrifugo::{Centrifugo, free_port};
use serde_json::json;

#[tokio::test]
async fn a_map_is_written_read_and_cleared() {
    let port = free_port();
    let _server = Centrifugo::start_v6(port);
    let client = Client::new(format!("http://127.0.0.1:{port}/api"), "key").unwrap();
    let channel = "maps:cursors";
    let publish = |key: &str, value: u32| MapPublish::new(channel, key, json!({ "line": value }));

    let first = client.map_publish(publish("a", 1).tag("t", "v").score(5)).await.unwrap();
    assert_eq!((first.offset, first.suppressed), (1, false));
    client.map_publish(publish("b", 2).mode(KeyMode::IfNew)).await.unwrap();
    for (request, reason) in [
        (publish("b", 3).mode(KeyMode::IfNew), "key_exists"),
        (publish("c", 3).mode(KeyMode::IfExists), "key_not_found"),
    ] {
        let kept = client.map_publish(request).await.unwrap();
        assert!(kept.suppressed && kept.offset == 2, "{kept:?}");
        assert_eq!(kept.suppress_reason, reason);
    }

    assert!(client.map_read_state(channel).await.unwrap().entries.is_empty(), "no limit, no keys");
    let mut keys = Vec::new();
    let mut request = MapReadState::new(channel).limit(1);
    loop {
        let page = client.map_read_state(request).await.unwrap();
        keys.extend(page.entries.iter().map(|entry| entry.key.clone()));
        if page.cursor.is_empty() {
            break;
        }
        request = MapReadState::new(channel).limit(1).cursor(page.cursor);
    }
    assert_eq!(keys, ["a", "b"]);
    let only = client.map_read_state(MapReadState::new(channel).key("a")).await.unwrap();
    assert_eq!(only.entries[0].data.as_ref().unwrap().get(), r#"{"line":1}"#);
    assert_eq!(only.entries[0].tags["t"], "v");

    client.map_remove(MapRemove::new(channel, "a")).await.unwrap();
    let after = Position::new(2, first.epoch);
    let changes = client.map_read_stream(MapReadStream::new(channel).since(after).limit(10));
    let changes = changes.await.unwrap();
    let [removed] = &changes.entries[..] else { panic!("{changes:?}") };
    assert!(removed.removed && removed.key == "a" && removed.data.is_none());

    // In a batch, as all methods.
    let mut batch = Batch::new();
    let stats = batch.add(MapStats::new(channel));
    let history = batch.add(History::new("public:a"));
    let mut replies = client.batch(batch).await.unwrap();
    assert_eq!(replies.take(stats).unwrap().num_keys, 1);
    replies.take(history).unwrap();

    client.map_clear(channel).await.unwrap();
    assert_eq!(client.map_stats(channel).await.unwrap().num_keys, 0);
}

#[tokio::test]
async fn what_a_map_is_not_is_an_error() {
    let port = free_port();
    let _server = Centrifugo::start_v6(port);
    let client = Client::new(format!("http://127.0.0.1:{port}/api"), "key").unwrap();
    client.publish(Publish::new("public:a", "x")).await.unwrap();
    let error = client.map_publish(MapPublish::new("public:a", "k", "v")).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BadRequest), "{error:?}");
    let error = client.shared_poll_publish(SharedPollPublish::new("public:a", "k", "v").version(1));
    let error = error.await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BadRequest), "{error:?}");

    // Bytes that are not JSON make the state unreadable, as they do a history.
    let bytes = MapPublish::new("maps:bytes", "k", Payload::bytes([0, 0xff]));
    client.map_publish(bytes).await.unwrap();
    let state = client.map_read_state(MapReadState::new("maps:bytes").limit(10));
    assert_eq!(state.await.unwrap_err().status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
}
