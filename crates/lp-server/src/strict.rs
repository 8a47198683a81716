//! The strict form: what its polls may ask, and its answers.
//!
//! Pure. Real status codes, a cursor that needs no clock, several categories in one poll.

use crate::cursor::{Cursor, MAX_CATEGORIES};
use crate::golongpoll::{self, BadPoll};
use crate::query::Query;
use crate::resume::Resume;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use rt_broker::Position;
use serde_json::{Value, json};
use std::time::Duration;

/// The content type of the strict form's answers, by which it may be asked for as well.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.longpoll+json";

/// How long a poll waits that does not say.
const TIMEOUT: Duration = Duration::from_secs(25);

/// A poll of one or several categories.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) timeout: Duration,
    pub(crate) categories: Vec<String>,
    pub(crate) cursor: Option<Cursor>,
    /// Where a category resumes that is not in the cursor.
    pub(crate) resume: Resume,
    pub(crate) limit: usize,
}

/// Whether a poll asks for this form: by its query, else by what it accepts. Who accepts anything
/// gets golongpoll's.
pub(crate) fn is_asked_for(query: &Query<'_>, headers: &HeaderMap) -> bool {
    match &*query.first("form") {
        b"strict" => true,
        b"" => {
            let accepts = headers.get_all(header::ACCEPT).iter();
            let mut ranges = accepts.filter_map(|value| value.to_str().ok()).flat_map(|value| {
                value.split(',').map(|range| range.split_once(';').unwrap_or((range, "")))
            });
            ranges.any(|(kind, weight)| {
                let refused = weight.trim().trim_end_matches(['0', '.']) == "q=";
                kind.trim().eq_ignore_ascii_case(CONTENT_TYPE) && !refused
            })
        }
        _ => false,
    }
}

impl Poll {
    /// Parses the query and the headers of a poll.
    ///
    /// # Errors
    /// When a parameter is missing or malformed. The text says what is wrong, for a person.
    pub(crate) fn parse(
        query: &Query<'_>,
        headers: &HeaderMap,
        max_timeout: Duration,
        max_events: usize,
    ) -> Result<Self, String> {
        let max = max_timeout.as_secs();
        let timeout = match number(query, "timeout", 1, max)? {
            Some(seconds) => Duration::from_secs(seconds),
            None => TIMEOUT.min(max_timeout),
        };
        let limit = number(query, "limit", 1, max_events as u64)?;
        let limit = limit.map_or(max_events, |limit| limit as usize);
        let mut categories = Vec::new();
        for name in query.all("category") {
            let name = String::from_utf8(name.into_owned())
                .map_err(|_| "a category is not UTF-8".to_owned())?;
            if !(1..=golongpoll::MAX_CATEGORY).contains(&name.len()) {
                return Err(BadPoll::Category.text(max).into_owned());
            }
            if !categories.contains(&name) {
                categories.push(name);
            }
            if categories.len() > MAX_CATEGORIES {
                return Err(format!("at most {MAX_CATEGORIES} categories go into one poll"));
            }
        }
        if categories.is_empty() {
            return Err("name the category to poll: category=NAME".to_owned());
        }
        let resume = golongpoll::resume(query).map_err(|wrong| wrong.text(max).into_owned())?;
        let cursor = match query.text("cursor") {
            Some(text) => Some(Cursor::parse(&text).ok_or("this is no cursor of this server")?),
            None => cursor_of(headers),
        };
        Ok(Self { timeout, categories, cursor, resume, limit })
    }
}

/// The cursor in the ETag of the last answer, as `If-None-Match` has it. A proxy may have changed it:
/// what is no cursor says nothing.
fn cursor_of(headers: &HeaderMap) -> Option<Cursor> {
    let tags = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    tags.split(',').find_map(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        Cursor::parse(tag.strip_prefix('"')?.strip_suffix('"')?)
    })
}

fn number(query: &Query<'_>, name: &str, min: u64, max: u64) -> Result<Option<u64>, String> {
    let given = query.all(name).next();
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(None) };
    let text = std::str::from_utf8(&given).ok();
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    let within = number.filter(|number| (min..=max).contains(number));
    within.map(Some).ok_or_else(|| format!("{name} must be a whole number from {min} to {max}"))
}

/// A gap as an answer tells it.
pub(crate) fn gap(category: &str, reason: &str, from: &str, resume: Position) -> Value {
    let resume = resume.to_string();
    json!({ "category": category, "reason": reason, "from": from, "resume": resume })
}

/// An answer with events, or with gaps alone.
pub(crate) fn answer(events: &[Bytes], cursor: &str, more: bool, gaps: Vec<Value>) -> Bytes {
    let size: usize = events.iter().map(|event| event.len() + 1).sum();
    let mut body = BytesMut::with_capacity(size + cursor.len() + 64);
    body.extend_from_slice(br#"{"events":["#);
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            body.extend_from_slice(b",");
        }
        body.extend_from_slice(event);
    }
    body.extend_from_slice(br#"],"cursor":""#);
    body.extend_from_slice(cursor.as_bytes());
    body.extend_from_slice(if more { br#"","more":true"# } else { br#"","more":false"# });
    if !gaps.is_empty() {
        body.extend_from_slice(br#","gaps":"#);
        body.extend_from_slice(Value::from(gaps).to_string().as_bytes());
    }
    body.extend_from_slice(b"}");
    body.freeze()
}
