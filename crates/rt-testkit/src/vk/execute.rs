//! `execute`, for code of the one form `return [API.a.b({…}),API.c.d({…})];`.

use serde_json::{Deserializer, Value, json};

use super::Shared;
use super::call;
use super::seen::Params;
use super::step::{ApiError, Step};

/// The most calls that one code may make.
const CALLS: usize = 25;

/// The whole answer.
pub(super) fn run(shared: &Shared, params: &Params, own: Option<i64>) -> Result<Value, ApiError> {
    let code = params.get("code").ok_or_else(|| ApiError::parameter("code is undefined"))?;
    let (calls, many) = parse(code).ok_or_else(|| ApiError::of(12))?;
    if calls.len() > CALLS {
        return Err(ApiError::new(
            13,
            "Runtime error occurred during code invocation: Too many API calls",
        ));
    }
    let mut results = Vec::new();
    let mut errors = Vec::new();
    for (name, params) in calls {
        let step = call::next_step(&mut shared.state(), &name, &params);
        let outcome = match step {
            Some(Step::Error(error)) => Err(error),
            Some(Step::Captcha { sid, img, .. }) => Err(call::captcha(&sid, &img)),
            Some(Step::Response(value)) => Ok(value),
            _ => call::run(shared, &name, &params, own),
        };
        results.push(outcome.unwrap_or_else(|error| {
            let mut told = Value::Object(error.extra);
            told["method"] = name.into();
            told["error_code"] = error.code.into();
            told["error_msg"] = error.message.into();
            errors.push(told);
            json!(false)
        }));
    }
    let mut answer = match many {
        true => json!({ "response": results }),
        false => json!({ "response": results.pop() }),
    };
    if !errors.is_empty() {
        answer["execute_errors"] = errors.into();
    }
    Ok(answer)
}

/// The calls with their parameters, and whether they stand in an array.
fn parse(code: &str) -> Option<(Vec<(String, Params)>, bool)> {
    let code = code.trim().strip_prefix("return")?.trim().trim_end_matches(';').trim_end();
    let many = code.starts_with('[');
    let mut rest = match many {
        true => code.strip_prefix('[')?.strip_suffix(']')?.trim(),
        false => code,
    };
    let mut calls = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.strip_prefix("API.")?.split_once('(')?;
        let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_';
        if !name.bytes().all(named) {
            return None;
        }
        let mut params = Params::default();
        let mut values = Deserializer::from_str(after).into_iter::<Value>();
        let after = match after.trim_start().starts_with(')') {
            true => after,
            false => {
                let given = values.next()?.ok()?;
                for (name, value) in given.as_object()? {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    params.push(name, text);
                }
                &after[values.byte_offset()..]
            }
        };
        calls.push((name.to_owned(), params));
        rest = after.trim_start().strip_prefix(')')?.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    (many || calls.len() == 1).then_some((calls, many))
}
