//! Any Last-Event-ID: the stream begins, goes on where it can, and says so where it cannot.

#![no_main]

use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use rt_broker::Position;
use sse_codec::{Decoder, Item};
use sse_hub::{Hub, Packet, random_id};
use std::cell::OnceCell;
use tokio::runtime::{Builder, Runtime};

const HELD: usize = 3;

thread_local! {
    static HUB: OnceCell<(Runtime, Hub, Position)> = const { OnceCell::new() };
}

fn setup() -> (Runtime, Hub, Position) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let hub = Hub::in_memory();
    let sent = runtime.block_on(async {
        for n in 0..HELD {
            hub.send(Packet::to_zone("z", n.to_string())).await.expect("sent");
        }
        let mut subscription = hub.broker().subscribe("z", rt_broker::Start::Live).expect("open");
        subscription.try_next().expect("readable");
        subscription.position().expect("open")
    });
    (runtime, hub, sent)
}

fuzz_target!(|input: (bool, &[u8])| {
    let (of_this_life, bytes) = input;
    HUB.with(|cell| {
        let (runtime, hub, head) = cell.get_or_init(setup);
        let text = String::from_utf8_lossy(bytes);
        // Every second input begins as a position of this topic does.
        let id = if of_this_life { format!("{}-{text}", head.epoch()) } else { text.into_owned() };
        if let Ok(position) = id.parse::<Position>() {
            assert_eq!(position.to_string(), id);
            assert_eq!(Position::from_uuid(position.to_uuid()), Some(position));
        }
        let Ok(header) = HeaderValue::from_bytes(id.as_bytes()) else { return };
        let mut request = Request::get("/").body(()).expect("a request");
        request.headers_mut().insert("last-event-id", header);
        let _guard = runtime.enter();
        let response = hub.register(&request, "z", random_id);
        if response.status() == 204 {
            return;
        }
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        let mut decoder = Decoder::new();
        let (mut gaps, mut messages) = (0, 0);
        runtime.block_on(async {
            loop {
                let frame = tokio::select! {
                    biased;
                    frame = body.frame() => frame,
                    () = std::future::ready(()) => break,
                };
                let data = frame.expect("open").expect("never fails").into_data().expect("data");
                let mut feed = decoder.feed(&data);
                while let Some(item) = feed.next() {
                    if let Item::Event(event) = item {
                        gaps += usize::from(event.event() == "gap");
                        messages += usize::from(event.event() == "message");
                    }
                }
            }
        });
        let resumed = id.parse::<Position>().ok().filter(|p| p.epoch() == head.epoch());
        match resumed.filter(|position| position.offset() <= head.offset()) {
            Some(p) => assert_eq!((gaps, messages), (0, (head.offset() - p.offset()) as usize)),
            None if id.is_empty() => assert_eq!((gaps, messages), (0, 0)),
            None => assert_eq!((gaps, messages), (1, HELD)),
        }
    });
});
