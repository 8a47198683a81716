//! Bytes to events.

use crate::{
    rounds::{Contestant, print, run},
    workloads::{Workload, all},
};
use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::{Stream, StreamExt, stream, task::noop_waker_ref};
use sse_codec::{Decoder, EventStream, Item};
use std::{
    convert::Infallible,
    hint::black_box,
    num::NonZeroUsize,
    task::{Context, Poll},
};

pub(crate) fn table(filter: &str, rounds: usize) {
    let mut rows = Vec::new();
    let mut head = vec!["workload"];
    for workload in all().iter().filter(|workload| workload.name.contains(filter)) {
        let mut contestants = contestants(workload);
        if let Ok(only) = std::env::var("ONLY") {
            contestants.retain(|(name, _)| *name == only);
            run(&mut contestants, rounds);
            continue;
        }
        for (name, pass) in &mut contestants {
            assert_eq!(pass(), workload.events, "{name} on {}", workload.name);
        }
        let mib = workload.bytes() as f64 / f64::from(1 << 20);
        let samples = run(&mut contestants, rounds);
        let speed = |who: usize| samples.median(who) * mib;
        let peers = contestants.len() - 2;
        let best = (0..peers).max_by(|a, b| speed(*a).total_cmp(&speed(*b))).unwrap_or(0);
        let mut row = vec![workload.name.to_owned()];
        row.extend((0..peers).map(|who| match speed(who) {
            speed if who == best => format!("**{speed:.0}**"),
            speed => format!("{speed:.0}"),
        }));
        row.extend(
            (peers..contestants.len())
                .map(|who| format!("{:.0} ({:.2}×)", speed(who), samples.ratio(who, best))),
        );
        rows.push(row);
        head.truncate(1);
        head.extend(contestants.iter().map(|(name, _)| *name));
    }
    print(&head, &rows);
}

fn contestants(workload: &Workload) -> Vec<Contestant<'_>> {
    let chunks = &workload.chunks;
    vec![
        ("eventsource-stream", Box::new(|| count(source(chunks).eventsource()))),
        ("sseer", Box::new(|| count(sseer::event_stream::EventStream::new(source(chunks))))),
        ("sse-stream", Box::new(|| peer_sse_stream(chunks))),
        ("sse-core", Box::new(|| peer_sse_core(chunks))),
        ("ours, `EventStream`", Box::new(|| count(EventStream::new(source(chunks))))),
        ("ours, `Decoder`", Box::new(|| ours_push(chunks))),
    ]
}

fn source(chunks: &[Bytes]) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    stream::iter(chunks.iter().cloned().map(Ok))
}

/// Polls the stream to its end and counts what counts.
fn drain<T>(mut stream: impl Stream<Item = T> + Unpin, counts: impl Fn(&T) -> bool) -> usize {
    let mut cx = Context::from_waker(noop_waker_ref());
    let mut events = 0;
    loop {
        match stream.poll_next_unpin(&mut cx) {
            Poll::Ready(Some(item)) => events += usize::from(counts(black_box(&item))),
            Poll::Ready(None) => return events,
            Poll::Pending => unreachable!("the chunks are all there"),
        }
    }
}

fn count<T, E>(stream: impl Stream<Item = Result<T, E>> + Unpin) -> usize {
    drain(stream, Result::is_ok)
}

/// It gives a block of comments as an event of its own.
fn peer_sse_stream(chunks: &[Bytes]) -> usize {
    let stream = sse_stream::SseByteStream::new(source(chunks));
    drain(stream, |item| item.as_ref().is_ok_and(|event| event.data.is_some()))
}

fn peer_sse_core(chunks: &[Bytes]) -> usize {
    // Its own bound is 512 KiB: ours instead, since the long lines are longer.
    let bound = NonZeroUsize::new(sse_codec::DEFAULT_MAX_EVENT_BYTES).expect("not zero");
    let mut stream = sse_core::SseStream::with_decoder(sse_core::SseDecoder::with_limit(bound));
    stream.attach(source(chunks));
    drain(stream, |item| matches!(item, Ok(sse_core::SseEvent::Message(_))))
}

fn ours_push(chunks: &[Bytes]) -> usize {
    let mut decoder = Decoder::new();
    let mut events = 0;
    for chunk in chunks {
        let mut feed = decoder.feed(chunk);
        while let Some(item) = feed.next() {
            events += usize::from(matches!(black_box(&item), Item::Event(_)));
        }
    }
    events
}
