//! Events to bytes.

use crate::rounds::{Contestant, print, run};
use axum::{
    body::{Body, Bytes, HttpBody},
    response::{IntoResponse, Sse, sse::Event},
};
use futures_util::{stream, task::noop_waker_ref};
use http_body_util::StreamBody;
use sse_codec::Fields;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

const EVENTS: usize = 500;

struct Case {
    name: &'static str,
    data: String,
    named: bool,
}

pub(crate) fn table(filter: &str, rounds: usize) {
    let token = r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" token"}}]}"#;
    let cases = [
        Case { name: "64 B of data", data: "x".repeat(64), named: false },
        Case { name: "id, event and a token", data: token.into(), named: true },
        Case { name: "ten lines", data: "a line of some text\n".repeat(10), named: false },
        Case { name: "64 KiB of data", data: "x".repeat(64 << 10), named: false },
    ];
    let mut rows = Vec::new();
    let mut head = vec!["message"];
    for case in cases.iter().filter(|case| case.name.contains(filter)) {
        let mut contestants = contestants(case);
        let samples = run(&mut contestants, rounds);
        let rate = |who: usize| samples.median(who) * EVENTS as f64 / 1e6;
        let mut row = vec![case.name.to_owned(), format!("{:.2}", rate(0))];
        row.extend(
            (1..contestants.len())
                .map(|who| format!("{:.2} ({:.2}×)", rate(who), samples.ratio(who, 0))),
        );
        rows.push(row);
        head.truncate(1);
        head.extend(contestants.iter().map(|(name, _)| *name));
    }
    print(&head, &rows);
}

fn contestants(case: &Case) -> Vec<Contestant<'_>> {
    let mut reused = Vec::new();
    vec![
        ("axum's `Sse` body", Box::new(|| frames(axum_body(case)))),
        ("ours, the same kind of body", Box::new(|| frames(our_body(case)))),
        (
            "ours, one buffer reused",
            Box::new(move || {
                let mut bytes = 0;
                for _ in 0..EVENTS {
                    reused.clear();
                    fields(case).encode_into(&mut reused).expect("valid fields");
                    bytes += std::hint::black_box(&reused).len();
                }
                bytes
            }),
        ),
    ]
}

fn axum_body(case: &Case) -> Body {
    let events = (0..EVENTS).map(|_| {
        let event = Event::default();
        let event = if case.named { event.id("1234").event("update") } else { event };
        Ok::<_, Infallible>(event.data(&case.data))
    });
    // What is borrowed is encoded before the stream is made: the response must be 'static.
    Sse::new(stream::iter(events.collect::<Vec<_>>())).into_response().into_body()
}

fn our_body(case: &Case) -> Body {
    let events = (0..EVENTS).map(|_| {
        let bytes = Bytes::from(fields(case).encode().expect("valid fields"));
        Ok::<_, Infallible>(http_body::Frame::data(bytes))
    });
    Body::new(StreamBody::new(stream::iter(events.collect::<Vec<_>>())))
}

fn fields(case: &Case) -> Fields<'_> {
    let fields = Fields::new().data(&case.data);
    if case.named { fields.id("1234").event("update") } else { fields }
}

/// Polls the body to its end and counts its bytes.
fn frames(mut body: Body) -> usize {
    let mut cx = Context::from_waker(noop_waker_ref());
    let mut bytes = 0;
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
        bytes += frame.ok().and_then(|frame| frame.into_data().ok()).map_or(0, |data| data.len());
    }
    bytes
}
