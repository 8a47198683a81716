//! What goes wrong over HTTP.
use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::retry_after::from_headers;
use crate::{Failure, Reaction, Setup, redact_url};

#[cfg(feature = "reqwest")]
mod certificate;
mod classify;
mod text;

#[cfg(feature = "reqwest")]
pub(crate) use certificate::tls_cause;
pub(crate) use classify::classify;
#[cfg(feature = "plain")]
pub(crate) use classify::is_head_too_large;

/// A boxed error, as causes are kept.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The longest `Retry-After` that an error reports: one hour. Callers may cap it further.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(3_600);

/// The most header lines of a response. It is what hyper reads by default, and several times what
/// servers send.
pub(crate) const MAX_HEADER_LINES: usize = 100;
/// The most bytes of a response's header lines, in KiB. hyper reads heads up to a bound that is higher
/// and not exact.
pub(crate) const MAX_HEADER_KIB: usize = 256;

/// An error of one HTTP exchange.
///
/// It is opaque and answers questions. `Display` names the request by its method and its URL
/// [without secrets](redact_url), what went wrong, and the causes, which `source()` returns too.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use rt_common::HttpError;
///
/// let error = HttpError::from_status(StatusCode::BAD_GATEWAY, &HeaderMap::new(), "oops".into());
/// assert!(error.is_retryable());
/// assert_eq!(error.status(), Some(StatusCode::BAD_GATEWAY));
/// assert_eq!(error.body(), b"oops");
/// assert_eq!(error.to_string(), "the server answered 502 Bad Gateway: oops");
/// ```
pub struct HttpError {
    // One pointer, so that results stay small.
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    target: Option<String>,
    source: Option<BoxError>,
}

#[derive(Debug)]
enum Kind {
    Request,
    Client,
    Connect { timed_out: bool },
    Tls { certificate: bool },
    TimedOut,
    Transport,
    Body,
    TooLarge { limit: usize },
    HeadTooLarge,
    Status { status: StatusCode, retry_after: Option<Duration>, body: Bytes },
    ContentType { expected: &'static str, got: Option<String>, body: Bytes },
}

impl HttpError {
    /// A response with a status that was not wanted. `body` is its beginning (a few KiB at most are
    /// useful). The time to wait is taken from the headers `retry-after-ms` and `Retry-After`, the
    /// first of which wins if it is valid; it is at most one hour.
    pub fn from_status(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let retry_after = from_headers(headers, SystemTime::now(), RETRY_AFTER_CAP);
        Self::new(Kind::Status { status, retry_after, body }, None)
    }

    /// A response whose `Content-Type` is not `expected`. `body` is its beginning.
    pub fn wrong_content_type(expected: &'static str, headers: &HeaderMap, body: Bytes) -> Self {
        let got = headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect());
        Self::new(Kind::ContentType { expected, got, body }, None)
    }

    /// A deadline of the request passed.
    pub fn timed_out() -> Self {
        Self::new(Kind::TimedOut, None)
    }

    /// A deadline of the transport's own passed.
    pub(crate) fn timed_out_by(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::TimedOut, Some(source.into()))
    }

    /// The body grew beyond `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(Kind::TooLarge { limit }, None)
    }

    /// The head of the response has more header lines, or more bytes, than are read.
    pub(crate) fn head_too_large() -> Self {
        Self::new(Kind::HeadTooLarge, None)
    }

    /// The body broke off, or could not be decoded.
    pub fn body_failed(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Body, Some(source.into()))
    }

    /// The connection could not be made, so that nothing of the request was sent.
    pub fn connect_failed(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Connect { timed_out: false }, Some(source.into()))
    }

    /// The connection could not be made in time; nothing of the request was sent.
    pub fn connect_timed_out(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Connect { timed_out: true }, Some(source.into()))
    }

    /// TLS failed; `certificate` when it is the server's certificate that was not accepted.
    pub fn tls_failed(certificate: bool, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Tls { certificate }, Some(source.into()))
    }

    /// The exchange failed on the way: a connection that was reset, a response that is not HTTP.
    pub fn transport_failed(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Transport, Some(source.into()))
    }

    /// The request cannot be made as it was described.
    pub fn invalid_request(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Request, Some(source.into()))
    }

    /// The client cannot be made as it was described.
    pub fn invalid_client(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Client, Some(source.into()))
    }

    /// Names the request in what `Display` says; the URL's secrets are left out. A name given
    /// before stays.
    #[must_use]
    pub fn with_target(mut self, method: &http::Method, url: &str) -> Self {
        self.inner.target.get_or_insert_with(|| format!("{method} {}", redact_url(url)));
        self
    }

    /// Whether a deadline passed, that of connecting included.
    pub fn is_timeout(&self) -> bool {
        matches!(self.inner.kind, Kind::TimedOut | Kind::Connect { timed_out: true })
    }

    /// Whether no connection was made (TLS included): nothing of the request reached a server.
    pub fn is_connect(&self) -> bool {
        matches!(self.inner.kind, Kind::Connect { .. } | Kind::Tls { .. })
    }

    /// Whether TLS failed.
    pub fn is_tls(&self) -> bool {
        matches!(self.inner.kind, Kind::Tls { .. })
    }

    /// Whether the server sent a status that was not wanted.
    pub fn is_status(&self) -> bool {
        matches!(self.inner.kind, Kind::Status { .. })
    }

    /// Whether the body broke off.
    pub fn is_body(&self) -> bool {
        matches!(self.inner.kind, Kind::Body)
    }

    /// Whether the body was larger than its bound.
    pub fn is_too_large(&self) -> bool {
        matches!(self.inner.kind, Kind::TooLarge { .. })
    }

    /// Whether the response had too many header lines, or too many bytes of them.
    pub fn is_head_too_large(&self) -> bool {
        matches!(self.inner.kind, Kind::HeadTooLarge)
    }

    /// Whether the response was not of the expected content type.
    pub fn is_content_type(&self) -> bool {
        matches!(self.inner.kind, Kind::ContentType { .. })
    }

    /// Whether the request or the client could not be made as described.
    pub fn is_request(&self) -> bool {
        matches!(self.inner.kind, Kind::Request | Kind::Client)
    }

    /// Returns the first `HttpError` among an error and its causes: what the error of a user's own
    /// function says about HTTP, say.
    ///
    /// ```
    /// use rt_common::HttpError;
    ///
    /// let error = HttpError::timed_out();
    /// assert!(HttpError::find_in(&error).is_some_and(HttpError::is_timeout));
    /// assert!(HttpError::find_in(&std::io::Error::other("disk")).is_none());
    /// ```
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        crate::causes::chain(Some(error)).find_map(|error| error.downcast_ref())
    }

    /// The kind of failure, by which a client reacts.
    pub fn failure(&self) -> Failure {
        match &self.inner.kind {
            Kind::Connect { timed_out: true } | Kind::TimedOut => Failure::TimedOut,
            Kind::Connect { .. } | Kind::Transport | Kind::Body => Failure::Network,
            Kind::Tls { certificate: true } => Failure::Certificate,
            Kind::Tls { certificate: false } => Failure::Network,
            Kind::Status { status, .. } if status.is_redirection() => Failure::Redirect,
            Kind::Status { status, .. } => Failure::Status(*status),
            Kind::ContentType { .. } => Failure::UnexpectedContent,
            Kind::TooLarge { .. } => Failure::TooLarge,
            Kind::HeadTooLarge => Failure::HeadTooLarge,
            Kind::Request | Kind::Client => Failure::Invalid,
        }
    }

    /// What a client does about it, by [the table of failures](Failure#the-table).
    pub fn reaction(&self, setup: Setup) -> Reaction {
        self.failure().reaction(setup)
    }

    /// Whether the same request may succeed later, if none has succeeded yet:
    /// network failures, time-outs, and the statuses 408, 425, 429 and 5xx. A client that has worked
    /// before tries again after more failures; see [`HttpError::reaction`].
    ///
    /// It does not say that trying again is harmless: that depends on the request.
    pub fn is_retryable(&self) -> bool {
        self.reaction(Setup::Unproven) == Reaction::Retry
    }

    /// The status of the response, if it is the status that was not wanted.
    pub fn status(&self) -> Option<StatusCode> {
        match self.inner.kind {
            Kind::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// How long the server asked to wait (`retry-after-ms` or `Retry-After`), at most one hour.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.inner.kind {
            Kind::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }

    /// The first bytes of the response's body, when its status or content type was not wanted;
    /// otherwise empty.
    pub fn body(&self) -> &[u8] {
        match &self.inner.kind {
            Kind::Status { body, .. } | Kind::ContentType { body, .. } => body,
            _ => &[],
        }
    }

    fn new(kind: Kind, source: Option<BoxError>) -> Self {
        Self { inner: Box::new(Inner { kind, target: None, source }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, retry_after: Option<&'static str>) -> HttpError {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(value));
        }
        HttpError::from_status(StatusCode::from_u16(code).unwrap(), &headers, Bytes::new())
    }

    #[test]
    fn one_pointer_wide() {
        assert_eq!(size_of::<HttpError>(), size_of::<usize>());
    }

    #[test]
    fn which_statuses_are_worth_a_retry() {
        for code in [408, 425, 429, 500, 502, 503, 504] {
            assert!(status(code, None).is_retryable(), "{code}");
        }
        for code in [201, 301, 400, 401, 403, 404, 410] {
            assert!(!status(code, None).is_retryable(), "{code}");
        }
    }

    #[test]
    fn retry_after_is_read_and_capped() {
        assert_eq!(status(503, Some("7")).retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(status(503, Some("999999")).retry_after(), Some(RETRY_AFTER_CAP));
        assert_eq!(status(503, Some("soon")).retry_after(), None);
        assert_eq!(status(503, None).retry_after(), None);
    }

    #[test]
    fn each_error_is_one_kind_of_failure() {
        let headers = HeaderMap::new();
        for (error, failure) in [
            (HttpError::connect_failed("x"), Failure::Network),
            (HttpError::connect_timed_out("x"), Failure::TimedOut),
            (HttpError::timed_out(), Failure::TimedOut),
            (HttpError::transport_failed("x"), Failure::Network),
            (HttpError::body_failed("x"), Failure::Network),
            (HttpError::tls_failed(false, "x"), Failure::Network),
            (HttpError::tls_failed(true, "x"), Failure::Certificate),
            (
                HttpError::wrong_content_type("a/b", &headers, Bytes::new()),
                Failure::UnexpectedContent,
            ),
            (HttpError::too_large(1), Failure::TooLarge),
            (HttpError::head_too_large(), Failure::HeadTooLarge),
            (HttpError::invalid_request("x"), Failure::Invalid),
            (HttpError::invalid_client("x"), Failure::Invalid),
            (status(302, None), Failure::Redirect),
            (status(404, None), Failure::Status(StatusCode::NOT_FOUND)),
        ] {
            assert_eq!(error.failure(), failure, "{error:?}");
        }
    }
}
