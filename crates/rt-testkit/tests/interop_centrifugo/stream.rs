//! sse-client reads a real Centrifugo v5's `uni_sse`: order, content, pings, and a recovery
//! without a hole after the server cut the connection, and after it was restarted.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Uri};
use rt_testkit::centrifugo::{Centrifugo, free_port};
use serde_json::{Value, json};
use sse_client::{Disconnected, EventStream, HttpClient, RetryPolicy, StreamItem};

const LONG: Duration = Duration::from_secs(20);
const CHANNEL: &str = "public:chat";

#[tokio::test]
async fn publications_pings_and_recovery() {
    let port = free_port();
    let server = Centrifugo::start(port);
    let position = Arc::new(Mutex::new(Position::default()));
    let mut stream = follow(port, &position);

    opened(&mut stream).await;
    let connect = message(&mut stream, &position).await;
    assert_eq!(connect["connect"]["subs"][CHANNEL]["recoverable"], true, "{connect}");

    // Order and content, as published through the server's API.
    let contents =
        [json!({"n": 1, "text": "ü\n\"<&>"}), json!(["two"]), json!("three"), json!({"n": 4})];
    for (offset, data) in (1..).zip(&contents) {
        assert_eq!(publish(port, data).await, offset);
    }
    for (offset, data) in (1..).zip(&contents) {
        assert_eq!(next_but_pings(&mut stream, &position).await, publication(offset, data));
    }

    // A ping is an event with an empty object.
    assert_eq!(message(&mut stream, &position).await, json!({}));

    // The server says why, ends the stream, and recovery fills the hole.
    api(port, "disconnect", &json!({ "user": "" })).await;
    let bye = next_but_pings(&mut stream, &position).await;
    assert_eq!(bye["disconnect"]["reason"], "force disconnect", "{bye}");
    let lost = disconnected(&mut stream).await;
    assert!(lost.was_open && lost.error.is_end_of_body(), "{lost:?}");
    assert_eq!(publish(port, &json!("missed 5")).await, 5);
    assert_eq!(publish(port, &json!("missed 6")).await, 6);
    opened(&mut stream).await;
    let connect = message(&mut stream, &position).await;
    let subscription = &connect["connect"]["subs"][CHANNEL];
    assert_eq!(subscription["recovered"], true, "{connect}");
    let missed = json!([{"data": "missed 5", "offset": 5}, {"data": "missed 6", "offset": 6}]);
    assert_eq!(subscription["publications"], missed);
    assert_eq!(publish(port, &json!("live")).await, 7);
    let live = next_but_pings(&mut stream, &position).await;
    assert_eq!(live, publication(7, &json!("live")));

    // A server that dies is waited for; in memory it has lost its history, and says so.
    drop(server);
    let lost = disconnected_after_pings(&mut stream).await;
    assert!(lost.was_open && lost.error.is_retryable(), "{lost:?}");
    let lost = disconnected(&mut stream).await;
    assert!(!lost.was_open && lost.error.is_connect(), "{lost:?}");
    let _server = Centrifugo::start(port);
    loop {
        match item(&mut stream).await {
            StreamItem::Opened(_) => break,
            StreamItem::Disconnected(lost) => assert!(lost.error.is_connect(), "{lost:?}"),
            other => panic!("{other:?}"),
        }
    }
    let connect = message(&mut stream, &position).await;
    let subscription = &connect["connect"]["subs"][CHANNEL];
    assert_eq!(subscription["was_recovering"], true, "{connect}");
    assert_ne!(subscription["recovered"], true, "{connect}");
}

/// Where the reader stands in the channel; Centrifugo sends no event ids.
#[derive(Default)]
struct Position {
    epoch: Option<String>,
    offset: u64,
}

/// A stream whose hook asks for what was missed since the position.
fn follow(port: u16, position: &Arc<Mutex<Position>>) -> EventStream {
    let position = Arc::clone(position);
    let retry = RetryPolicy::new().base(Duration::from_millis(100)).max(Duration::from_millis(400));
    EventStream::builder(format!("http://127.0.0.1:{port}/connection/uni_sse"))
        .http_client(HttpClient::builder().no_proxy().build().unwrap())
        .retry(retry)
        .idle_timeout(LONG)
        .before_attempt(move |mut request, _| {
            let uri = connect_uri(request.uri(), &position.lock().unwrap());
            async move {
                *request.uri_mut() = uri;
                Ok(request)
            }
        })
        .build()
        .unwrap()
}

fn connect_uri(base: &Uri, position: &Position) -> Uri {
    let subscription = match &position.epoch {
        None => json!({}),
        Some(epoch) => json!({"recover": true, "epoch": epoch, "offset": position.offset}),
    };
    let connect = json!({ "subs": { CHANNEL: subscription } }).to_string();
    let mut url = url::Url::parse(&base.to_string()).unwrap();
    url.query_pairs_mut().append_pair("cf_connect", &connect);
    url.as_str().parse().unwrap()
}

async fn item(stream: &mut EventStream) -> StreamItem {
    let next = tokio::time::timeout(LONG, stream.next()).await.expect("something within 20 s");
    next.expect("the stream goes on").expect("no error")
}

async fn opened(stream: &mut EventStream) {
    let item = item(stream).await;
    assert!(matches!(item, StreamItem::Opened(_)), "{item:?}");
}

async fn disconnected(stream: &mut EventStream) -> Disconnected {
    match item(stream).await {
        StreamItem::Disconnected(lost) => lost,
        other => panic!("expected a lost connection, got {other:?}"),
    }
}

async fn disconnected_after_pings(stream: &mut EventStream) -> Disconnected {
    loop {
        match item(stream).await {
            StreamItem::Disconnected(lost) => return lost,
            StreamItem::Event(event) if event.data() == "{}" => {}
            other => panic!("expected a lost connection, got {other:?}"),
        }
    }
}

/// The next frame; the position follows it.
async fn message(stream: &mut EventStream, position: &Mutex<Position>) -> Value {
    let frame: Value = match item(stream).await {
        StreamItem::Event(event) => event.json().unwrap(),
        other => panic!("expected an event, got {other:?}"),
    };
    let mut position = position.lock().unwrap();
    let subscription = &frame["connect"]["subs"][CHANNEL];
    if let Some(epoch) = subscription["epoch"].as_str() {
        position.epoch = Some(epoch.to_owned());
        let missed = subscription["publications"].as_array();
        if let Some(last) = missed.and_then(|missed| missed.last()) {
            position.offset = last["offset"].as_u64().unwrap();
        }
    }
    if let Some(offset) = frame["pub"]["offset"].as_u64() {
        position.offset = offset;
    }
    frame
}

async fn next_but_pings(stream: &mut EventStream, position: &Mutex<Position>) -> Value {
    loop {
        let frame = message(stream, position).await;
        if frame != json!({}) {
            return frame;
        }
    }
}

fn publication(offset: u64, data: &Value) -> Value {
    json!({"channel": CHANNEL, "pub": {"data": data, "offset": offset}})
}

/// Publishes through the server's API; the offset.
async fn publish(port: u16, data: &Value) -> u64 {
    let answer = api(port, "publish", &json!({"channel": CHANNEL, "data": data})).await;
    answer["result"]["offset"].as_u64().expect("an offset")
}

async fn api(port: u16, method: &str, body: &Value) -> Value {
    let client = HttpClient::builder().no_proxy().build().unwrap();
    let request = Request::post(format!("http://127.0.0.1:{port}/api/{method}"))
        .header("x-api-key", "key")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let answer = client.fetch(request, LONG, 1 << 20).await.unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    serde_json::from_slice(answer.body()).unwrap()
}
