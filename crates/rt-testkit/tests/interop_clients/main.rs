//! Public SSE clients against the gateway, over connections that are cut at random bytes.
//!
//! Each client follows one zone through a proxy, and prints what it is given. Where the standard's
//! behaviour allows it, every event must arrive once and in order. Where a client has a fault that no
//! server can cover, its test says which, and holds that it is nothing else.
//!
//! `EXAMPLES` names the folder of the built examples, `CLIENTS` that of the clients.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

mod outcome;
mod peers;

use outcome::{BYTES, Outcome};
use peers::{go, node, python, rust};

#[tokio::test(flavor = "multi_thread")]
async fn eventsource_2_loses_only_events_that_were_cut_off_right_after_their_id() {
    let outcome = Outcome::of("eventsource", "2.0.2", node("eventsource-2")).await;
    outcome.loses_only_what_was_cut_after_its_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn eventsource_4_gets_every_event_once() {
    Outcome::of("eventsource", "4.1.1", node("eventsource-4")).await.is_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn eventsource_client_gets_every_event_once() {
    Outcome::of("eventsource-client", "1.2.0", node("eventsource-client")).await.is_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_event_source_loses_only_events_that_were_cut_off_right_after_their_id() {
    let client = node("fetch-event-source");
    let outcome = Outcome::of("@microsoft/fetch-event-source", "2.0.1", client).await;
    outcome.loses_only_what_was_cut_after_its_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn reconnecting_eventsource_gets_every_event_once() {
    let client = node("reconnecting-eventsource");
    Outcome::of("reconnecting-eventsource", "1.6.5", client).await.is_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn sseclient_py_gets_every_event_once() {
    Outcome::of("sseclient-py", "1.9.0", python("sseclient_py")).await.is_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn httpx_sse_gets_every_event_once() {
    Outcome::of("httpx-sse", "0.4.3", python("httpx_sse_client")).await.is_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn aiohttp_sse_client2_gets_every_event_once() {
    Outcome::of("aiohttp-sse-client2", "0.3.0", python("aiohttp_sse_client")).await.is_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn r3labs_sse_loses_nothing_but_gives_events_that_were_cut_and_repeats_others() {
    // Seldom cut, or it never gets to the end: with an id that was cut off it begins again.
    let outcome = Outcome::with_cuts("r3labs/sse", "2.10.0", go("r3labs"), 30 * BYTES).await;
    outcome.is_complete_beside_cut_events();
}

#[tokio::test(flavor = "multi_thread")]
async fn tmaxmax_go_sse_gets_every_event_once() {
    Outcome::of("tmaxmax/go-sse", "0.11.0", go("tmaxmax")).await.is_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_eventsource_client_gets_every_event_once() {
    Outcome::of("eventsource-client (Rust)", "0.18.0", rust("sse-clients")).await.is_exact();
}
