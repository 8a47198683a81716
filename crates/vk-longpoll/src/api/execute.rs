//! Several calls in one.
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::{Answered, Api, ApiError};
use crate::Error;

/// As many calls as one `execute` takes.
const MOST: usize = 25;

/// Calls to be made by `execute`, 25 in one request, so that they count as one for the limit.
///
/// ```no_run
/// # async fn run(api: vk_longpoll::Api) -> Result<(), vk_longpoll::Error> {
/// use serde_json::{Value, json};
/// use vk_longpoll::Execute;
///
/// let mut calls = Execute::new();
/// let who = calls.call("users.get", &json!({"user_ids": 1}))?;
/// let chat = calls.call("messages.getConversationsById", &json!({"peer_ids": 2_000_000_001}))?;
/// let mut replies = api.execute(&calls).await;
/// let users: Vec<Value> = replies.take(who)?;
/// match replies.take::<Value>(chat) {
///     Ok(chat) => println!("{chat}"),
///     Err(error) => println!("{error}"), // Of this call alone.
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Execute {
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    method: String,
    params: Box<RawValue>,
}

/// The results of an [`Execute`], by the number of the call.
#[derive(Debug)]
pub struct ExecuteReplies {
    list: Vec<Option<Result<Box<RawValue>, Error>>>,
}

impl Execute {
    /// No calls yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a call, and gives its number. Parameters are as those of [`Api::call`], but lists stay
    /// lists.
    ///
    /// # Errors
    /// With [`Error::is_builder`], when the method's name or a parameter cannot be sent.
    pub fn call(
        &mut self,
        method: &str,
        params: &(impl Serialize + ?Sized),
    ) -> Result<usize, Error> {
        let mut parts = method.split('.');
        let name = |part: Option<&str>| {
            part.is_some_and(|part| {
                !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
            })
        };
        if !name(parts.next()) || !name(parts.next()) || parts.next().is_some() {
            return Err(Error::builder(format!(
                "{method:?} is not the name of a method: write \"users.get\""
            )));
        }
        let params = to_raw_value(params)
            .map_err(|error| Error::builder_from("the parameters cannot be written", error))?;
        if !params.get().starts_with('{') {
            return Err(Error::builder("the parameters must be an object: names and values"));
        }
        self.calls.push(Call { method: method.into(), params });
        Ok(self.calls.len() - 1)
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is no call.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

impl Api {
    /// Makes the calls, 25 a request, and gives the result of each. When a request fails, its calls
    /// have that error, and the later ones are made all the same.
    pub async fn execute(&self, calls: &Execute) -> ExecuteReplies {
        let mut list = Vec::with_capacity(calls.len());
        for some in calls.calls.chunks(MOST) {
            match self.ask("execute", &json!({"code": code(some)})).await {
                Ok(answered) => list.extend(results(some, answered).into_iter().map(Some)),
                Err(error) => {
                    let error = Arc::new(error);
                    list.extend(some.iter().map(|_| Some(Err(Error::shared(&error)))));
                }
            }
        }
        ExecuteReplies { list }
    }
}

impl ExecuteReplies {
    /// The result of a call, by the number that [`Execute::call`] gave. It can be taken once.
    ///
    /// # Errors
    /// - [`Error::api`]: VK's own error of this call, or of the whole request.
    /// - [`Error::is_data`]: the result is not of this type.
    /// - [`Error::is_builder`]: there is no such call, or its result was taken before.
    /// - What went wrong on the way, of the whole request.
    pub fn take<T: DeserializeOwned>(&mut self, call: usize) -> Result<T, Error> {
        let taken = self.list.get_mut(call).and_then(Option::take);
        let reply = taken.ok_or_else(|| {
            Error::builder(format!("there is no reply {call}, or it was taken before"))
        })?;
        serde_json::from_str(reply?.get()).map_err(|error| Error::data("the response", error))
    }
}

/// The program, in VKScript. JSON is a part of that language.
fn code(calls: &[Call]) -> String {
    let mut code = String::from("return [");
    for (at, Call { method, params }) in calls.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        // A write to a string does not fail.
        let _ = write!(code, "{comma}API.{method}({})", params.get());
    }
    code.push_str("];");
    code
}

/// A failed call is `false` in the list, and its error is in another list, in the same order.
fn results(calls: &[Call], answered: Answered) -> Vec<Result<Box<RawValue>, Error>> {
    let list: Result<Vec<Box<RawValue>>, _> = serde_json::from_str(answered.response.get());
    let list = match list {
        Ok(list) if list.len() == calls.len() => list,
        _ => {
            let error =
                Arc::new(Error::unreadable("execute gave another number of results than calls"));
            return calls.iter().map(|_| Err(Error::shared(&error))).collect();
        }
    };
    let mut errors = answered.errors.into_iter().peekable();
    let mut error_of = |method: &str| {
        let is_its = |error: &ApiError| error.method().is_none_or(|named| named == method);
        errors.next_if(is_its)
    };
    let results = calls.iter().zip(list);
    results
        .map(|(call, result)| match result.get() {
            "false" => {
                error_of(&call.method).map_or(Ok(result), |error| Err(Error::from_api(error)))
            }
            _ => Ok(result),
        })
        .collect()
}
