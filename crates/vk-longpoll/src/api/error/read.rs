//! Errors as they are read: only the number is needed, and what is odd beside it is left out.
//!
//! An error that could not be read would be tried again, a token that is no longer good for ever.
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::ApiError;
use crate::json::{Object, Typed, entries, split};

impl ApiError {
    /// What the JSON says; `None` without a number.
    pub(in crate::api) fn read(json: &str) -> Option<Self> {
        let object = Object::split(json)?;
        let text = |name| object.find::<String>(name);
        let number = |name| object.find::<i64>(name);
        Some(Self {
            code: number("error_code")?,
            message: text("error_msg"),
            subcode: number("error_subcode"),
            text: text("error_text"),
            captcha_sid: text("captcha_sid"),
            captcha_img: text("captcha_img"),
            redirect_uri: text("redirect_uri"),
            confirmation_text: text("confirmation_text"),
            method: text("method"),
            request_params: object.raw("request_params").map(params).unwrap_or_default(),
        })
    }

    /// Those of a list that can be read.
    pub(in crate::api) fn read_all(json: &str) -> Vec<Self> {
        let list = split(json).unwrap_or_default();
        list.into_iter().filter_map(Self::read).collect()
    }
}

/// Names and values: a list of `key` and `value`, or an object.
fn params(json: &str) -> Vec<(String, String)> {
    let Some(list) = split(json) else {
        let all = entries(json).into_iter().flatten();
        return all.filter_map(|(name, raw)| Some((name.into_owned(), value(raw)?))).collect();
    };
    let all = list.into_iter().filter_map(|param| {
        let param = Object::split(param)?;
        Some((param.need("key").ok()?, value(param.raw("value")?)?))
    });
    all.collect()
}

/// Text, or what is not text as it is written.
fn value(raw: &str) -> Option<String> {
    (raw != "null").then(|| String::typed(raw).unwrap_or_else(|| raw.to_owned()))
}

impl<'de> Deserialize<'de> for ApiError {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(from)?.to_string();
        Self::read(&json).ok_or_else(|| D::Error::custom("an error of VK's has a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_however_odd_what_stands_beside_its_number() {
        for json in [
            r#"{"error_code":5}"#,
            r#"{"error_code":"5","error_msg":"no"}"#,
            r#"{"error_code":5,"error_msg":7,"error_subcode":"x","captcha_sid":[],"captcha_img":{}}"#,
            r#"{"error_code":5,"request_params":"x","redirect_uri":false,"method":null}"#,
            r#"{"error_code":5,"request_params":[1,[],{"key":{}},{"value":1}],"error_text":["a"]}"#,
            r#"{"error_code":6,"error_code":5}"#,
        ] {
            assert_eq!(ApiError::read(json).unwrap().code(), 5, "{json}");
        }
        for json in ["{}", "[]", "5", r#""no""#, r#"{"error_code":null}"#, r#"{"error_code":"x"}"#]
        {
            assert!(ApiError::read(json).is_none(), "{json}");
        }
    }

    #[test]
    fn parameters_are_a_list_or_an_object() {
        for params in [
            r#"[{"key":"method","value":"a.b"},{"key":"n","value":5},{"key":"x","value":null}]"#,
            r#"{"method":"a.b","n":5,"x":null}"#,
        ] {
            let json = format!(r#"{{"error_code":1,"error_msg":404,"request_params":{params}}}"#);
            let error: ApiError = serde_json::from_str(&json).unwrap();
            assert_eq!((error.method(), error.message()), (Some("a.b"), "404"));
            assert_eq!((error.request_param("n"), error.request_param("x")), (Some("5"), None));
        }
        assert!(serde_json::from_str::<ApiError>("{}").is_err());
    }

    #[test]
    fn of_a_list_what_is_no_error_is_left_out() {
        let list = ApiError::read_all(r#"[{"error_code":1},null,{},{"error_code":"2"}]"#);
        assert_eq!(list.iter().map(ApiError::code).collect::<Vec<_>>(), [1, 2]);
        assert!(ApiError::read_all("{}").is_empty());
    }
}
