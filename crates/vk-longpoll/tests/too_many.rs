//! Error 6, too many calls in a second: waited out, but not for ever.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::Instant;
use vk_longpoll::{Api, ApiError, HttpClient};

/// Refuses each call.
#[derive(Clone)]
struct Busy;

impl tower_service::Service<Request<Full<Bytes>>> for Busy {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        let busy = r#"{"error":{"error_code":6,"error_msg":"Too many requests per second"}}"#;
        ready(Ok(Response::new(Full::from(busy))))
    }
}

#[tokio::test(start_paused = true)]
async fn two_programs_that_are_refused_together_do_not_come_back_together() {
    let mut waits = Vec::new();
    for _ in 0..20 {
        let http = HttpClient::from_service(Busy);
        let api = Api::builder("token").http_client(http).calls_per_second(0).build().unwrap();
        let start = Instant::now();
        let error = api.call::<Value>("users.get", &()).await.unwrap_err();
        assert_eq!(error.api().unwrap().code(), ApiError::TOO_MANY_PER_SECOND);
        let waited = start.elapsed();
        assert!(
            (Duration::from_secs(4)..Duration::from_millis(6_100)).contains(&waited),
            "{waited:?}"
        );
        waits.push(waited);
    }
    waits.sort_unstable();
    let range = waits[19] - waits[0];
    assert!(range > Duration::from_millis(100), "{waits:?}");
}
