//! A live connection, by its event stream.
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use sse_client::{EventStream, HttpClient, StreamItem};

pub const LONG: Duration = Duration::from_secs(20);

/// A connection that was let in.
pub struct Live {
    stream: EventStream,
    /// What it was told when it connected.
    pub connect: Value,
}

impl Live {
    /// Connects with this token and these subscriptions; the first frame must be the connect.
    pub async fn connect(port: u16, token: &str, subs: &Value) -> Self {
        let (stream, first) = open(port, &json!({"token": token, "subs": subs})).await;
        // Version 3 has a frame's content under the name `data`.
        let is_new = first["connect"].is_object();
        let connect = first[if is_new { "connect" } else { "data" }].clone();
        assert!(connect["client"].is_string(), "{first}");
        Self { stream, connect }
    }

    /// The client id.
    pub fn client(&self) -> &str {
        self.connect["client"].as_str().unwrap()
    }

    /// The next frame that is no ping.
    pub async fn next(&mut self) -> Value {
        loop {
            let frame = frame(&mut self.stream).await;
            if frame != json!({}) {
                return frame;
            }
        }
    }
}

/// What a connection that is not let in is told.
pub async fn refusal(port: u16, token: &str) -> Value {
    open(port, &json!({ "token": token })).await.1
}

async fn open(port: u16, connect: &Value) -> (EventStream, Value) {
    let mut url = url::Url::parse(&format!("http://127.0.0.1:{port}/connection/uni_sse")).unwrap();
    url.query_pairs_mut().append_pair("cf_connect", &connect.to_string());
    let mut stream = EventStream::builder(url)
        .http_client(HttpClient::builder().no_proxy().build().unwrap())
        .idle_timeout(LONG)
        .build()
        .unwrap();
    let first = frame(&mut stream).await;
    (stream, first)
}

async fn frame(stream: &mut EventStream) -> Value {
    loop {
        let next = tokio::time::timeout(LONG, stream.next()).await.expect("something within 20 s");
        match next.expect("the stream goes on").expect("no error") {
            StreamItem::Event(event) => return event.json().unwrap(),
            StreamItem::Opened(_) => {}
            other => panic!("expected an event, got {other:?}"),
        }
    }
}
