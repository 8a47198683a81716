//! What our client does for a publish, on our transport.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use rt_common::HttpClient;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{CHANNEL, Payload, Publisher};

const DEADLINE: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 16 << 20;

#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: HttpClient,
    publish: Uri,
    batch: Uri,
    headers: HeaderMap,
}

pub fn client(http: HttpClient, url: &str, key: &str) -> Client {
    let uri = |method: &str| format!("{url}/{method}").parse().expect("a URL");
    let authorization = HeaderValue::try_from(format!("apikey {key}")).expect("a key");
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Client(Arc::new(Inner { http, publish: uri("publish"), batch: uri("batch"), headers }))
}

#[derive(Serialize)]
struct Publish {
    channel: &'static str,
    data: Box<RawValue>,
}

#[derive(Serialize)]
struct Batch {
    commands: Vec<Command>,
}

#[derive(Serialize)]
struct Command {
    publish: Publish,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Published>,
    error: Option<Failed>,
}

#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    epoch: String,
}

#[derive(Deserialize)]
struct Replies {
    replies: Vec<Reply>,
}

#[derive(Deserialize)]
struct Reply {
    publish: Option<Published>,
    error: Option<Failed>,
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)] // Shown when it comes.
struct Failed {
    code: u32,
    message: String,
}

fn publication(data: &Payload<'_>) -> Publish {
    Publish { channel: CHANNEL, data: serde_json::value::to_raw_value(data).expect("JSON") }
}

impl Client {
    async fn post<T: for<'a> Deserialize<'a>>(&self, uri: &Uri, body: Vec<u8>) -> T {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        request.headers_mut().clone_from(&self.0.headers);
        let taken = async {
            let answer = self.0.http.send(request).await?;
            assert_eq!(answer.status(), StatusCode::OK);
            answer.into_body().collect_within(MAX_ANSWER).await
        };
        let body = tokio::time::timeout(DEADLINE, taken).await.expect("in time").expect("answered");
        serde_json::from_slice(&body).expect("an answer")
    }
}

impl Publisher for Client {
    async fn publish(&self, data: Payload<'_>) {
        let body = serde_json::to_vec(&publication(&data)).expect("JSON");
        let answer: Answer = self.post(&self.0.publish, body).await;
        assert!(answer.error.is_none(), "{:?}", answer.error);
        let published = answer.result.expect("a result");
        std::hint::black_box((published.offset, published.epoch));
    }

    async fn publish_batch(&self, data: Vec<Payload<'_>>) {
        let command = |data| Command { publish: publication(data) };
        let batch = Batch { commands: data.iter().map(command).collect() };
        let body = serde_json::to_vec(&batch).expect("JSON");
        drop(batch);
        let answer: Replies = self.post(&self.0.batch, body).await;
        assert_eq!(answer.replies.len(), data.len());
        for reply in answer.replies {
            assert!(reply.error.is_none(), "{:?}", reply.error);
            std::hint::black_box(reply.publish.expect("a result").offset);
        }
    }
}
