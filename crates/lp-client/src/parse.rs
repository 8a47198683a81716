//! Reads an answer in either form: golongpoll's, or the stricter one.
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::answer::Content;
use crate::position::is_cursor;
use crate::{Error, Event, Gap};

/// The media type of the stricter form.
pub(crate) const STRICT: &str = "application/vnd.longpoll+json";
const CURSOR: &str = "longpoll-cursor";
const GAP: &str = "longpoll-gap";

/// How much is kept of what a server says, in characters.
const MAX_WORDS: usize = 1_024;

/// The members of both forms.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    events: Option<Vec<WireEvent<'a>>>,
    timeout: Option<String>,
    timestamp: Option<i64>,
    error: Option<String>,
    cursor: Option<String>,
    more: Option<bool>,
    gaps: Option<Vec<Gap>>,
}

#[derive(Deserialize)]
struct WireEvent<'a> {
    timestamp: i64,
    category: String,
    id: String,
    #[serde(borrow)]
    data: &'a RawValue,
    event: Option<String>,
}

/// What the body of an answer of success says.
pub(crate) enum Said {
    Content(Content),
    Refusal(String),
}

/// Reads an answer with a status of success.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Said, Error> {
    let mut content = match status == StatusCode::NO_CONTENT {
        true => Content { strict: true, ..Content::default() },
        false => match read_body(headers, body)? {
            Said::Content(content) => content,
            refusal => return Ok(refusal),
        },
    };
    if content.cursor.is_none() && content.strict {
        let cursor = headers.get(CURSOR).and_then(|value| value.to_str().ok());
        content.cursor = cursor.map(str::to_owned);
    }
    if content.cursor.as_ref().is_some_and(|cursor| !is_cursor(cursor)) {
        return Err(Error::answer("the answer's cursor is empty or too long to be kept"));
    }
    if let Some(reason) = headers.get(GAP)
        && content.gaps.is_empty()
    {
        let reason = shortened(&String::from_utf8_lossy(reason.as_bytes()));
        content.gaps.push(Gap { category: None, reason, from: None, resume: None });
    }
    Ok(Said::Content(content))
}

fn read_body(headers: &HeaderMap, body: &[u8]) -> Result<Said, Error> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        // A page of a proxy, most of the time.
        return Err(Error::answer(format!(
            "the answer is not a JSON object but begins with {:?}",
            String::from_utf8_lossy(&body[..body.len().min(60)])
        )));
    }
    let wire: Wire<'_> = serde_json::from_slice(body)
        .map_err(|error| Error::answer_from("the answer is not what long polling says", error))?;
    if let Some(text) = wire.error.filter(|text| !text.is_empty()) {
        return Ok(Said::Refusal(shortened(&text)));
    }
    let strict = is_strict(headers);
    let events = match (wire.events, &wire.timeout) {
        (Some(events), _) => events,
        (None, Some(_)) if wire.timestamp.is_some() => Vec::new(),
        (None, Some(_)) => {
            return Err(Error::answer("the answer is a timeout without a timestamp"));
        }
        (None, None) => {
            return Err(Error::answer("the answer has neither events nor a timeout nor an error"));
        }
    };
    if wire.timestamp.is_some_and(|timestamp| timestamp < 0) {
        return Err(Error::answer("the answer's timestamp is negative"));
    }
    let events = events.into_iter().enumerate().map(|(index, event)| event.checked(index));
    Ok(Said::Content(Content {
        strict,
        events: events.collect::<Result<_, _>>()?,
        gaps: wire.gaps.unwrap_or_default(),
        cursor: wire.cursor.filter(|_| strict),
        more: wire.more.unwrap_or(false) && strict,
        timestamp: wire.timestamp,
    }))
}

impl WireEvent<'_> {
    fn checked(self, index: usize) -> Result<Event, Error> {
        let number = index + 1;
        let id = Uuid::try_parse(&self.id).map_err(|_| {
            let shown = shortened(&self.id);
            Error::answer(format!("the id of event {number} in the answer is no UUID: {shown:?}"))
        })?;
        if self.timestamp < 0 {
            let text = format!("the timestamp of event {number} in the answer is negative");
            return Err(Error::answer(text));
        }
        Ok(Event {
            timestamp: self.timestamp,
            category: self.category,
            id,
            data: self.data.to_owned(),
            event: self.event,
        })
    }
}

/// The words in the body of an answer that is an error, if there are any.
pub(crate) fn refusal(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    (!refusal.error.is_empty()).then(|| shortened(&refusal.error))
}

fn is_strict(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(STRICT.as_bytes())
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        HeaderMap::from_iter(pairs)
    }

    fn content(headers: &HeaderMap, body: &str) -> Content {
        match read(StatusCode::OK, headers, body.as_bytes()).unwrap() {
            Said::Content(content) => content,
            Said::Refusal(text) => panic!("{text}"),
        }
    }

    #[test]
    fn golongpolls_forms() {
        let json = headers(&[("content-type", "application/json")]);
        let body = format!(
            r#"{{"events":[{{"timestamp":5,"category":"a","data":{{"x":[1,null]}},"id":"{ID}"}}]}}"#
        );
        let got = content(&json, &body);
        assert!(!got.strict && !got.is_quiet() && got.cursor.is_none());
        let event = &got.events[0];
        assert_eq!(
            (event.timestamp, event.category.as_str(), event.event.as_deref()),
            (5, "a", None)
        );
        assert_eq!((event.data.get(), event.id.to_string().as_str()), (r#"{"x":[1,null]}"#, ID));

        let got =
            content(&json, r#"{"timeout":"no events before timeout","timestamp":1795230332805}"#);
        assert_eq!((got.is_quiet(), got.timestamp), (true, Some(1_795_230_332_805)));

        // A list that is null is how Go writes an empty one, and no events are a quiet poll.
        for body in [r#"{"events":[]}"#, r#"{"events":null,"timeout":"x","timestamp":1}"#] {
            assert!(content(&json, body).is_quiet(), "{body}");
        }
        // A cursor counts only from a server that means it.
        assert_eq!(content(&json, r#"{"events":[],"cursor":"c","more":true}"#).cursor, None);

        let gap = headers(&[("content-type", "application/json"), ("longpoll-gap", "evicted")]);
        let got = content(&gap, r#"{"timeout":"x","timestamp":1}"#);
        assert_eq!((got.gaps[0].reason.as_str(), got.is_quiet()), ("evicted", false));
    }

    #[test]
    fn the_stricter_form() {
        let strict = headers(&[("content-type", "Application/vnd.longpoll+json; charset=utf-8")]);
        let body = format!(
            r#"{{"events":[{{"timestamp":5,"category":"a","data":"hi","id":"{ID}","event":"note"}}],
            "cursor":"c1","more":true,
            "gaps":[{{"category":"a","reason":"epoch","from":"1-2","resume":"3-4"}}],"new":1}}"#
        );
        let got = content(&strict, &body);
        assert!(got.strict && got.more);
        assert_eq!(got.cursor.as_deref(), Some("c1"));
        assert_eq!(got.events[0].event.as_deref(), Some("note"));
        let gap = Gap {
            category: Some("a".into()),
            reason: "epoch".into(),
            from: Some("1-2".into()),
            resume: Some("3-4".into()),
        };
        assert_eq!(got.gaps, [gap]);

        let quiet = headers(&[("longpoll-cursor", "c2")]);
        let Said::Content(got) = read(StatusCode::NO_CONTENT, &quiet, b"").unwrap() else {
            panic!()
        };
        assert!(got.strict && got.is_quiet());
        assert_eq!(got.cursor.as_deref(), Some("c2"));
    }

    #[test]
    fn an_error_is_never_an_empty_batch() {
        let words = "Invalid or missing 'timeout' arg.  Must be 1-110.";
        let body = format!(r#"{{"error": "{words}"}}"#);
        let said = read(StatusCode::OK, &HeaderMap::new(), body.as_bytes()).unwrap();
        assert!(matches!(said, Said::Refusal(text) if text == words));
        // Also where it stands beside an empty list.
        let said =
            read(StatusCode::OK, &HeaderMap::new(), br#"{"events":[],"error":"no"}"#).unwrap();
        assert!(matches!(said, Said::Refusal(text) if text == "no"));
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(100_000));
        assert_eq!(refusal(long.as_bytes()).unwrap().len(), MAX_WORDS);
        for none in ["", "no", "{}", r#"{"error":1}"#, r#"{"error":""}"#] {
            assert_eq!(refusal(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (body, expected) in [
            ("", "not a JSON object"),
            ("<html>hello", "<html>hello"),
            ("[]", "not a JSON object"),
            ("null", "not a JSON object"),
            ("{}", "neither events nor a timeout"),
            (r#"{"events":{}}"#, "invalid type: map"),
            (r#"{"events":[]} x"#, "trailing characters"),
            (r#"{"events":["#, "EOF"),
            (r#"{"timeout":"x"}"#, "without a timestamp"),
            (r#"{"timeout":"x","timestamp":"5"}"#, "invalid type: string"),
            (r#"{"timeout":"x","timestamp":1.5}"#, "invalid type: floating"),
            (r#"{"timeout":"x","timestamp":-1}"#, "negative"),
            (r#"{"timeout":"x","timestamp":9223372036854775808}"#, "invalid value"),
            (r#"{"events":[{"timestamp":1,"category":"a","id":"ID"}]}"#, "missing field `data`"),
            (r#"{"events":[{"timestamp":1,"category":"a","data":1}]}"#, "missing field `id`"),
            (r#"{"events":[{"category":"a","data":1,"id":"ID"}]}"#, "missing field `timestamp`"),
            (r#"{"events":[{"timestamp":1,"data":1,"id":"ID"}]}"#, "missing field `category`"),
            (
                r#"{"events":[{"timestamp":1,"category":"a","data":1,"id":"7"}]}"#,
                "event 1 in the answer is no UUID: \"7\"",
            ),
            (
                r#"{"events":[{"timestamp":-1,"category":"a","data":1,"id":"ID"}]}"#,
                "event 1 in the answer is negative",
            ),
            (
                r#"{"events":[{"timestamp":1,"category":2,"data":1,"id":"ID"}]}"#,
                "invalid type: integer",
            ),
        ] {
            let body = body.replace("ID", ID);
            let Err(error) = read(StatusCode::OK, &HeaderMap::new(), body.as_bytes()) else {
                panic!("{body} was taken");
            };
            let text = format!(
                "{error}: {:?}",
                std::error::Error::source(&error).map(ToString::to_string)
            );
            assert!(error.is_malformed() && text.contains(expected), "{body}: {text}");
        }
        let bad =
            format!(r#"{{"events":[{{"timestamp":1,"category":"a","data":"_","id":"{ID}"}}]}}"#);
        let bad: Vec<u8> = bad.bytes().map(|b| if b == b'_' { 0xff } else { b }).collect();
        let Err(error) = read(StatusCode::OK, &HeaderMap::new(), &bad) else {
            panic!("not UTF-8");
        };
        assert!(error.is_malformed());
        let long = "c".repeat(5_000).parse().unwrap();
        let long = HeaderMap::from_iter([(CURSOR.parse().unwrap(), long)]);
        assert!(read(StatusCode::NO_CONTENT, &long, b"").is_err());
    }

    #[test]
    fn data_of_any_depth_and_shape_is_kept_as_text() {
        for data in [
            "null",
            "\"\\ud800\"",
            "1e999",
            &format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)),
        ] {
            let body = format!(
                r#"{{"events":[{{"timestamp":1,"category":"a","data":{data},"id":"{ID}"}}]}}"#
            );
            let got = content(&HeaderMap::new(), &body);
            assert_eq!(got.events[0].data.get(), data);
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status in 200_u16..300, body: Vec<u8>, gap in "[ -~]{0,20}") {
            let headers = HeaderMap::from_iter([(GAP.parse().unwrap(), gap.parse().unwrap())]);
            let _ = read(StatusCode::from_u16(status).unwrap(), &headers, &body);
        }

        /// The right names with values of any kind.
        #[test]
        fn no_object_makes_it_panic(
            members in proptest::collection::vec(
                (
                    prop::sample::select(&["events", "timeout", "timestamp", "error", "cursor", "more", "gaps"][..]),
                    prop::sample::select(&[
                        "null", "true", "-1", "1e999", "\"\"", "\"x\"", "{}", "[]", "[{}]", "[null]",
                        r#"[{"timestamp":1,"category":"","id":"","data":0}]"#, r#"[{"reason":"x"}]"#,
                    ][..]),
                ),
                0..5,
            ),
            strict: bool,
        ) {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let body = format!("{{{}}}", members.join(","));
            let kind = if strict { STRICT } else { "application/json" };
            let headers = headers(&[("content-type", kind)]);
            if let Ok(Said::Content(content)) = read(StatusCode::OK, &headers, body.as_bytes()) {
                prop_assert!(strict || (content.cursor.is_none() && !content.more));
            }
        }

        #[test]
        fn whatever_an_event_holds_comes_through(
            timestamp in 0..i64::MAX,
            category in "\\PC{0,20}",
            data in "\\PC{0,40}",
            event in proptest::option::of("\\PC{0,10}"),
            id: u128,
        ) {
            let id = Uuid::from_u128(id);
            let sent = serde_json::json!({"events": [
                {"timestamp": timestamp, "category": category, "data": [data], "id": id.to_string(), "event": event},
            ]});
            let got = content(&HeaderMap::new(), &sent.to_string());
            let got = &got.events[0];
            prop_assert_eq!((got.timestamp, &got.category, got.id, &got.event), (timestamp, &category, id, &event));
            prop_assert_eq!(got.json::<Vec<String>>().unwrap(), [data]);
        }
    }
}
