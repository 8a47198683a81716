//! Calls of methods.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::seen::{Call, Params};
use super::state::State;
use super::step::{ApiError, Step};
use super::wire::{PAGE, Reply};
use super::{Shared, execute, methods};
use crate::server::Received;

/// How many calls go through in the time of the limit.
const USERS: usize = 3;
const COMMUNITIES: usize = 20;

pub(super) fn answer(shared: &Shared, request: Received, name: &str, params: Params) -> Reply {
    let at = Instant::now();
    let bearer = request.header("authorization").and_then(|it| it.strip_prefix("Bearer "));
    let (token, token_in_header) = match bearer {
        Some(token) => (token.to_owned(), true),
        None => (params.get("access_token").unwrap_or_default().to_owned(), false),
    };
    let (target, headers) = (request.target, request.headers);
    let method = name.to_owned();
    let call = Call { method, params, token, token_in_header, at, target, headers };
    let step = {
        let mut state = shared.state();
        state.calls.push(call.clone());
        shared.changed.notify_all();
        if let Err(error) = spend(&mut state, &call) {
            return Reply::Json(failure(&error, &call.params));
        }
        let scripted = next_step(&mut state, name, &call.params);
        let slow = state.config.wait_scale;
        scripted.or_else(|| state.faults.as_mut().and_then(|faults| faults.call(slow)))
    };
    take(shared, &call, step.unwrap_or(Step::Pass))
}

/// The next step for calls of a name. A captcha stays until it is solved.
pub(super) fn next_step(state: &mut State, name: &str, params: &Params) -> Option<Step> {
    let steps = state.call_steps.get_mut(name)?;
    if let Some(Step::Captcha { sid, key, .. }) = steps.front() {
        let is = |name: &str, right: &str| params.get(name) == Some(right);
        let solved = is("captcha_sid", sid) && is("captcha_key", key) || is("success_token", key);
        if !solved {
            return steps.front().cloned();
        }
        steps.pop_front();
        return None;
    }
    steps.pop_front()
}

fn take(shared: &Shared, call: &Call, step: Step) -> Reply {
    match step {
        Step::Pass => {}
        Step::Failed { code, mut extra } => {
            extra["failed"] = code.into();
            return Reply::Json(extra);
        }
        Step::Forget => shared.state().forget(None),
        Step::ExpireKeys => shared.state().refuse_keys(None, 2),
        Step::LoseHistory => {
            let mut state = shared.state();
            state.forget(None);
            state.refuse_keys(None, 3);
        }
        Step::NewServer(address) => shared.state().server = Some(address),
        Step::Status(status, page) => return Reply::Page(status, page),
        Step::Empty => return Reply::Bytes(Vec::new()),
        Step::EmptyObject => return Reply::Json(json!({})),
        Step::Html => return Reply::Page(200, PAGE.to_owned()),
        Step::Body(bytes) => return Reply::Bytes(bytes),
        Step::Cut => return Reply::Cut(carry_out(shared, call)),
        Step::Stall => return Reply::Stall(carry_out(shared, call)),
        Step::Raw(bytes) => return Reply::Raw(bytes),
        Step::Reset => return Reply::Reset,
        Step::LostAnswer => {
            carry_out(shared, call);
            return Reply::Reset;
        }
        Step::Hang => return Reply::Hang,
        Step::Late(time) => {
            return Reply::Late(time, Box::new(Reply::Json(carry_out(shared, call))));
        }
        Step::Rows(rows) => return Reply::Json(json!({ "response": rows })),
        Step::Error(error) => return Reply::Json(failure(&error, &call.params)),
        Step::Response(value) => return Reply::Json(json!({ "response": value })),
        Step::Captcha { sid, img, .. } => {
            return Reply::Json(failure(&captcha(&sid, &img), &call.params));
        }
    }
    shared.changed.notify_all();
    Reply::Json(carry_out(shared, call))
}

/// The right answer.
fn carry_out(shared: &Shared, call: &Call) -> Value {
    let outcome = own_group(shared, call).and_then(|own| match call.method.as_str() {
        "execute" => execute::run(shared, &call.params, own),
        name => run(shared, name, &call.params, own).map(|value| json!({ "response": value })),
    });
    outcome.unwrap_or_else(|error| failure(&error, &call.params))
}

/// One method, without what a request is checked for.
pub(super) fn run(
    shared: &Shared,
    name: &str,
    params: &Params,
    own: Option<i64>,
) -> Result<Value, ApiError> {
    let given = shared.state().methods.get(name).map(Arc::clone);
    // Without the lock: it is the test's own, and may use the stand-in.
    if let Some(method) = given {
        return method(params);
    }
    let outcome = methods::run(&mut shared.state(), name, params, own);
    shared.changed.notify_all();
    outcome.unwrap_or_else(|| Err(ApiError::of(3)))
}

/// The community that the token belongs to, once version and token are found right.
fn own_group(shared: &Shared, call: &Call) -> Result<Option<i64>, ApiError> {
    if call.params.get("v").is_none_or(str::is_empty) {
        return Err(ApiError::parameter("v is undefined"));
    }
    group_of(&shared.state(), &call.token).ok_or_else(|| ApiError::of(5))
}

fn group_of(state: &State, token: &str) -> Option<Option<i64>> {
    let Some(tokens) = &state.config.tokens else {
        return (!token.is_empty()).then_some(None);
    };
    tokens.iter().find(|(known, _)| known == token).map(|(_, group)| *group)
}

/// Counts the call, unless there were too many.
fn spend(state: &mut State, call: &Call) -> Result<(), ApiError> {
    let Some(within) = state.config.limits else { return Ok(()) };
    let most = match group_of(state, &call.token) {
        Some(Some(_)) => COMMUNITIES,
        _ => USERS,
    };
    let spent = state.spent.entry(call.token.clone()).or_default();
    forget_before(spent, call.at, within);
    if spent.len() >= most {
        return Err(ApiError::of(6));
    }
    spent.push_back(call.at);
    Ok(())
}

fn forget_before(spent: &mut VecDeque<Instant>, now: Instant, within: Duration) {
    while spent.front().is_some_and(|at| now.duration_since(*at) >= within) {
        spent.pop_front();
    }
}

pub(super) fn captcha(sid: &str, img: &str) -> ApiError {
    ApiError::of(14).with("captcha_sid", sid).with("captcha_img", img)
}

/// The whole answer of a failed call.
pub(super) fn failure(error: &ApiError, params: &Params) -> Value {
    let told = params.iter().filter(|(name, _)| *name != "access_token");
    let told: Vec<_> = told.map(|(key, value)| json!({ "key": key, "value": value })).collect();
    let mut body = Value::Object(error.extra.clone());
    body["error_code"] = error.code.into();
    body["error_msg"] = error.message.clone().into();
    body["request_params"] = told.into();
    json!({ "error": body })
}
