//! Polls and publications as a client makes them, without a socket.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part of this module.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

use http::{HeaderMap, Request, Response, StatusCode};
use lp_server::{Body, LongPoll};
use serde_json::Value;

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.into_bytes().into()).expect("UTF-8");
        Self { status: parts.status, headers: parts.headers, text }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn events(&self) -> Vec<Value> {
        let json = if self.text.is_empty() { Value::Null } else { self.json() };
        json["events"].as_array().cloned().unwrap_or_default()
    }

    /// The data of its events.
    pub fn data(&self) -> Vec<Value> {
        self.events().into_iter().map(|event| event["data"].clone()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    pub fn cursor(&self) -> &str {
        self.header("longpoll-cursor").unwrap_or_else(|| panic!("no cursor: {self:?}"))
    }
}

pub async fn poll(polls: &LongPoll, query: &str) -> Answer {
    poll_with(polls, query, &[]).await
}

pub async fn poll_with(polls: &LongPoll, query: &str, headers: &[(&str, &str)]) -> Answer {
    let request = request("GET", &format!("/events?{query}"), headers, ());
    Answer::of(polls.subscribe(&request.into_parts().0).await)
}

pub async fn publish(polls: &LongPoll, category: &str, data: impl Into<Value>) {
    let body = serde_json::json!({ "category": category, "data": data.into() }).to_string();
    let answer = post(polls, &body).await;
    assert_eq!(answer.text, r#"{"success": true}"#);
}

pub async fn post(polls: &LongPoll, body: &str) -> Answer {
    let request = request("POST", "/publish", &[], body.to_owned());
    Answer::of(polls.publish(request).await)
}

pub fn request<B>(method: &str, target: &str, headers: &[(&str, &str)], body: B) -> Request<B> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).expect("a request")
}

/// A client that goes on by golongpoll's rules, as its two clients do.
pub struct Follower {
    pub category: String,
    pub since: i64,
    pub last_id: Option<String>,
    /// The Go client moves on to the time of a poll that timed out; the browser's does not.
    pub moves_on: bool,
}

impl Follower {
    pub fn new(category: impl Into<String>, since: i64, moves_on: bool) -> Self {
        Self { category: category.into(), since, last_id: None, moves_on }
    }

    pub fn query(&self, timeout: u32) -> String {
        let (since, last) = (self.since, self.last_id.as_deref().unwrap_or_default());
        format!("timeout={timeout}&category={}&since_time={since}&last_id={last}", self.category)
    }

    /// The data of one poll's events.
    pub async fn poll(&mut self, polls: &LongPoll, timeout: u32) -> Vec<Value> {
        let answer = poll(polls, &self.query(timeout)).await;
        let events = answer.events();
        if let Some(last) = events.last() {
            self.since = last["timestamp"].as_i64().expect("a whole number");
            self.last_id = last["id"].as_str().map(str::to_owned);
        } else if self.moves_on {
            self.since = answer.json()["timestamp"].as_i64().expect("a whole number");
        }
        events.into_iter().map(|event| event["data"].clone()).collect()
    }
}
