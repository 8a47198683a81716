//! The samples, and short ways to decode them.
#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

use serde_json::Value;
use vk_longpoll::RawValue;
use vk_longpoll::user::{Answer, Event};

const SAMPLES: &str = include_str!("../fixtures/vk-samples.jsonl");

/// The samples of a kind (`event`, `body`, `bot`), each as its own JSON.
pub fn samples(kind: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Line {
        kind: String,
        value: Box<RawValue>,
    }
    let lines = SAMPLES.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    lines.filter(|line| line.kind == kind).map(|line| line.value.get().to_owned()).collect()
}

pub fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

pub fn event(row: &str) -> Event {
    Event::decode(&raw(row))
}

/// The event as it is serialised, without `raw` and `recovered`.
pub fn told(event: &impl serde::Serialize) -> Value {
    let mut told = serde_json::to_value(event).unwrap();
    let object = told.as_object_mut().unwrap();
    object.remove("raw");
    object.remove("recovered");
    told
}

pub fn kind(row: &str) -> &'static str {
    event(row).kind.name()
}

/// The events of an answer that has these rows.
pub fn events(rows: &str) -> Vec<Event> {
    match Answer::decode(format!(r#"{{"ts":1,"updates":[{rows}]}}"#).as_bytes()).unwrap() {
        Answer::Updates(updates) => updates.events,
        other => panic!("{other:?}"),
    }
}
