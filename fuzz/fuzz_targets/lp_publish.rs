//! Any body of a publication: refused, or given to pollers as JSON that every reader takes.

#![no_main]

use http::Request;
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use lp_server::LongPoll;
use std::cell::OnceCell;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static POLLS: OnceCell<(Runtime, LongPoll)> = const { OnceCell::new() };
}

fuzz_target!(|input: (bool, Vec<u8>)| {
    POLLS.with(|cell| {
        let (runtime, polls) = cell.get_or_init(|| {
            let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
            (runtime, LongPoll::in_memory())
        });
        let (data_only, bytes) = input;
        // Every second input is the data of a body that is sound otherwise.
        let body = match data_only {
            true => [br#"{"category":"a","data":"#, &*bytes, b"}"].concat(),
            false => bytes,
        };
        runtime.block_on(async {
            let request = Request::post("/publish").body(Full::<bytes::Bytes>::from(body));
            let answer = polls.publish(request.expect("a request")).await;
            if !data_only || answer.status() != 200 {
                assert!(matches!(answer.status().as_u16(), 200 | 400), "{}", answer.status());
                return;
            }
            let poll = "/events?timeout=1&category=a&since_time=0";
            let (poll, ()) = Request::get(poll).body(()).expect("a poll").into_parts();
            let answer = polls.subscribe(&poll).await.into_body().into_bytes();
            // Deeper than this reader goes; Go's and a browser's do.
            let mut depth = 0_usize;
            let deepest = answer.iter().map(|byte| {
                depth = match byte {
                    b'[' | b'{' => depth + 1,
                    b']' | b'}' => depth.saturating_sub(1),
                    _ => depth,
                };
                depth
            });
            if deepest.max() < Some(100) {
                serde_json::from_slice::<serde_json::Value>(&answer).expect("JSON");
            }
            polls.broker().engine().history().remove("a").await.expect("removed");
        });
    });
});
