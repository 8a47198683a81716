//! The whole way: published through our client, received by ours, recovered after a disconnect.
use centrifugo_api::token::{ConnectionClaims, Key};
use centrifugo_api::{Batch, Client, Disconnect, Publish};
use rt_testkit::centrifugo::{Centrifugo, free_port};
use serde_json::{Value, json};

use crate::live::Live;

const CHANNEL: &str = "public:way";

#[tokio::test]
async fn what_is_published_is_received_and_what_is_missed_is_recovered() {
    let port = free_port();
    let _server = Centrifugo::start(port);
    let client = Client::new(format!("http://127.0.0.1:{port}/api"), "key").unwrap();
    let token = Key::hs256("secret").unwrap().sign(&ConnectionClaims::new("42")).unwrap();
    let mut live = Live::connect(port, &token, &json!({ CHANNEL: {} })).await;

    let contents = [json!({"n": 1, "text": "ü\n\"<&>\u{2028}"}), json!(["two"]), json!(1e300)];
    let mut last = None;
    for data in &contents {
        last = client.publish(Publish::new(CHANNEL, data)).await.unwrap().position();
        assert_eq!(&live.next().await["pub"]["data"], data);
    }
    let position = last.unwrap();

    client.disconnect(Disconnect::new("42")).await.unwrap();
    assert_eq!(live.next().await["disconnect"]["reason"], "force disconnect");
    let missed: Batch = (0..5).map(|n| Publish::new(CHANNEL, json!({ "missed": n }))).collect();
    assert_eq!(client.batch(missed).await.unwrap().failed().count(), 0);

    let since = json!({"recover": true, "offset": position.offset, "epoch": position.epoch});
    let live = Live::connect(port, &token, &json!({ CHANNEL: since })).await;
    let subscription = &live.connect["subs"][CHANNEL];
    assert_eq!(subscription["recovered"], true, "{subscription}");
    let recovered: Vec<&Value> =
        subscription["publications"].as_array().unwrap().iter().map(|p| &p["data"]).collect();
    let expected: Vec<Value> = (0..5).map(|n| json!({ "missed": n })).collect();
    assert_eq!(recovered, expected.iter().collect::<Vec<_>>());
}
