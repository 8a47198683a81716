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
    let mut errors = answered.errors;
    let failed = |result: &RawValue| result.get() == "false";
    let results = calls.iter().zip(&list);
    let own: Vec<Option<ApiError>> = results
        .map(|(call, result)| {
            let is_own = |error: &ApiError| error.method() == Some(&*call.method);
            let at = errors.iter().position(is_own).filter(|_| failed(result))?;
            Some(errors.remove(at))
        })
        .collect();
    // Those of no method, or of `execute` itself, are of calls all the same.
    let mut others = errors.into_iter();
    let results = list.into_iter().zip(own);
    results
        .map(|(result, own)| {
            let error = own.or_else(|| if failed(&result) { others.next() } else { None });
            error.map_or(Ok(result), |error| Err(Error::from_api(error)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results of these calls, errors by their numbers.
    fn results_of(methods: &[&str], response: &str, errors: &str) -> Vec<Result<String, i64>> {
        let mut calls = Execute::new();
        for method in methods {
            calls.call(method, &json!({})).unwrap();
        }
        let response = RawValue::from_string(response.into()).unwrap();
        let answered = Answered { response, errors: ApiError::read_all(errors) };
        let results = results(&calls.calls, answered).into_iter();
        results
            .map(|result| match result {
                Ok(json) => Ok(json.get().to_owned()),
                Err(error) => Err(error.api().map_or(0, ApiError::code)),
            })
            .collect()
    }

    #[test]
    fn an_error_that_is_no_calls_own_does_not_hide_the_others() {
        let errors = r#"[{"error_code":13,"method":"execute"},{"error_code":1,"method":"a.b"},
            {"error_code":2,"method":"c.d"}]"#;
        let told = results_of(&["a.b", "c.d", "a.b"], r#"[false,false,{"x":1}]"#, errors);
        assert_eq!(told, [Err(1), Err(2), Ok(r#"{"x":1}"#.to_owned())]);
    }

    #[test]
    fn errors_out_of_order_find_their_calls() {
        let errors = r#"[{"error_code":2,"method":"c.d"},{"error_code":1,"method":"a.b"},
            {"error_code":3,"method":"a.b"}]"#;
        let told = results_of(&["a.b", "c.d", "a.b"], "[false,false,false]", errors);
        assert_eq!(told, [Err(1), Err(2), Err(3)]);
    }

    #[test]
    fn what_is_left_over_is_of_the_calls_without_an_error_of_their_own() {
        let errors = r#"[{"error_code":10},{"error_code":1,"method":"c.d"},
            {"error_code":13,"method":"execute"}]"#;
        let told = results_of(&["a.b", "c.d", "e.f", "g.h"], "[false,false,true,false]", errors);
        assert_eq!(told, [Err(10), Err(1), Ok("true".to_owned()), Err(13)]);
    }

    #[test]
    fn false_without_an_error_is_a_result() {
        let errors = r#"[{"error_code":1,"method":"c.d"}]"#;
        let told = results_of(&["a.b", "c.d"], "[false,false]", errors);
        assert_eq!(told, [Ok("false".to_owned()), Err(1)]);
        assert_eq!(results_of(&["a.b"], "[1,2]", "[]"), [Err(0)]);
    }
}
