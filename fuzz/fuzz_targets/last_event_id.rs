//! Any Last-Event-ID: the stream begins, goes on where it can, and says so where it cannot.

#![no_main]

use arbitrary::Arbitrary;
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

/// How the input is made more likely to be an id that means something.
#[derive(Arbitrary, Debug)]
enum Shape {
    Anything,
    /// A position of this topic.
    Position,
    /// A close of this topic, whose position and tag are the input's.
    Close {
        offset: u8,
        kind: bool,
        time: u64,
        tag: u128,
    },
}

/// The id without what a close event has after its position. A second reading of the form
/// `<position>~<kind>~<time>~<tag>`.
fn without_close(id: &str) -> &str {
    let hex = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        digits.contains(&text.len()) && text.bytes().all(lower)
    };
    match id.split('~').collect::<Vec<_>>()[..] {
        [position, "closed" | "replaced", time, tag]
            if position.parse::<Position>().is_ok()
                && hex(time, 1..=16)
                && (time == "0" || !time.starts_with('0'))
                && hex(tag, 32..=32) =>
        {
            position
        }
        _ => id,
    }
}

fuzz_target!(|input: (Shape, &[u8])| {
    let (shape, bytes) = input;
    HUB.with(|cell| {
        let (runtime, hub, head) = cell.get_or_init(setup);
        let text = String::from_utf8_lossy(bytes);
        let id = match shape {
            Shape::Anything => text.into_owned(),
            Shape::Position => format!("{}-{text}", head.epoch()),
            Shape::Close { offset, kind, time, tag } => {
                let kind = if kind { "closed" } else { "replaced" };
                format!("{}-{offset}~{kind}~{time:x}~{tag:032x}{text}", head.epoch())
            }
        };
        if let Ok(position) = id.parse::<Position>() {
            assert_eq!(position.to_string(), id);
        }
        let Ok(header) = HeaderValue::from_bytes(id.as_bytes()) else { return };
        let mut request = Request::get("/").body(()).expect("a request");
        request.headers_mut().insert("last-event-id", header);
        let _guard = runtime.enter();
        let response = hub.register(&request, "z", random_id);
        // This hub has closed nobody, so there is no id that it answers with 204.
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
        let resumed =
            without_close(&id).parse::<Position>().ok().filter(|p| p.epoch() == head.epoch());
        match resumed.filter(|position| position.offset() <= head.offset()) {
            Some(p) => assert_eq!((gaps, messages), (0, (head.offset().get() - p.offset().get()) as usize)),
            None if id.is_empty() => assert_eq!((gaps, messages), (0, 0)),
            None => assert_eq!((gaps, messages), (1, HELD)),
        }
    });
});
