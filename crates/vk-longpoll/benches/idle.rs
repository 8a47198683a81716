//! What an idle poller takes: resident memory of many that wait for an answer, without that of an
//! HTTP client.
//!
//! `cargo bench -p vk-longpoll --bench idle`
#![allow(clippy::unwrap_used, missing_docs)]

use std::convert::Infallible;
use std::future::{Pending, pending};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::Full;
use vk_longpoll::HttpClient;
use vk_longpoll::user::{LongPoll, Session};

const POLLERS: usize = 10_000;

/// Never answers.
#[derive(Clone)]
struct Silent;

impl tower_service::Service<Request<Full<Bytes>>> for Silent {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pending<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        pending()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let http = HttpClient::from_service(Silent);
    let mut pollers = Vec::with_capacity(POLLERS);
    let mut add = |count: usize| {
        for _ in 0..count {
            let session = Session::new("im.vk.com/nim1", "0123456789abcdef", 1).with_pts(1);
            let builder = LongPoll::with_session(session).http_client(http.clone());
            let mut poller = builder.build().unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            assert!(poller.poll_next_unpin(&mut cx).is_pending());
            pollers.push(poller);
        }
    };
    // What the first ones bring with them is not theirs.
    add(100);
    let before = resident();
    add(POLLERS - 100);
    let each = (resident() - before) / (POLLERS - 100) as f64;
    println!("{each:.2} KiB an idle poller ({POLLERS} of them, without an HTTP client)");
}

/// Of this process, in KiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
