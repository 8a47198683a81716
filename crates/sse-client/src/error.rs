//! What went wrong.
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use rt_common::{BoxError, HttpError};

use crate::redirect::RedirectProblem;

/// An error of an event stream.
///
/// As the `Err` of the stream it is its last item; inside
/// [`Disconnected`](crate::Disconnected) it is the reason of a reconnect. It is opaque and answers
/// questions; those about HTTP are answered from the cause where there is one. `Display` tells its
/// own level only, the cause is in `source()`.
pub struct Error {
    kind: Box<Kind>,
}

#[derive(Debug)]
enum Kind {
    Builder {
        what: String,
        source: Option<BoxError>,
    },
    Http(HttpError),
    Redirect(RedirectProblem),
    Encoding(String),
    Hook(BoxError),
    EndOfBody,
    Idle(Duration),
    NoResponse(Duration),
    NoRetryLeft {
        retries: u32,
        last: Error,
    },
    NotResent(Error),
    NoSentinel,
    TooLarge {
        limit: usize,
    },
    #[cfg(feature = "json")]
    Json(serde_json::Error),
}

impl Error {
    /// Whether the stream was described wrongly (a bad URL or header); nothing was sent.
    pub fn is_builder(&self) -> bool {
        matches!(*self.kind, Kind::Builder { .. })
    }

    /// Whether a time was exceeded: no answer, nothing received for too long, or a connect
    /// time-out of the transport.
    pub fn is_timeout(&self) -> bool {
        match &*self.root().kind {
            Kind::Idle(_) | Kind::NoResponse(_) => true,
            Kind::Http(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        self.http().is_some_and(HttpError::is_connect)
    }

    /// Whether a redirect could not be followed.
    pub fn is_redirect(&self) -> bool {
        matches!(*self.root().kind, Kind::Redirect(_))
    }

    /// Whether the answer was not an event stream.
    pub fn is_content_type(&self) -> bool {
        self.http().is_some_and(HttpError::is_content_type)
    }

    /// Whether the server ended the body, as servers do.
    pub fn is_end_of_body(&self) -> bool {
        matches!(*self.root().kind, Kind::EndOfBody)
    }

    /// Whether the server ended the body before the
    /// [sentinel](crate::EventStreamBuilder::sentinel) came: what was received is cut short.
    pub fn is_truncated(&self) -> bool {
        matches!(*self.kind, Kind::NoSentinel)
    }

    /// Whether an event was larger than
    /// [`max_event_bytes`](crate::EventStreamBuilder::max_event_bytes) and skipped. The callbacks
    /// of a [`Client`](crate::Client) are told so; the stream goes on.
    pub fn is_too_large(&self) -> bool {
        matches!(*self.kind, Kind::TooLarge { .. })
    }

    /// Whether the stream ended because
    /// [`max_retries`](crate::RetryPolicy::max_retries) was reached.
    pub fn is_retries_exhausted(&self) -> bool {
        matches!(*self.kind, Kind::NoRetryLeft { .. })
    }

    /// Whether the hook before the attempt failed.
    pub fn is_hook(&self) -> bool {
        matches!(*self.root().kind, Kind::Hook(_))
    }

    /// Whether an event's data was not the expected JSON.
    pub fn is_json(&self) -> bool {
        #[cfg(feature = "json")]
        return matches!(*self.kind, Kind::Json(_));
        #[cfg(not(feature = "json"))]
        false
    }

    /// Whether another attempt may succeed. A stream that ends with an error for which this is
    /// true ran out of retries, or would have had to send its body again.
    pub fn is_retryable(&self) -> bool {
        match &*self.root().kind {
            Kind::Http(error) => error.is_retryable(),
            // A hook fetches tokens and the like; what it says about HTTP counts.
            Kind::Hook(error) => http_cause(error.as_ref()).is_none_or(HttpError::is_retryable),
            Kind::EndOfBody | Kind::Idle(_) | Kind::NoResponse(_) | Kind::NoSentinel => true,
            _ => false,
        }
    }

    /// The status of the answer, if that is what was wrong.
    pub fn status(&self) -> Option<StatusCode> {
        self.http().and_then(HttpError::status)
    }

    /// How long the server asked to wait (`Retry-After`), at most one hour; also the server that
    /// the hook asked, if its error says so by an [`HttpError`].
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.root().kind {
            Kind::Http(error) => error.retry_after(),
            Kind::Hook(error) => http_cause(error.as_ref()).and_then(HttpError::retry_after),
            _ => None,
        }
    }

    /// The first bytes (at most 4 KiB) of an answer whose status or content type was wrong.
    pub fn body(&self) -> &[u8] {
        self.http().map_or(&[], HttpError::body)
    }

    /// What went wrong over HTTP, if that is the reason.
    pub fn http(&self) -> Option<&HttpError> {
        match &*self.root().kind {
            Kind::Http(error) => Some(error),
            _ => None,
        }
    }

    pub(crate) fn builder(what: impl Into<String>) -> Self {
        Self::new(Kind::Builder { what: what.into(), source: None })
    }

    pub(crate) fn builder_from(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Builder { what: what.into(), source: Some(source.into()) })
    }

    pub(crate) fn redirect(problem: RedirectProblem) -> Self {
        Self::new(Kind::Redirect(problem))
    }

    pub(crate) fn encoding(name: impl Into<String>) -> Self {
        Self::new(Kind::Encoding(name.into()))
    }

    pub(crate) fn hook(error: BoxError) -> Self {
        Self::new(Kind::Hook(error))
    }

    pub(crate) fn end_of_body() -> Self {
        Self::new(Kind::EndOfBody)
    }

    pub(crate) fn idle(timeout: Duration) -> Self {
        Self::new(Kind::Idle(timeout))
    }

    pub(crate) fn no_response(timeout: Duration) -> Self {
        Self::new(Kind::NoResponse(timeout))
    }

    pub(crate) fn no_retry_left(retries: u32, last: Self) -> Self {
        Self::new(Kind::NoRetryLeft { retries, last })
    }

    pub(crate) fn not_resent(last: Self) -> Self {
        Self::new(Kind::NotResent(last))
    }

    pub(crate) fn no_sentinel() -> Self {
        Self::new(Kind::NoSentinel)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(Kind::TooLarge { limit })
    }

    #[cfg(feature = "json")]
    pub(crate) fn json(error: serde_json::Error) -> Self {
        Self::new(Kind::Json(error))
    }

    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    /// What happened, without the reason why it ended the stream.
    fn root(&self) -> &Self {
        match &*self.kind {
            Kind::NoRetryLeft { last, .. } | Kind::NotResent(last) => last.root(),
            _ => self,
        }
    }
}

/// What a hook's error says about HTTP, at whatever level.
fn http_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a HttpError> {
    let next = |error: &&'a (dyn StdError + 'static)| (*error).source();
    std::iter::successors(Some(error), next).find_map(|error| error.downcast_ref())
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self::new(Kind::Http(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Builder { what, .. } => f.write_str(what),
            // The HTTP error is this error, not a level below it.
            Kind::Http(error) => error.fmt(f),
            Kind::Redirect(problem) => problem.fmt(f),
            Kind::Encoding(name) => write!(
                f,
                "the content encoding {name:?} is not supported; gzip and brotli are features of sse-client"
            ),
            Kind::Hook(_) => f.write_str("the hook before the attempt failed"),
            Kind::EndOfBody => f.write_str("the server ended the stream"),
            Kind::Idle(timeout) => write!(f, "nothing was received for {timeout:?}"),
            Kind::NoResponse(timeout) => write!(f, "no answer within {timeout:?}"),
            Kind::NoRetryLeft { retries: 1, .. } => f.write_str("given up after 1 retry"),
            Kind::NoRetryLeft { retries, .. } => write!(f, "given up after {retries} retries"),
            Kind::NotResent(_) => f.write_str(
                "the request failed and its body is not sent again (`resend_body` allows it)",
            ),
            Kind::NoSentinel => f.write_str("the server ended the stream before the sentinel"),
            Kind::TooLarge { limit } => {
                write!(f, "an event is larger than {limit} bytes and skipped")
            }
            #[cfg(feature = "json")]
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
            Kind::Http(error) => error.source(),
            Kind::Hook(error) => Some(error.as_ref()),
            Kind::NoRetryLeft { last, .. } | Kind::NotResent(last) => Some(last),
            #[cfg(feature = "json")]
            Kind::Json(error) => Some(error),
            Kind::Redirect(_)
            | Kind::Encoding(_)
            | Kind::EndOfBody
            | Kind::Idle(_)
            | Kind::NoResponse(_)
            | Kind::NoSentinel
            | Kind::TooLarge { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_reason_answers_through_what_ended_the_stream() {
        let headers =
            http::HeaderMap::from_iter([(http::header::RETRY_AFTER, "3".parse().unwrap())]);
        let busy = || HttpError::from_status(StatusCode::SERVICE_UNAVAILABLE, &headers, "x".into());
        for error in [
            Error::from(busy()),
            Error::no_retry_left(2, busy().into()),
            Error::not_resent(busy().into()),
        ] {
            assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
            assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
            assert_eq!(error.body(), b"x");
            assert!(error.is_retryable());
        }
        assert!(Error::no_retry_left(1, Error::idle(Duration::ZERO)).is_timeout());
        assert!(!Error::hook(HttpError::tls_failed(true, "x").into()).is_retryable());
        assert!(Error::hook("no token yet".into()).is_retryable());
        for hook in [busy().into(), Error::builder_from("no token", busy()).into()] {
            let error = Error::no_retry_left(1, Error::hook(hook));
            assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
            assert_eq!(error.status(), None, "it is not the stream's server that answered");
        }
    }

    #[test]
    fn display_tells_its_own_level() {
        let error = Error::no_retry_left(2, Error::end_of_body());
        assert_eq!(error.to_string(), "given up after 2 retries");
        assert_eq!(error.source().unwrap().to_string(), "the server ended the stream");
    }
}
