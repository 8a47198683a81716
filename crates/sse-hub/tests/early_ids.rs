//! Readers that store an id as soon as they have read its line, as popular clients do, although the
//! standard has them wait for the end of the event.

mod common;

use common::{client_id, hub_with, request, zone};
use http_body_util::BodyExt as _;
use rt_broker::Bounds;
use sse_codec::Message;
use sse_hub::{Hub, Packet};
use std::time::Duration;
use tokio::time::timeout;

/// A reader that is naive in one respect: it does not wait for the empty line to store an id.
#[derive(Clone, Default)]
struct EarlyReader {
    last_event_id: String,
    events: Vec<String>,
    line: String,
    event: String,
    data: Option<String>,
}

impl EarlyReader {
    fn read(&mut self, text: &str) {
        for part in text.split_inclusive('\n') {
            self.line.push_str(part);
            if let Some(line) = self.line.strip_suffix('\n').map(str::to_owned) {
                self.line.clear();
                self.take(&line);
            }
        }
    }

    fn take(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.last_event_id = value.to_owned(),
            "event" => self.event = value.to_owned(),
            "data" => {
                let data = self.data.get_or_insert_default();
                data.push_str(value);
                data.push('\n');
            }
            _ => {}
        }
        if line.is_empty() {
            let (event, data) = (std::mem::take(&mut self.event), self.data.take());
            if let Some(data) = data.filter(|_| event != "ping") {
                self.events.push(format!("{event} {data}"));
            }
        }
    }

    /// What a reader forgets of a connection that broke.
    fn reconnect(&mut self) {
        (self.line, self.event, self.data) = Default::default();
    }
}

/// All that a client which comes back with this id is sent now.
async fn stream(hub: &Hub, last_event_id: &str) -> String {
    let mut request = request("/");
    if !last_event_id.is_empty() {
        request.headers_mut().insert("last-event-id", last_event_id.parse().expect("a header"));
    }
    let mut body = hub.register(&request, "z", || "c".to_owned()).into_body();
    let mut text = String::new();
    while let Ok(Some(frame)) = timeout(Duration::ZERO, body.frame()).await {
        let bytes = frame.expect("never fails").into_data().expect("data");
        text.push_str(std::str::from_utf8(&bytes).expect("text"));
    }
    text
}

async fn publish(hub: &Hub, numbers: std::ops::Range<usize>) {
    for n in numbers {
        let message = Message::new().with_data(format!("{n}\nof many"));
        let message = match n % 4 {
            0 => message,
            1 => message.with_event("tick").expect("a type").with_comment("a comment"),
            2 => message.with_retry(Duration::from_secs(1)),
            _ => message.with_id(format!("own {n}")).expect("an id"),
        };
        hub.send(Packet::to_zone("z", message)).await.expect("sent");
    }
}

/// Cuts the stream of a client that comes back with `from` at every byte, and has it come back with
/// the id that it has stored then.
async fn cut_everywhere(hub: &Hub, from: &str) {
    let whole = stream(hub, from).await;
    let start = EarlyReader { last_event_id: from.to_owned(), ..EarlyReader::default() };
    let mut uncut = start.clone();
    uncut.read(&whole);
    assert!(uncut.events.len() > 3, "{whole}");
    let mut between = 0;
    for cut in 0..=whole.len() {
        let mut reader = start.clone();
        reader.read(&whole[..cut]);
        let seen = reader.events.len();
        let rest = stream(hub, &reader.last_event_id).await;
        reader.reconnect();
        reader.read(&rest);
        // The one place that no order of fields can help: the id is read, and the empty line that
        // follows it, which dispatches the event, is not.
        let last_line = whole[..cut].lines().last().unwrap_or_default();
        let is_between = whole[..cut].ends_with('\n') && last_line.starts_with("id:");
        let mut expected = uncut.events.clone();
        let block = whole[..cut].rsplit("\n\n").next().unwrap_or_default();
        if is_between && !block.contains("event: ping") {
            // Only the event whose end was cut off, and no other.
            expected.remove(seen);
            between += 1;
        }
        assert_eq!(reader.events, expected, "cut after {:?}", &whole[..cut]);
    }
    assert_eq!(between, uncut.events.len(), "one byte of each event");
}

#[tokio::test(start_paused = true)]
async fn an_early_reader_loses_nothing_but_an_event_whose_empty_line_alone_was_cut_off() {
    let hub = Hub::in_memory();
    let first = stream(&hub, "").await;
    let position = first.lines().find_map(|line| line.strip_prefix("id: ")).expect("a position");
    publish(&hub, 0..8).await;
    cut_everywhere(&hub, position).await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_survives_a_cut_as_an_event_does() {
    let hub = hub_with(Bounds::new().count(4)).build();
    let first = stream(&hub, "").await;
    let position = first.lines().find_map(|line| line.strip_prefix("id: ")).expect("a position");
    publish(&hub, 0..8).await;
    assert!(stream(&hub, position).await.contains("event: gap"));
    cut_everywhere(&hub, position).await;
    cut_everywhere(&hub, "means nothing").await;
}

#[tokio::test(start_paused = true)]
async fn the_id_is_the_last_line_of_every_block() {
    let hub = hub_with(Bounds::new().count(4)).build();
    publish(&hub, 0..8).await;
    let text = stream(&hub, "means nothing").await;
    for block in text.split_terminator("\n\n") {
        let mut lines = block.lines().rev().skip(1);
        assert!(lines.all(|line| !line.starts_with("id:")), "{block}");
    }
}

/// A client that is cut off before it has read the id of its close comes back as any other; with the
/// id it is kept away. Nothing is lost either way.
#[tokio::test(start_paused = true)]
async fn a_close_keeps_an_early_reader_away_or_loses_it_nothing() {
    let hub = Hub::in_memory();
    let first = stream(&hub, "").await;
    let position = first.lines().find_map(|line| line.strip_prefix("id: ")).expect("a position");
    publish(&hub, 0..3).await;
    let mut request = request("/");
    request.headers_mut().insert("last-event-id", position.parse().expect("a header"));
    let mut body = hub.register(&request, "z", || "c").into_body();
    let mut whole = String::new();
    while whole.matches("of many").count() < 3 {
        let frame = body.frame().await.expect("open").expect("never fails");
        whole.push_str(std::str::from_utf8(&frame.into_data().expect("data")).expect("text"));
    }
    let before = whole.len();
    hub.close(&zone("z"), &client_id("c"), "enough");
    let last = body.frame().await.expect("a close event").expect("never fails");
    whole.push_str(std::str::from_utf8(&last.into_data().expect("data")).expect("text"));
    publish(&hub, 3..4).await;
    let mut away = 0;
    for cut in before..=whole.len() {
        let mut reader = EarlyReader::default();
        reader.read(&whole[..cut]);
        reader.reconnect();
        let id = reader.last_event_id.parse().expect("a header");
        request.headers_mut().insert("last-event-id", id);
        if hub.register(&request, "z", || "c").status() == 204 {
            away += 1;
            continue;
        }
        let rest = stream(&hub, &reader.last_event_id).await;
        reader.read(&rest);
        reader.events.retain(|event| event.contains("of many"));
        assert_eq!(reader.events.len(), 4, "{:?}", reader.events);
    }
    assert_eq!(away, 2, "with the id's line, and with the whole event");
}
