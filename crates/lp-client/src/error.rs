//! What went wrong.
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};
use rt_common::{BoxError, Failure, HttpError, Reaction, Redactor, Setup, StatusText};

/// An error of a poll, a publication or a follower.
///
/// As the `Err` of a [`Follow`](crate::Follow) it is its last item; inside
/// [`Disconnected`](crate::Disconnected) it is why a poll is made again. It is opaque and answers
/// questions; those about HTTP are answered from the cause where there is one. `Display` names the
/// causes too, which `source()` returns.
pub struct Error {
    kind: Box<Kind>,
}

#[derive(Debug)]
enum Kind {
    Builder { what: String, source: Option<BoxError> },
    Http { error: HttpError, refusal: Option<String> },
    // An error that came with a status of success, as golongpoll's all do.
    Refused { what: &'static str, text: String },
    Redirect { status: StatusCode, location: String },
    Answer { what: String, source: Option<serde_json::Error> },
    OneCategory,
    NoRetryLeft { retries: u32, last: Error },
    Json(serde_json::Error),
}

/// How golongpoll words what is wrong with a request: these do not mend. Its others ("Error
/// creating new Subscription.", "json marshaller failed") are its own troubles.
const OUR_FAULT: [&str; 3] = ["Invalid ", "Must provide ", "Param "];

impl Error {
    /// Whether something was described wrongly (a URL, a header, a category, a position); nothing
    /// was sent.
    pub fn is_builder(&self) -> bool {
        matches!(*self.kind, Kind::Builder { .. }) || self.http().is_some_and(HttpError::is_request)
    }

    /// Whether a time was exceeded: that of the poll and its margin, or of connecting.
    pub fn is_timeout(&self) -> bool {
        self.http().is_some_and(HttpError::is_timeout)
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        self.http().is_some_and(HttpError::is_connect)
    }

    /// Whether the server refused the request in its own words, [`Error::refusal`], with whatever
    /// status.
    pub fn is_refused(&self) -> bool {
        self.refusal().is_some()
    }

    /// The server's own words (`{"error":"…"}`), at most 1,024 characters of them.
    pub fn refusal(&self) -> Option<&str> {
        match &*self.root().kind {
            Kind::Http { refusal, .. } => refusal.as_deref(),
            Kind::Refused { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether the server redirected; that is not followed.
    pub fn is_redirect(&self) -> bool {
        matches!(*self.root().kind, Kind::Redirect { .. })
    }

    /// Whether the server no longer has what comes after the position and is set to say so with
    /// status 410, instead of a [`Gap`](crate::Gap).
    pub fn is_position_lost(&self) -> bool {
        self.status() == Some(StatusCode::GONE)
    }

    /// Whether the answer was not what this protocol says: another content, a field that is missing
    /// or of a wrong type, an id that is no UUID.
    pub fn is_malformed(&self) -> bool {
        matches!(*self.root().kind, Kind::Answer { .. })
    }

    /// Whether the answer was larger than
    /// [`max_answer_bytes`](crate::ClientBuilder::max_answer_bytes).
    pub fn is_too_large(&self) -> bool {
        self.http().is_some_and(HttpError::is_too_large)
    }

    /// Whether several categories were asked for and the server takes one a poll, as golongpoll
    /// does: it would wait for the first one only, without a word.
    pub fn is_one_category(&self) -> bool {
        matches!(*self.root().kind, Kind::OneCategory)
    }

    /// Whether [`max_retries`](crate::RetryPolicy::max_retries) was reached.
    pub fn is_retries_exhausted(&self) -> bool {
        matches!(*self.kind, Kind::NoRetryLeft { .. })
    }

    /// Whether an event's data was not the expected JSON.
    pub fn is_json(&self) -> bool {
        matches!(*self.kind, Kind::Json(_))
    }

    /// Whether the same request may succeed later, for a single poll or publication: network
    /// failures, time-outs, the statuses 408, 425, 429 and 5xx, and what golongpoll says of its own
    /// troubles. A [`Follow`](crate::Follow) that has worked before tries again after more failures,
    /// by [the table of failures](Failure#the-table).
    ///
    /// It does not say that publishing again is harmless: the event may be there already.
    pub fn is_retryable(&self) -> bool {
        self.reaction(Setup::Unproven) == Reaction::Retry
    }

    /// Returns the reaction to this error, given whether a request has succeeded before.
    pub(crate) fn reaction(&self, setup: Setup) -> Reaction {
        let failure = match &*self.root().kind {
            Kind::Http { error, .. } => error.failure(),
            Kind::Redirect { .. } => Failure::Redirect,
            // A page of an intermediary. JSON of another shape comes from the server itself, which
            // would send the same again.
            Kind::Answer { source: Some(source), .. } if !source.is_data() => {
                Failure::UnexpectedContent
            }
            Kind::Refused { text, .. }
                if !OUR_FAULT.iter().any(|start| text.starts_with(start)) =>
            {
                return Reaction::Retry;
            }
            _ => return Reaction::End,
        };
        failure.reaction(setup)
    }

    /// The status of the answer, if it was not one of success.
    pub fn status(&self) -> Option<StatusCode> {
        match &*self.root().kind {
            Kind::Http { error, .. } => error.status(),
            Kind::Redirect { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long the server asked to wait (`Retry-After`), at most one hour.
    pub fn retry_after(&self) -> Option<Duration> {
        self.http().and_then(HttpError::retry_after)
    }

    /// The first bytes (at most 4 KiB) of an answer whose status or content type was wrong.
    pub fn body(&self) -> &[u8] {
        self.http().map_or(&[], HttpError::body)
    }

    /// What went wrong over HTTP, if that is the reason.
    pub fn http(&self) -> Option<&HttpError> {
        match &*self.root().kind {
            Kind::Http { error, .. } => Some(error),
            _ => None,
        }
    }

    pub(crate) fn builder(what: impl Into<String>) -> Self {
        Self::new(Kind::Builder { what: what.into(), source: None })
    }

    pub(crate) fn builder_from(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Builder { what: what.into(), source: Some(source.into()) })
    }

    /// A status that was not wanted, and the words in its body.
    pub(crate) fn status_with(error: HttpError, refusal: Option<String>) -> Self {
        Self::new(Kind::Http { error, refusal })
    }

    pub(crate) fn refused(method: &Method, text: String) -> Self {
        let what = if method == Method::POST { "publication" } else { "poll" };
        Self::new(Kind::Refused { what, text })
    }

    pub(crate) fn redirect(status: StatusCode, location: &str) -> Self {
        Self::new(Kind::Redirect { status, location: rt_common::redact_url(location) })
    }

    pub(crate) fn answer(what: impl Into<String>) -> Self {
        Self::new(Kind::Answer { what: what.into(), source: None })
    }

    pub(crate) fn answer_from(what: impl Into<String>, source: serde_json::Error) -> Self {
        Self::new(Kind::Answer { what: what.into(), source: Some(source) })
    }

    pub(crate) fn one_category() -> Self {
        Self::new(Kind::OneCategory)
    }

    pub(crate) fn no_retry_left(retries: u32, last: Self) -> Self {
        Self::new(Kind::NoRetryLeft { retries, last })
    }

    pub(crate) fn json(error: serde_json::Error) -> Self {
        Self::new(Kind::Json(error))
    }

    /// The same error without these secrets in what it quotes of the server.
    pub(crate) fn redacted(mut self, secrets: &Redactor) -> Self {
        match &mut *self.kind {
            Kind::Refused { text, .. } => *text = secrets.text(text).into_owned(),
            Kind::Answer { what, source } => {
                *what = secrets.text(what).into_owned();
                // serde's type errors quote the value.
                source.take_if(|source| matches!(secrets.text(&source.to_string()), Cow::Owned(_)));
            }
            _ => {}
        }
        self
    }

    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    /// What happened, without the reason why it ended the stream.
    fn root(&self) -> &Self {
        match &*self.kind {
            Kind::NoRetryLeft { last, .. } => last.root(),
            _ => self,
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self::new(Kind::Http { error, refusal: None })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rt_common::write_with_causes(f, &*self.kind, self.source())
    }
}

/// The error without its causes.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Builder { what, .. } => f.write_str(what),
            // The HTTP error is this error, not a level below it.
            Kind::Http { error, .. } => error.fmt(f),
            Kind::Refused { what, text } => {
                write!(f, "the server refused the {what}: {text}")
            }
            Kind::Redirect { status, location } => write!(
                f,
                "the server answered {}, to {location:?}: redirects are not followed, use the URL where it ends",
                StatusText(*status)
            ),
            Kind::Answer { what, .. } => f.write_str(what),
            Kind::OneCategory => f.write_str(
                "the server takes one category a poll, as golongpoll does: follow each by itself",
            ),
            Kind::NoRetryLeft { retries: 1, .. } => f.write_str("given up after 1 retry"),
            Kind::NoRetryLeft { retries, .. } => write!(f, "given up after {retries} retries"),
            Kind::Json(_) => f.write_str("the event's data is not the expected JSON"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(&self.kind).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.kind {
            Kind::Builder { source, .. } => source.as_deref().map(|source| source as _),
            Kind::Http { error, .. } => error.source(),
            Kind::Answer { source, .. } => source.as_ref().map(|source| source as _),
            Kind::NoRetryLeft { last, .. } => Some(last),
            Kind::Json(error) => Some(error),
            Kind::Refused { .. } | Kind::Redirect { .. } | Kind::OneCategory => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn status(code: u16) -> Error {
        let code = StatusCode::from_u16(code).unwrap();
        HttpError::from_status(code, &HeaderMap::new(), Default::default()).into()
    }

    #[test]
    fn one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn which_answers_heal() {
        for code in [408, 425, 429, 500, 502, 503, 504] {
            assert!(status(code).is_retryable(), "{code}");
        }
        for code in [201, 400, 401, 403, 404, 405, 410, 413] {
            assert!(!status(code).is_retryable(), "{code}");
        }
        for (text, heals) in [
            ("Invalid or missing 'timeout' arg.  Must be 1-110.", false),
            ("Invalid subscription category, must be 1-1024 characters long.", false),
            ("Invalid 'since_time' arg.", false),
            ("Must provide 'since_time' arg when providing 'last_id'.", false),
            ("Param 'last_id' was not a valid UUID.", false),
            ("Error creating new Subscription.", true),
            ("json marshaller failed", true),
        ] {
            let error = Error::refused(&Method::GET, text.into());
            assert!(error.is_refused() && error.is_retryable() == heals, "{text}");
        }
    }

    #[test]
    fn the_reason_answers_through_what_ended_the_stream() {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, "3".parse().unwrap())]);
        let busy = HttpError::from_status(StatusCode::SERVICE_UNAVAILABLE, &headers, "x".into());
        let error = Error::no_retry_left(2, Error::status_with(busy, Some("later".into())));
        assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!((error.body(), error.refusal()), (&b"x"[..], Some("later")));
        assert!(error.is_retryable() && error.is_retries_exhausted());
        let text = "given up after 2 retries: the server answered 503 Service Unavailable: x";
        assert_eq!(error.to_string(), text);
        assert!(error.source().unwrap().to_string().contains("503"));
    }

    #[test]
    fn no_secret_and_no_control_character_shows() {
        let error = Error::redirect(StatusCode::FOUND, "https://u:pw@h/x?token=t0p");
        let all = format!("{error} {error:?}");
        assert!(!all.contains("pw@") && !all.contains("t0p"), "{all}");
        let error = Error::refused(&Method::GET, "a\u{1b}[31m\n".into());
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
}
