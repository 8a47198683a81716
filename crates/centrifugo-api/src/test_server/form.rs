//! The two forms of a request, and their answers. Pure, but for what the commands do.
use serde::Deserialize;
use serde_json::{Value, json};

use super::Recorded;
use super::state::{Failure, State, error};
use crate::{ErrorCode, StatusCode};

/// An answer: a status, a body, and whether that is JSON.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
    pub(super) is_json: bool,
}

impl Answer {
    fn json(value: &Value) -> Self {
        Self { status: StatusCode::OK, body: value.to_string(), is_json: true }
    }

    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        Self { status, body: text.to_owned(), is_json: false }
    }

    pub(super) fn bad_request() -> Self {
        Self::text(StatusCode::BAD_REQUEST, "Bad Request\n")
    }

    /// For the whole request, whatever else is in it.
    fn internal_error() -> Self {
        Self::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n")
    }

    pub(super) fn not_found() -> Self {
        Self::text(StatusCode::NOT_FOUND, "404 page not found\n")
    }
}

/// `POST /api/<method>`.
pub(super) fn by_path(state: &mut State, method: &str, body: &[u8], with_status: bool) -> Answer {
    let Ok(params) = serde_json::from_slice::<Value>(body) else { return Answer::bad_request() };
    if method == "batch" {
        return batch(state, params);
    }
    match state.command(method, params) {
        Ok(result) => Answer::json(&json!({ "result": result })),
        Err(Failure::Code(code)) if with_status => {
            Answer { status: code.status(), ..Answer::json(&error(code)) }
        }
        Err(Failure::Code(code)) => Answer::json(&json!({ "error": error(code) })),
        Err(Failure::NotARequest) => Answer::bad_request(),
        Err(Failure::NoMethod) => Answer::not_found(),
        Err(Failure::NoResponse) => Answer::internal_error(),
    }
}

fn batch(state: &mut State, params: Value) -> Answer {
    #[derive(Deserialize)]
    struct Batch {
        #[serde(default)]
        commands: Vec<serde_json::Map<String, Value>>,
    }
    state.record(Recorded { method: "batch".into(), params: params.clone() });
    let Ok(Batch { commands }) = serde_json::from_value(params) else {
        return Answer::bad_request();
    };
    let commands: Vec<_> = commands.into_iter().filter_map(|one| one.into_iter().next()).collect();
    // Nothing is done when one of them is no request of its method.
    if commands.iter().any(|(method, params)| !State::is_request(method, params)) {
        return Answer::bad_request();
    }
    let mut replies = Vec::new();
    for (method, params) in commands {
        replies.push(match state.command(&method, params) {
            Ok(result) => json!({ method: result }),
            Err(Failure::Code(code)) => json!({ "error": error(code) }),
            Err(Failure::NoMethod) => json!({ "error": error(ErrorCode::NotFound) }),
            Err(Failure::NotARequest) => return Answer::bad_request(),
            Err(Failure::NoResponse) => return Answer::internal_error(),
        });
    }
    match replies.is_empty() {
        true => Answer::json(&json!({})),
        false => Answer::json(&json!({ "replies": replies })),
    }
}

/// `POST /api`: a command a line.
pub(super) fn by_lines(state: &mut State, body: &[u8]) -> Answer {
    #[derive(Deserialize)]
    struct Line {
        #[serde(default)]
        id: u64,
        method: String,
        #[serde(default)]
        params: Value,
    }
    let mut replies = Vec::new();
    for line in serde_json::Deserializer::from_slice(body).into_iter::<Line>() {
        let Ok(Line { id, method, params }) = line else { return Answer::bad_request() };
        let mut reply = match state.command(&method, params) {
            Ok(result) => json!({ "result": result }),
            Err(Failure::Code(code)) => json!({ "error": error(code) }),
            Err(Failure::NotARequest) => json!({ "error": error(ErrorCode::BadRequest) }),
            Err(Failure::NoMethod) => return Answer::bad_request(),
            Err(Failure::NoResponse) => return Answer::internal_error(),
        };
        if id != 0 {
            reply["id"] = id.into();
        }
        replies.push(reply.to_string());
    }
    match replies.is_empty() {
        true => Answer::bad_request(),
        false => Answer { status: StatusCode::OK, body: replies.join("\n"), is_json: true },
    }
}
