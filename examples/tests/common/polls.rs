//! Long polls.

use super::{Answer, Gateway};
use serde_json::Value;

pub fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// The data of an answer's events.
pub fn data(answer: &Answer) -> Vec<Value> {
    let events = body(answer)["events"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
    events.into_iter().map(|event| event["data"].clone()).collect()
}

/// A strict poll; its cursor must be the same in its header and its body.
pub fn strict(gateway: &Gateway, query: &str) -> (Answer, String) {
    let answer = gateway.get(&format!("/events?form=strict&{query}"));
    let cursor =
        answer.header("longpoll-cursor").unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    if answer.status == 200 {
        assert_eq!(answer.header("content-type"), Some("application/vnd.longpoll+json"));
        assert_eq!(body(&answer)["cursor"], cursor.as_str());
    } else {
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_eq!(answer.header("etag"), Some(format!("\"{cursor}\"").as_str()));
    (answer, cursor)
}
