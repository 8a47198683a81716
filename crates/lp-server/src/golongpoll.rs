//! golongpoll's form: what its server checks, in its order, with its texts, and its answers.
//!
//! Pure: a query or a body in, a request or its refusal out. Observed of golongpoll v1.3.0.

use crate::json::{as_go_reads, readable};
use crate::query::Query;
use crate::resume::{LastId, Resume};
use bytes::Bytes;
use http::StatusCode;
use rt_broker::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// Longest category, in bytes; the shortest has one.
pub(crate) const MAX_CATEGORY: usize = 1024;

/// The answer to a publication that was taken.
pub(crate) const PUBLISHED: Bytes = Bytes::from_static(br#"{"success": true}"#);

/// A poll that is understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Poll {
    pub(crate) timeout: Duration,
    pub(crate) category: String,
    pub(crate) resume: Resume,
}

/// What is wrong with a poll, in the order in which it is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BadPoll {
    Timeout,
    Category,
    SinceTime,
    LastIdAlone,
    LastId,
}

impl BadPoll {
    /// golongpoll's own words, spaces and all; `max` is the largest time-out in seconds.
    pub(crate) fn text(self, max: u64) -> Cow<'static, str> {
        match self {
            Self::Timeout => format!("Invalid or missing 'timeout' arg.  Must be 1-{max}.").into(),
            Self::Category => {
                "Invalid subscription category, must be 1-1024 characters long.".into()
            }
            Self::SinceTime => "Invalid 'since_time' arg.".into(),
            Self::LastIdAlone => "Must provide 'since_time' arg when providing 'last_id'.".into(),
            Self::LastId => "Param 'last_id' was not a valid UUID.".into(),
        }
    }
}

impl Poll {
    pub(crate) fn parse(query: &Query<'_>, max_timeout: Duration) -> Result<Self, BadPoll> {
        let timeout = query.text("timeout").and_then(|text| integer(&text));
        let timeout = timeout.and_then(|seconds| u64::try_from(seconds).ok());
        let timeout = timeout.filter(|&seconds| (1..=max_timeout.as_secs()).contains(&seconds));
        let timeout = Duration::from_secs(timeout.ok_or(BadPoll::Timeout)?);
        let category = category(&query.first("category")).ok_or(BadPoll::Category)?;
        Ok(Self { timeout, category, resume: resume(query)? })
    }
}

/// A category's name; bytes that are not UTF-8 become what a publisher's JSON makes of them.
pub(crate) fn category(name: &[u8]) -> Option<String> {
    let name = (1..=MAX_CATEGORY).contains(&name.len()).then(|| as_go_reads(name))?;
    Some(name.into_owned())
}

/// Reads where a poll resumes: after `last_id` if it is held, else after `since_time`.
pub(crate) fn resume(query: &Query<'_>) -> Result<Resume, BadPoll> {
    let since = query.first("since_time");
    let since = match since.is_empty() {
        true => None,
        false => {
            let text = std::str::from_utf8(&since).ok();
            Some(text.and_then(integer).ok_or(BadPoll::SinceTime)?)
        }
    };
    let last_id = query.first("last_id");
    if last_id.is_empty() {
        return Ok(match since {
            None => Resume::Live,
            // Nothing was ever stamped before: all that is held, and no gap for what is not.
            Some(..=0) => Resume::Earliest,
            Some(since) => Resume::Since(Timestamp::from_millis(since.unsigned_abs())),
        });
    }
    let since = since.ok_or(BadPoll::LastIdAlone)?;
    let uuid = std::str::from_utf8(&last_id).ok().and_then(uuid).ok_or(BadPoll::LastId)?;
    let time = Timestamp::from_millis(u64::try_from(since).unwrap_or(0));
    Ok(Resume::LastId(LastId { uuid, time }))
}

/// A UUID with hyphens or without, in braces or as a URN, but not in both.
fn uuid(text: &str) -> Option<Uuid> {
    let braced = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let bare = braced.or_else(|| text.strip_prefix("urn:uuid:")).unwrap_or(text);
    match bare.len() {
        32 | 36 => Uuid::try_parse(bare).ok(),
        _ => None,
    }
}

/// A whole number as Go's `strconv` reads it: an optional sign, then digits.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sound = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

/// A publication that is understood: its data is the JSON text as it stands in the body.
#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) category: String,
    pub(crate) data: Bytes,
}

/// What is wrong with a publication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BadPublish {
    Method,
    Json,
    Category,
    Data,
}

impl BadPublish {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Method => "Invalid HTTP Method. Only POST allowed.",
            Self::Json => "Invalid POST body json.",
            Self::Category => "Invalid or missing 'category' arg, must be 1-1024 characters long.",
            Self::Data => "Invalid or missing 'data' arg, must be non-nil.",
        }
    }
}

impl Publish {
    /// Reads the first JSON value of a body, as golongpoll does: what follows it does not matter,
    /// names of members are told apart without case, of two the last counts.
    pub(crate) fn parse(body: Bytes) -> Result<Self, BadPublish> {
        let body = readable(body).ok_or(BadPublish::Json)?;
        let mut json = serde_json::Deserializer::from_slice(&body);
        let fields = Option::<Fields<'_>>::deserialize(&mut json).map_err(|_| BadPublish::Json)?;
        let fields = fields.unwrap_or_default();
        let category = fields.category.unwrap_or_default();
        if !(1..=MAX_CATEGORY).contains(&category.len()) {
            return Err(BadPublish::Category);
        }
        let data = fields.data.ok_or(BadPublish::Data)?;
        // A copy: what is held for long must not hold on to the buffer that it was read into.
        let data = Bytes::copy_from_slice(data.get().as_bytes());
        Ok(Self { category, data })
    }
}

#[derive(Default)]
struct Fields<'a> {
    category: Option<String>,
    data: Option<&'a RawValue>,
}

impl<'a> Deserialize<'a> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'a> Visitor<'a> for Read {
            type Value = Fields<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a category and data")
            }

            fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Fields<'a>, M::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key_seed(Name)? {
                    match name {
                        Member::Category => {
                            // A null leaves what was there, as in Go.
                            let category = map.next_value::<Option<String>>()?;
                            fields.category = category.or(fields.category);
                        }
                        Member::Data => {
                            let data = map.next_value::<&RawValue>()?;
                            fields.data = Some(data).filter(|data| data.get() != "null");
                        }
                        Member::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Read)
    }
}

enum Member {
    Category,
    Data,
    Other,
}

struct Name;

impl<'a> DeserializeSeed<'a> for Name {
    type Value = Member;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(Name)
    }
}

impl Visitor<'_> for Name {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(match () {
            () if name.eq_ignore_ascii_case("category") => Member::Category,
            () if name.eq_ignore_ascii_case("data") => Member::Data,
            () => Member::Other,
        })
    }
}

#[cfg(test)]
mod tests;
