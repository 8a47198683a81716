//! The browser's EventSource and sse-codec make the same of the same bytes.

use std::collections::BTreeSet;

use fastrand::Rng;
use rt_testkit::browser::Browser;
use rt_testkit::server::{Connection, Server};
use serde_json::{Value, json};
use sse_codec::{Decoder, Item};

const STREAMS: usize = 500;
const SEED: u64 = 0x5EED;

/// Takes every stream in turn, five at once: a browser has six connections to a server.
/// `argument` lists the event types to listen to, a list a stream.
const TAKE_ALL: &str = r#"(async () => {
    const take = (n) => new Promise((resolve) => {
        const events = [];
        const source = new EventSource(`/s/${n}`);
        for (const type of argument[n]) {
            source.addEventListener(type, (event) => {
                if (event instanceof MessageEvent) events.push([event.type, event.data, event.lastEventId]);
            });
        }
        source.addEventListener("error", (event) => {
            if (event instanceof MessageEvent) return;
            source.close();
            resolve(events);
        });
    });
    const taken = [];
    let next = 0;
    const worker = async () => { while (next < argument.length) { const n = next++; taken[n] = await take(n); } };
    await Promise.all([worker(), worker(), worker(), worker(), worker()]);
    return taken;
})()"#;

/// Types that a stream may name, beside what chance makes of them.
const TYPES: &[&str] =
    &["message", "open", "error", "x", "é€𝄞", " x", "x ", "x:y", "\u{FEFF}x", "x\0y", "\u{FFFD}"];

#[tokio::test]
async fn decodes_as_the_browser_does() {
    let streams: Vec<Vec<u8>> = (0..STREAMS).map(stream).collect();
    let wanted: Vec<Vec<[String; 3]>> = streams.iter().map(|bytes| decoded(bytes)).collect();
    let types: Vec<BTreeSet<&str>> = wanted.iter().map(|events| types(events)).collect();
    let types = json!(types);

    let served = streams.clone();
    let server = Server::start(move |connection| serve(connection, &served));
    let browser = Browser::start().await;
    browser.open(&server.url("/")).await;
    let got = browser.eval_async(TAKE_ALL, types).await;

    let got = got.as_array().unwrap_or_else(|| panic!("{got}"));
    assert_eq!(got.len(), STREAMS);
    let faults: Vec<String> = (0..STREAMS)
        .filter(|&n| got[n] != json!(wanted[n]))
        .map(|n| difference(n, &streams[n], &got[n], &json!(wanted[n])))
        .collect();
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));

    // The streams are worth comparing.
    let events: Vec<&[String; 3]> = wanted.iter().flatten().collect();
    let count = |part: usize, text: &str| events.iter().filter(|e| e[part].contains(text)).count();
    assert!(events.len() > 2_000, "only {} events", events.len());
    for (part, text) in [(0, "error"), (0, "é"), (1, "\n"), (1, "\0"), (1, "\u{FFFD}"), (2, "7")] {
        assert!(count(part, text) > 20, "{text:?} in too few events: {}", count(part, text));
    }
}

fn difference(n: usize, bytes: &[u8], browser: &Value, codec: &Value) -> String {
    let bytes = bytes.escape_ascii();
    format!("stream {n}: b\"{bytes}\"\n  EventSource: {browser}\n  sse-codec:   {codec}")
}

/// Type, data and last event id of each event, as the decoder gives them.
fn decoded(bytes: &[u8]) -> Vec<[String; 3]> {
    let mut decoder = Decoder::new();
    let mut feed = decoder.feed(bytes);
    let mut events = Vec::new();
    while let Some(item) = feed.next() {
        if let Item::Event(event) = item {
            events.push([event.event(), event.data(), event.id()].map(str::to_owned));
        }
    }
    events
}

fn types(events: &[[String; 3]]) -> BTreeSet<&str> {
    let seen = events.iter().map(|[kind, _, _]| kind.as_str());
    seen.chain(TYPES.iter().copied()).collect()
}

/// Bytes as a broken or hostile server may send them: mostly pieces of the format.
fn stream(n: usize) -> Vec<u8> {
    let mut rng = Rng::with_seed(SEED + n as u64);
    let mut bytes = Vec::new();
    if rng.u8(..) < 60 {
        bytes.extend(&b"\xEF\xBB\xBF\xEF\xBB\xBF"[..rng.usize(..=6)]);
    }
    for _ in 0..rng.usize(..120) {
        piece(&mut rng, &mut bytes);
    }
    // Chromium takes a line end right after the byte order mark for the start of the next line,
    // so that it knows that line's field no more; by the specification it ends an empty line.
    while matches!(bytes[..], [0xEF, 0xBB, 0xBF, b'\r' | b'\n', ..]) {
        bytes.remove(3);
    }
    bytes
}

fn piece(rng: &mut Rng, bytes: &mut Vec<u8>) {
    const ENDS: &[&[u8]] = &[b"\n", b"\r", b"\r\n"];
    const FIELDS: &[&[u8]] = &[
        b"data",
        b"data",
        b"data",
        b"data",
        b"event",
        b"event",
        b"id",
        b"id",
        b"retry",
        b"",
        b"Data",
        b"dat",
        b"data ",
        b" data",
        b"data\0",
        b"ID",
        b"unknown",
        b"\xEF\xBB\xBFdata",
        b"\xFFdata",
    ];
    const COLONS: &[&[u8]] = &[b":", b": ", b":  ", b":\t", b"::", b": :", b" : ", b""];
    const VALUES: &[&[u8]] = &[
        b"",
        b"7",
        b"07",
        b"hello, world",
        b"x\0y",
        b"\0",
        b"\xFF",
        b"\xE2\x82",
        b"\xF0\x9D\x84\x9E",
        b"\xF0\x9D",
        b"\xC3\xA9",
        b"\xC0\x80",
        b"\xED\xA0\x80",
        b"\xF4\x90\x80\x80",
        b"\xEF\xBB\xBF",
        b"\xC2\x85",
        b"\xE2\x80\xA8",
        b"data: x",
        b"1e3",
        b"+5",
        b" ",
        b"\x0B\x0C",
    ];
    match rng.u8(..20) {
        // A field, and a value made of several pieces.
        0..12 => {
            let field = *rng.choice(FIELDS).unwrap();
            bytes.extend(field);
            bytes.extend(*rng.choice(COLONS).unwrap());
            if field == b"event" && rng.u8(..4) > 0 {
                bytes.extend(rng.choice(TYPES).unwrap().as_bytes());
            } else {
                for _ in 0..rng.usize(..3) {
                    bytes.extend(*rng.choice(VALUES).unwrap());
                }
            }
            bytes.extend(*rng.choice(ENDS).unwrap());
        }
        12..17 => bytes.extend(*rng.choice(ENDS).unwrap()),
        17 => bytes.extend(b"data: an ordinary event\n\n"),
        18 => bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(5)),
        _ => bytes.extend(std::iter::repeat_n(rng.u8(b'a'..=b'z'), 3_000)),
    }
}

/// An empty page, and stream N at /s/N.
fn serve(connection: &mut Connection, streams: &[Vec<u8>]) {
    while let Some(request) = connection.request() {
        let Some(n) = request.target.strip_prefix("/s/") else {
            let page = "<!doctype html><title>EventSource</title>";
            let head = "content-type: text/html\r\n";
            connection.answer(200, head, page);
            return;
        };
        let n: usize = n.parse().expect("the number of a stream");
        if !send_in_chunks(connection, n, &streams[n]) {
            return;
        }
    }
}

/// Sends the bytes in chunks of any size, each by a write of its own. `false` when the browser has
/// gone.
fn send_in_chunks(connection: &mut Connection, n: usize, bytes: &[u8]) -> bool {
    let mut rng = Rng::with_seed(!(SEED + n as u64));
    let largest = *rng.choice(&[1, 3, 20, 5_000]).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        cache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut sent = connection.send(head);
    let mut rest = bytes;
    while sent && !rest.is_empty() {
        let (chunk, after) = rest.split_at(rng.usize(1..=largest).min(rest.len()));
        let size = format!("{:x}\r\n", chunk.len());
        sent = connection.send([size.as_bytes(), chunk, b"\r\n"].concat());
        rest = after;
    }
    sent && connection.send("0\r\n\r\n")
}
