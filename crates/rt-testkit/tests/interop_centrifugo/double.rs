//! The published test server answers as the real one does: the same requests to both, and their
//! answers compared, byte for byte but for epochs, ids and the order of fields.
use bytes::Bytes;
use centrifugo_api::HttpClient;
use centrifugo_api::test_server::{ChannelOptions, TestServer};
use centrifugo_api::token::{ConnectionClaims, Key};
use http::Request;
use rt_testkit::centrifugo::{Centrifugo, free_port};
use serde_json::{Value, json};

use crate::live::{LONG, Live};

/// A path, and the body that goes to it, in their order.
const REQUESTS: &[(&str, &str)] = &[
    ("/api/publish", r#"{"channel":"public:chat","data":{"input":"test"}}"#),
    (
        "/api/publish",
        r#"{"channel":"public:chat","data":"once","tags":{"k":"v"},"idempotency_key":"id-1"}"#,
    ),
    (
        "/api/publish",
        r#"{"channel":"public:chat","data":"once","tags":{"k":"v"},"idempotency_key":"id-1"}"#,
    ),
    ("/api/publish", r#"{"channel":"public:chat","data":"else","idempotency_key":"id-1"}"#),
    ("/api/publish", r#"{"channel":"public:chat","data":1,"skip_history":true}"#),
    ("/api/publish", r#"{"channel":"public:chat","data":null}"#),
    ("/api/publish", r#"{"channel":"public:chat","b64data":"eyJiIjo2NH0="}"#),
    ("/api/publish", r#"{"channel":"public:chat","b64data":"@@@"}"#),
    ("/api/publish", r#"{"channel":"public:chat"}"#),
    ("/api/publish", r#"{"data":{}}"#),
    ("/api/publish", r#"{"channel":1}"#),
    ("/api/publish", r#"{"channel":"#),
    ("/api/publish", ""),
    ("/api/publish", r#"{"channel":"plain","data":{}}"#),
    ("/api/publish", r#"{"channel":"nonamespace:x","data":{}}"#),
    (
        "/api/broadcast",
        r#"{"channels":["public:chat","public:b","nonamespace:x","plain"],"data":1}"#,
    ),
    ("/api/broadcast", r#"{"channels":[],"data":{}}"#),
    ("/api/broadcast", r#"{"channels":["public:chat"]}"#),
    ("/api/history", r#"{"channel":"public:chat"}"#),
    ("/api/history", r#"{"channel":"public:chat","limit":2}"#),
    ("/api/history", r#"{"channel":"public:chat","limit":-1,"reverse":true}"#),
    ("/api/history", r#"{"channel":"public:chat","limit":2,"since":{"offset":1}}"#),
    ("/api/history", r#"{"channel":"public:chat","limit":2,"since":{"offset":3},"reverse":true}"#),
    ("/api/history", r#"{"channel":"public:chat","limit":2,"since":{"offset":1,"epoch":"wrong"}}"#),
    ("/api/history", r#"{"channel":"public:nothing","limit":-1}"#),
    ("/api/history", r#"{"channel":"plain"}"#),
    ("/api/history", r#"{"channel":"nonamespace:x"}"#),
    ("/api/history", r#"{}"#),
    ("/api/history_remove", r#"{"channel":"plain"}"#),
    ("/api/history_remove", r#"{"channel":"public:chat"}"#),
    ("/api/history", r#"{"channel":"public:chat","limit":-1}"#),
    ("/api/publish", r#"{"channel":"public:chat","data":"after"}"#),
    // Bytes that are not JSON: history fails as a whole until they have left it.
    ("/api/publish", r#"{"channel":"public:bytes","b64data":"AAH/"}"#),
    ("/api/history", r#"{"channel":"public:bytes"}"#),
    ("/api/history", r#"{"channel":"public:bytes","limit":5}"#),
    (
        "/api/batch",
        r#"{"commands":[{"history":{"channel":"public:bytes","limit":5}},{"info":{}}]}"#,
    ),
    ("/api", r#"{"method":"history","params":{"channel":"public:bytes","limit":5}}"#),
    ("/api/history_remove", r#"{"channel":"public:bytes"}"#),
    ("/api/history", r#"{"channel":"public:bytes","limit":5}"#),
    ("/api/presence", r#"{"channel":"plain"}"#),
    ("/api/presence", r#"{"channel":"public:empty"}"#),
    ("/api/presence", r#"{"channel":""}"#),
    ("/api/presence", r#"{"channel":"public:seen"}"#),
    ("/api/presence_stats", r#"{"channel":"public:seen"}"#),
    ("/api/presence_stats", r#"{"channel":"public:empty"}"#),
    ("/api/presence_stats", r#"{"channel":"public:seen","zzz":1}"#),
    ("/api/channels", r#"{}"#),
    ("/api/channels", r#"{"pattern":"pub*"}"#),
    ("/api/channels", r#"{"pattern":"x*"}"#),
    ("/api/subscribe", r#"{"user":"42","channel":"public:late","info":{"ch":1}}"#),
    ("/api/subscribe", r#"{"user":"nobody","channel":"public:late"}"#),
    ("/api/subscribe", r#"{"user":"42","channel":"nonamespace:x"}"#),
    ("/api/subscribe", r#"{"user":"42"}"#),
    ("/api/presence", r#"{"channel":"public:late"}"#),
    ("/api/unsubscribe", r#"{"user":"42","channel":"public:late"}"#),
    ("/api/unsubscribe", r#"{"user":"42","channel":"nonamespace:x"}"#),
    ("/api/presence", r#"{"channel":"public:late"}"#),
    ("/api/refresh", r#"{"user":"42","expire_at":4102444800}"#),
    ("/api/rpc", r#"{"method":"nope","params":{}}"#),
    ("/api/rpc", r#"{}"#),
    ("/api/publish", r#"{"channel":"nonamespace:x"}"#),
    ("/api/history", r#"{"channel":"public:chat","limit":2,"since":{"offset":0},"reverse":true}"#),
    (
        "/api/batch",
        r#"{"commands":[{"publish":{"channel":"public:chat","data":1}},{"publish":{"channel":1}}]}"#,
    ),
    ("/api/history", r#"{"channel":"public:chat"}"#),
    (
        "/api",
        "{\"id\":1,\"method\":\"publish\",\"params\":{\"channel\":1}}\n{\"id\":2,\"method\":\"presence\",\"params\":{\"channel\":\"plain\"}}",
    ),
    ("/api/batch", r#"{"commands":[]}"#),
    ("/api/batch", r#"{}"#),
    (
        "/api/batch",
        r#"{"commands":[{"publish":{"channel":"public:chat","data":1}},{"nope":{}},{"publish":{"channel":"nonamespace:x","data":1}},{"broadcast":{"channels":["public:b","nonamespace:x"],"data":1}},{"presence_stats":{"channel":"public:seen"}},{"unsubscribe":{"user":"nobody","channel":"public:b"}}]}"#,
    ),
    (
        "/api/batch",
        r#"{"parallel":true,"commands":[{"presence_stats":{"channel":"public:seen"}}]}"#,
    ),
    ("/api/nope", r#"{}"#),
    ("/api/", r#"{"method":"presence_stats","params":{"channel":"public:seen"}}"#),
    ("/nothing", "{}"),
    ("/api", r#"{"method":"publish","params":{"channel":"public:chat","data":1}}"#),
    (
        "/api",
        "{\"id\":1,\"method\":\"presence_stats\",\"params\":{\"channel\":\"public:seen\"}}\n{\"id\":2,\"method\":\"presence\",\"params\":{\"channel\":\"plain\"}}",
    ),
    ("/api", r#"{"method":"nope","params":{}}"#),
    ("/api", ""),
    ("/api/disconnect", r#"{"user":"42","whitelist":["CLIENT"]}"#),
    ("/api/presence_stats", r#"{"channel":"public:seen"}"#),
    ("/api/disconnect", r#"{"user":"42","client":"CLIENT"}"#),
    ("/api/disconnect", r#"{"user":"nobody"}"#),
];

#[tokio::test]
async fn the_same_answers_as_the_real_server_gives() {
    let port = free_port();
    let _real = Centrifugo::start(port);
    let double = TestServer::builder()
        .channels(ChannelOptions::none())
        .namespace("public", ChannelOptions::new().history(10))
        .start()
        .await
        .unwrap();
    let token = Key::hs256("secret").unwrap().sign(&ConnectionClaims::new("42")).unwrap();
    let live = Live::connect(port, &token, &json!({ "public:seen": {} })).await;
    double.connect("42", live.client(), ["public:seen"]);

    let real = format!("127.0.0.1:{port}");
    let ours = double.addr().to_string();
    let mut differ = Vec::new();
    for mode in [None, Some("transport")] {
        for (path, body) in REQUESTS {
            let body = body.replace("CLIENT", live.client());
            let headers = [("x-api-key", Some("key")), ("x-centrifugo-error-mode", mode)];
            let theirs = ask("POST", &real, path, &body, &headers).await;
            let answer = ask("POST", &ours, path, &body, &headers).await;
            if answer != theirs {
                differ
                    .push(format!("{path} {body} {mode:?}\n  real {theirs:?}\n  ours {answer:?}"));
            }
        }
    }
    // Who is asked for a key, and in which ways it may come.
    for headers in [
        [("x-api-key", None), ("authorization", None)],
        [("x-api-key", Some("bad")), ("authorization", None)],
        [("x-api-key", None), ("authorization", Some("apikey key"))],
        [("x-api-key", None), ("authorization", Some("apikey bad"))],
        [("x-api-key", None), ("authorization", Some("Bearer key"))],
    ] {
        for path in ["/api/presence_stats", "/api/presence_stats?api_key=key", "/api/nope"] {
            let body = r#"{"channel":"public:chat"}"#;
            for method in ["POST", "GET"] {
                let theirs = ask(method, &real, path, body, &headers).await;
                let answer = ask(method, &ours, path, body, &headers).await;
                if answer != theirs {
                    let request = format!("{method} {path} {headers:?}");
                    differ.push(format!("{request}\n  real {theirs:?}\n  ours {answer:?}"));
                }
            }
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

type Answer = (u16, Option<String>, Result<Vec<Value>, String>);

/// The status, the content type, and the body: as JSON values if it is JSON.
async fn ask(
    method: &str,
    server: &str,
    path: &str,
    body: &str,
    headers: &[(&'static str, Option<&'static str>)],
) -> Answer {
    let client = HttpClient::builder().no_proxy().build().unwrap();
    let mut request = Request::builder().method(method).uri(format!("http://{server}{path}"));
    for (name, value) in headers {
        if let Some(value) = value {
            request = request.header(*name, *value);
        }
    }
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    let answer = client.fetch(request, LONG, 1 << 20).await.unwrap();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_str(&text).into_iter().collect();
    let values = match values {
        Ok(mut values) if kind.as_deref() == Some("application/json") => {
            values.iter_mut().for_each(mask);
            Ok(values)
        }
        _ => Err(text),
    };
    (answer.status().as_u16(), kind, values)
}

/// Epochs are random.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "epoch" => *value = "masked".into(),
                    _ => mask(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
