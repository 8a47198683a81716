//! The oldest version that this API has, by the line form; the path form is not there yet.
use centrifugo_api::token::{ConnectionClaims, Key};
use centrifugo_api::{
    Batch, Broadcast, Channels, Client, Disconnect, ErrorCode, Form, History, Payload, Presence,
    Publish, Refresh, Rpc, StatusCode, Subscribe, Unsubscribe,
};
use rt_testkit::centrifugo::{Centrifugo, free_port};
use serde_json::json;

use crate::live::Live;

const CHANNEL: &str = "public:old";

#[tokio::test]
async fn version_3_is_called_by_the_line_form() {
    let port = free_port();
    let server = Centrifugo::start_v3(port);
    let endpoint = format!("http://127.0.0.1:{port}/api");
    let client = Client::builder(&endpoint).key("key").form(Form::Lines).build().unwrap();
    let token = Key::hs256("secret").unwrap().sign(&ConnectionClaims::new("42")).unwrap();
    assert!(server.check("checktoken", &token).unwrap().contains("42"));

    let claims = ConnectionClaims::new("42").channels([CHANNEL]);
    let token = Key::hs256("secret").unwrap().sign(&claims).unwrap();
    let mut live = Live::connect(port, &token, &json!({})).await;
    let raw = Payload::raw("{\n\"n\":\n1}");
    let published = client.publish(Publish::new(CHANNEL, raw)).await.unwrap();
    assert_eq!(published.offset, Some(1));
    assert_eq!(live.next().await["data"]["data"], json!({"n": 1}));
    let broadcast = Broadcast::new([CHANNEL, "nonamespace:x"], "all");
    let responses = client.broadcast(broadcast).await.unwrap().responses;
    let codes: Vec<_> =
        responses.iter().map(|one| one.as_ref().err().and_then(|e| e.code())).collect();
    assert_eq!(codes, [None, Some(ErrorCode::UnknownChannel)]);
    assert_eq!(live.next().await["data"]["data"], "all");

    let presence = client.presence(CHANNEL).await.unwrap().presence;
    assert_eq!(presence[live.client()].user, "42");
    assert_eq!(client.presence_stats(CHANNEL).await.unwrap().num_clients, 1);
    let history = client.history(History::new(CHANNEL).all()).await.unwrap();
    assert_eq!((history.publications.len(), history.offset), (2, 2));
    assert_eq!(client.channels(Channels::new()).await.unwrap().channels[CHANNEL].num_clients, 1);
    assert_eq!(client.info().await.unwrap().nodes.len(), 1);
    let error = client.rpc(Rpc::new("nope")).await.unwrap_err();
    assert!(error.is_command(), "{error:?}");

    client.subscribe(Subscribe::new("42", "public:more")).await.unwrap();
    assert_eq!(live.next().await["channel"], "public:more");
    client.refresh(Refresh::new("42").expire_at(4_102_444_800)).await.unwrap();
    client.unsubscribe(Unsubscribe::new("42", "public:more")).await.unwrap();

    let mut batch: Batch = (0..50).map(|n| Publish::new("public:many", &n)).collect();
    let bad = batch.add(Presence::new("plain"));
    let mut replies = client.batch(batch).await.unwrap();
    assert_eq!((replies.len(), replies.failed().count()), (51, 1));
    assert_eq!(replies.take(bad).unwrap_err().code(), Some(ErrorCode::NotAvailable));
    client.history_remove("public:many").await.unwrap();
    client.disconnect(Disconnect::new("42")).await.unwrap();

    let paths = Client::new(&endpoint, "key").unwrap();
    let error = paths.info().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
}
