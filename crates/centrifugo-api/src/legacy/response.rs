//! The answers to a request.
use std::fmt;
use std::ops::Deref;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::Advice;
use super::types::{null, words};
use crate::Error;
use crate::wire::Object;

/// The server's answer to one command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Response {
    /// The id of the command.
    pub uid: Option<String>,
    /// The method of the command.
    pub method: String,
    /// What went wrong: `namespace not found`, say.
    #[serde(default, deserialize_with = "words")]
    pub error: Option<String>,
    /// What the server advises to do about the error.
    #[serde(default, deserialize_with = "advice", skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
    /// What was asked for, as JSON: a matter for the `decode_…` function of the method. It may be
    /// there beside an error, with nothing in it.
    #[serde(default = "null")]
    pub body: Box<RawValue>,
}

impl Response {
    /// The body's bytes, for the `decode_…` function of the method.
    ///
    /// # Errors
    /// With [`Error::is_command`], when the answer is an error.
    pub fn ok(&self) -> Result<&[u8], Error> {
        match &self.error {
            Some(error) => Err(Error::command(&self.method, error.clone(), self.advice.clone())),
            None => Ok(self.body.get().as_bytes()),
        }
    }
}

/// The answers to the commands of a request, in their order: what `gocent` calls `Result`. It is
/// used as a slice of [`Response`].
#[derive(Clone, Debug, Default)]
pub struct Responses {
    list: Vec<Response>,
}

impl Responses {
    /// Reads the body of an answer.
    ///
    /// ```
    /// use centrifugo_api::legacy::Responses;
    ///
    /// let body = br#"[{"uid":"1","method":"publish","error":"namespace not found","advice":"fix","body":null}]"#;
    /// let responses = Responses::parse(body)?;
    /// let error = responses[0].ok().unwrap_err();
    /// assert_eq!(error.message(), Some("namespace not found"));
    /// # Ok::<(), centrifugo_api::Error>(())
    /// ```
    ///
    /// # Errors
    /// With [`Error::is_malformed`], when it is not an array of answers.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        match read(body, usize::MAX) {
            Ok((list, _)) => Ok(Self { list }),
            Err(error) => Err(Error::text(NO_ARRAY, body, Some(error))),
        }
    }

    /// The answers to these methods; else what is wrong.
    pub(super) fn to(
        methods: &[&str],
        body: &[u8],
    ) -> Result<Self, (String, Option<serde_json::Error>)> {
        let (list, count) =
            read(body, methods.len()).map_err(|error| (NO_ARRAY.to_owned(), Some(error)))?;
        if count != methods.len() {
            return Err((format!("{count} answers to {} commands", methods.len()), None));
        }
        for (index, (response, method)) in list.iter().zip(methods).enumerate() {
            if response.method != *method {
                return Err((format!("answer {index} is not to {method}, its command"), None));
            }
        }
        Ok(Self { list })
    }

    /// The answers as a vector.
    pub fn into_vec(self) -> Vec<Response> {
        self.list
    }
}

impl Deref for Responses {
    type Target = [Response];

    fn deref(&self) -> &[Response] {
        &self.list
    }
}

impl IntoIterator for Responses {
    type Item = Response;
    type IntoIter = std::vec::IntoIter<Response>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Responses {
    type Item = &'a Response;
    type IntoIter = std::slice::Iter<'a, Response>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

const NO_ARRAY: &str = "not an array of answers";

/// The first `max` answers, and how many there are: more than the commands are not kept.
///
/// A byte that is no UTF-8 becomes U+FFFD, as Go reads it: the commands ran, and what somebody once
/// published must not hide the answers.
fn read(body: &[u8], max: usize) -> serde_json::Result<(Vec<Response>, usize)> {
    let text = String::from_utf8_lossy(body);
    let mut from = serde_json::Deserializer::from_str(&text);
    let read = from.deserialize_seq(AtMost(max))?;
    from.end()?;
    Ok(read)
}

struct AtMost(usize);

impl<'de> Visitor<'de> for AtMost {
    type Value = (Vec<Response>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of answers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < self.0 {
            let Some(Object(response)) = seq.next_element()? else {
                let count = list.len();
                return Ok((list, count));
            };
            list.push(response);
        }
        let mut count = list.len();
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((list, count))
    }
}

fn advice<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Advice>, D::Error> {
    Ok(words(from)?.map(Advice::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_of_an_answer() {
        let body =
            br#"[{"uid":"a","method":"presence","error":"namespace not found","advice":"fix",
            "body":{"channel":"x","data":null}},{"method":"publish","error":"","advice":""},
            {"method":"publish","error":"e","advice":"retry","body":null,"new":1},
            {"method":"publish","error":"e","advice":"later"}]"#;
        let responses = Responses::parse(body).unwrap();
        let first = &responses[0];
        assert_eq!((first.uid.as_deref(), &*first.method), (Some("a"), "presence"));
        assert_eq!(first.body.get(), r#"{"channel":"x","data":null}"#);
        let error = first.ok().unwrap_err();
        assert!(error.is_command());
        assert_eq!(error.message(), Some("namespace not found"));
        assert_eq!(error.advice(), Some(&Advice::Fix));
        assert_eq!(responses[1].uid, None);
        assert_eq!(responses[1].advice, None);
        assert_eq!(responses[1].ok().unwrap(), b"null");
        assert_eq!(responses[2].advice, Some(Advice::Retry));
        assert!(responses[2].ok().unwrap_err().is_retryable() && !error.is_retryable());
        assert_eq!(responses[3].advice, Some(Advice::Other("later".into())));
        assert_eq!((&responses).into_iter().count(), 4);
        assert_eq!(responses.clone().into_iter().count(), responses.into_vec().len());
    }

    /// Responses that Centrifugo 1.8 gave.
    #[test]
    fn a_response_is_written_as_the_server_writes_it() {
        let body = r#"[{"uid":"u1","method":"publish","error":null,"body":null},{"uid":"u2","method":"presence","error":"namespace not found","advice":"fix","body":{"channel":"x"}}]"#;
        let responses = Responses::parse(body.as_bytes()).unwrap();
        let written = serde_json::to_value(responses.into_vec()).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(body).unwrap());
    }

    #[test]
    fn what_is_no_array_of_answers_is_malformed() {
        for body in [
            &b""[..],
            b"{}",
            b"null",
            b"[1]",
            b"[{}]",
            br#"[["u","publish",null,null,null]]"#,
            br#"[{"method":"publish"}"#,
            br#"[{"method":"publish"}] []"#,
            br#"[{"method":"publish","error":{}}]"#,
            b"<html>",
            b"\xff",
        ] {
            assert!(Responses::parse(body).unwrap_err().is_malformed());
        }
        assert!(Responses::parse(b"[]").unwrap().is_empty());
    }

    #[test]
    fn answers_fit_the_commands_by_number_and_method() {
        let two = br#"[{"method":"publish"},{"method":"node"}]"#;
        assert_eq!(Responses::to(&["publish", "node"], two).unwrap().len(), 2);
        for (methods, what) in [
            (&["publish"][..], "2 answers to 1 commands"),
            (&["publish", "node", "node"], "2 answers to 3 commands"),
            (&[], "2 answers to 0 commands"),
            (&["node", "publish"], "answer 0 is not to node, its command"),
            (&["publish", "stats"], "answer 1 is not to stats, its command"),
        ] {
            assert_eq!(Responses::to(methods, two).unwrap_err().0, what);
        }
        // What is too much is not kept, but it must be JSON.
        assert!(
            Responses::to(&["publish"], br#"[{"method":"publish"},]"#).unwrap_err().1.is_some()
        );
    }
}
