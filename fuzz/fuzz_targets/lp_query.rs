//! Any query of a poll, with any cursor: it is answered at once or it waits, and what it is answered
//! is one of the protocol's answers.

#![no_main]

use arbitrary::Arbitrary;
use http::Request;
use libfuzzer_sys::fuzz_target;
use lp_server::LongPoll;
use rt_broker::Message;
use std::cell::OnceCell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use tokio::runtime::{Builder, Runtime};

const HELD: usize = 3;

#[derive(Arbitrary, Debug)]
enum Input {
    Query(Vec<u8>),
    /// Behind a whole query, in golongpoll's form.
    Rest(Vec<u8>),
    /// The cursor of a strict poll: made up, or that of the topic with bytes changed.
    Cursor(Vec<u8>),
    Changed {
        at: u8,
        to: u8,
    },
}

thread_local! {
    static POLLS: OnceCell<(Runtime, LongPoll, String)> = const { OnceCell::new() };
}

fn setup() -> (Runtime, LongPoll, String) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let polls = LongPoll::in_memory();
    let cursor = runtime.block_on(async {
        for n in 0..HELD {
            let message = Message::json(n.to_string());
            polls.broker().publish("a", message).await.expect("published");
        }
        let request =
            Request::get("/?form=strict&category=a&since_time=0").body(()).expect("a poll");
        let answer = polls.subscribe(&request.into_parts().0).await;
        answer.headers()["longpoll-cursor"].to_str().expect("text").to_owned()
    });
    (runtime, polls, cursor)
}

fuzz_target!(|input: Input| {
    POLLS.with(|cell| {
        let (runtime, polls, cursor) = cell.get_or_init(setup);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let query = match input {
            Input::Query(query) => text(query),
            Input::Rest(rest) => format!("timeout=1&category=a{}", text(rest)),
            Input::Cursor(cursor) => format!("form=strict&category=a&cursor={}", text(cursor)),
            Input::Changed { at, to } => {
                let mut bytes = cursor.clone().into_bytes();
                let at = usize::from(at) % bytes.len();
                bytes[at] = to;
                format!("form=strict&category=a&cursor={}", text(bytes))
            }
        };
        let Ok(request) = Request::get(format!("/events?{query}")).body(()) else { return };
        let _guard = runtime.enter();
        let mut answer = pin!(polls.subscribe(&request.into_parts().0));
        let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        // It waits: for an event that is not there.
        let std::task::Poll::Ready(response) = polled else { return };
        assert!(matches!(response.status().as_u16(), 200 | 400), "{}", response.status());
        let body = response.into_body().into_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        match json["events"].as_array() {
            Some(events) => assert!(events.len() <= HELD),
            None => assert!(json["error"].is_string(), "{json}"),
        }
    });
});
