//! Joined calls keep their order, whatever the requests take.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use centrifugo_api::{AutoBatchOptions, Client, Form, HttpClient, Publish};
use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};

/// A server that takes the longer for a request the earlier it comes, and does it at the end of that.
#[derive(Clone, Default)]
struct Slow {
    requests: Arc<Mutex<u64>>,
    published: Arc<Mutex<HashMap<String, Vec<u64>>>>,
}

impl tower_service::Service<Request<Bytes>> for Slow {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let number = {
                let mut requests = this.requests.lock().unwrap();
                *requests += 1;
                *requests
            };
            tokio::time::sleep(Duration::from_millis(50 - (number * 7) % 50)).await;
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            let commands = body["commands"].as_array().unwrap();
            let mut published = this.published.lock().unwrap();
            for command in commands {
                let publish = &command["publish"];
                let channel = publish["channel"].as_str().unwrap().to_owned();
                published.entry(channel).or_default().push(publish["data"].as_u64().unwrap());
            }
            let replies = vec![json!({"publish": {}}); commands.len()];
            let reply = json!({ "replies": replies }).to_string();
            Ok(Response::new(Full::from(reply)))
        })
    }
}

/// Makes 3,000 concurrent calls, and returns what was published to each of three channels, in order.
async fn published(options: AutoBatchOptions) -> Vec<Vec<u64>> {
    let server = Slow::default();
    let http = HttpClient::from_service::<Bytes, _, _>(server.clone());
    let builder = Client::builder("http://h/api").key("key").http_client(http).form(Form::Paths);
    let client = builder.timeout(Duration::from_secs(3600)).build().unwrap();
    let joined = client.auto_batch(options.max_commands(10).max_waiting(200));
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..3_000_u64 {
        let joined = joined.clone();
        calls.spawn(async move { joined.publish(Publish::new(format!("c{}", n % 3), &n)).await });
    }
    while let Some(published) = calls.join_next().await {
        published.unwrap().unwrap();
    }
    let published = server.published.lock().unwrap();
    (0..3).map(|channel| published[&format!("c{channel}")].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn joined_calls_are_done_in_the_order_in_which_they_are_made() {
    for (channel, got) in published(AutoBatchOptions::new()).await.into_iter().enumerate() {
        let expected: Vec<u64> = (0..3_000).filter(|n| n % 3 == channel as u64).collect();
        assert_eq!(got, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn unordered_calls_overtake_each_other_and_none_is_lost() {
    for mut got in published(AutoBatchOptions::new().unordered()).await {
        assert!(!got.is_sorted(), "this server is one that brings them out of order");
        got.sort_unstable();
        assert_eq!(got.len(), 1_000);
    }
}
