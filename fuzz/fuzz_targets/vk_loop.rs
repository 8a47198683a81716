//! Any answers to the calls and polls of a loop, in any order: it never panics, never moves to a place
//! that nobody named, and always waits where there is nothing new.

#![no_main]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use vk_longpoll::user::LongPoll;
use vk_longpoll::{HttpClient, Item, Position, RetryPolicy};

/// Each request takes the next of these; after the last one the API refuses the token.
#[derive(Clone)]
struct Server(Arc<Mutex<VecDeque<(u16, Bytes)>>>);

const SERVER: &str = r#"{"response":{"server":"im.vk.com/nim","key":"k","ts":1,"pts":1}}"#;
const HISTORY: &str = r#"{"response":{"history":[[4,1,1,42]],"messages":{"count":1,"items":[{"id":1,"text":"x","date":1,"from_id":42}]},"new_pts":2,"more":1}}"#;
const UPDATES: &str = r#"{"ts":2,"pts":2,"updates":[[4,1,1,42,1,"x"]]}"#;

impl tower_service::Service<Request<Full<Bytes>>> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        let next = self.0.lock().unwrap().pop_front();
        let end = r#"{"error":{"error_code":5,"error_msg":"end"}}"#;
        // A poll has no error 5: it is tried again with another server, which the API refuses.
        let (status, body) = next.unwrap_or((200, Bytes::from_static(end.as_bytes())));
        let mut answer = Response::new(Full::new(body));
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        ready(Ok(answer))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut answers = VecDeque::new();
    for part in bytes.split(|byte| *byte == 0xff) {
        answers.push_back(match part {
            [] | [b's'] => (200, SERVER.into()),
            [b'h'] => (200, HISTORY.into()),
            [b'u'] => (200, UPDATES.into()),
            [b'f', code] => (200, format!(r#"{{"failed":{},"ts":9}}"#, code % 8).into()),
            [b'e', code] => (200, format!(r#"{{"error":{{"error_code":{code}}}}}"#).into()),
            [b'5'] => (502, Bytes::from_static(b"<html>")),
            part => (200, Bytes::copy_from_slice(part)),
        });
    }
    let most = answers.len() * 64 + 1_000;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let http = HttpClient::from_service(Server(Arc::new(Mutex::new(answers))));
        let builder =
            LongPoll::builder("token").http_client(http).retry(RetryPolicy::new().seed(1));
        let mut long_poll = builder.position(Position::new(1).with_pts(1)).build().unwrap();
        let mut items = 0;
        while let Some(item) = long_poll.next().await {
            items += 1;
            // An answer has as many events as it has rows; without rows, the loop ends with its
            // answers.
            match item {
                Ok(Item::Event(event)) => assert!(!event.raw().get().is_empty()),
                Ok(_) => assert!(items < most + bytes.len(), "it does not end"),
                Err(error) => drop(format!("{error} {error:?}")),
            }
        }
    });
});
