//! What goes wrong over HTTP.
use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::causes::chain;
use crate::{Excerpt, parse_retry_after, redact_url, write_with_causes};

/// A boxed error, as causes are kept.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The longest `Retry-After` that an error reports: one hour. Callers may cap it further.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(3_600);

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
    Connect { timed_out: bool },
    Tls { certificate: bool },
    TimedOut,
    Transport,
    Body,
    TooLarge { limit: usize },
    Status { status: StatusCode, retry_after: Option<Duration>, body: Bytes },
    ContentType { expected: &'static str, got: Option<String>, body: Bytes },
}

impl HttpError {
    /// An answer with a status that was not wanted. `body` is its beginning (a few KiB at most are
    /// useful); `Retry-After` is taken from the headers, at most one hour.
    pub fn from_status(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| parse_retry_after(value, SystemTime::now(), RETRY_AFTER_CAP));
        Self::new(Kind::Status { status, retry_after, body }, None)
    }

    /// An answer whose `Content-Type` is not `expected`. `body` is its beginning.
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

    /// The exchange failed on the way: a connection that was reset, an answer that is not HTTP.
    pub fn transport_failed(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Transport, Some(source.into()))
    }

    /// The request (or the client) cannot be made as it was described.
    pub fn invalid_request(source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Request, Some(source.into()))
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

    /// Whether the server answered with a status that was not wanted.
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

    /// Whether the answer was not of the expected content type.
    pub fn is_content_type(&self) -> bool {
        matches!(self.inner.kind, Kind::ContentType { .. })
    }

    /// Whether the request or the client could not be made as described.
    pub fn is_request(&self) -> bool {
        matches!(self.inner.kind, Kind::Request)
    }

    /// Whether the same request may well succeed later: network failures, time-outs, and the
    /// statuses 408, 429 and 5xx. A refused certificate, another status, a wrong content type and
    /// a body beyond its bound will not mend by themselves.
    ///
    /// It does not say that trying again is harmless: that depends on the request.
    pub fn is_retryable(&self) -> bool {
        match &self.inner.kind {
            Kind::Connect { .. } | Kind::TimedOut | Kind::Transport | Kind::Body => true,
            Kind::Tls { certificate } => !certificate,
            Kind::Status { status, .. } => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                    )
            }
            Kind::Request | Kind::TooLarge { .. } | Kind::ContentType { .. } => false,
        }
    }

    /// The status of the answer, if it is the status that was not wanted.
    pub fn status(&self) -> Option<StatusCode> {
        match self.inner.kind {
            Kind::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// How long the server asked to wait (`Retry-After`), at most one hour.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.inner.kind {
            Kind::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }

    /// The first bytes of the answer's body, when its status or content type was not wanted;
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

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(f, &*self.inner, self.source())
    }
}

/// The error without its causes.
impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "{target}: ")?;
        }
        match &self.kind {
            Kind::Request => f.write_str("the request is not valid"),
            Kind::Connect { timed_out: false } => f.write_str("could not connect"),
            Kind::Connect { timed_out: true } => f.write_str("could not connect in time"),
            Kind::Tls { certificate: true } => f.write_str("the server's certificate is refused"),
            Kind::Tls { certificate: false } => f.write_str("the TLS handshake failed"),
            Kind::TimedOut => f.write_str("timed out"),
            Kind::Transport => f.write_str("the connection failed"),
            Kind::Body => f.write_str("the body broke off"),
            Kind::TooLarge { limit } => write!(f, "the body is larger than {limit} bytes"),
            Kind::Status { status, body, .. } => {
                write!(f, "the server answered {status}")?;
                show_body(f, body)
            }
            Kind::ContentType { expected, got: Some(got), body } => {
                write!(f, "expected the content type {expected}, got {got:?}")?;
                show_body(f, body)
            }
            Kind::ContentType { expected, got: None, body } => {
                write!(f, "expected the content type {expected}, got none")?;
                show_body(f, body)
            }
        }
    }
}

/// One line of the body's beginning.
fn show_body(f: &mut fmt::Formatter<'_>, body: &[u8]) -> fmt::Result {
    match Excerpt::of_body(body) {
        Some(excerpt) => write!(f, ": {excerpt}"),
        None => Ok(()),
    }
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpError")
            .field("kind", &self.inner.kind)
            .field("target", &self.inner.target)
            .field("source", &self.inner.source)
            .finish()
    }
}

/// Texts of HTTP libraries' errors that say less than [`Kind`] does. Such an error stands above the
/// actual cause, or alone.
const UNINFORMATIVE: [&str; 10] = [
    "builder error",
    "client error (Connect)",
    "client error (SendRequest)",
    "connection error",
    "deadline has elapsed",
    "error reading a body from connection",
    "error sending request",
    "operation timed out",
    "request or response body error",
    "tcp connect error",
];

impl StdError for HttpError {
    /// The first cause that says more than this error does by itself.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let first = self.inner.source.as_deref().map(|source| source as &(dyn StdError + 'static));
        chain(first).find(|cause| !UNINFORMATIVE.contains(&&*cause.to_string()))
    }
}

/// Sorts an error of a transport into connect, time-out and other failures, by what its chain of
/// causes says; an `HttpError` stays what it is. Only what no established connection answers with
/// counts as connect: that says that nothing was sent. A route may be lost at any time.
pub(crate) fn classify(error: BoxError) -> HttpError {
    let error = match error.downcast::<HttpError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    use std::io::ErrorKind as K;
    let telling = chain(Some(error.as_ref()))
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind)
        .find(|kind| matches!(kind, K::ConnectionRefused | K::AddrNotAvailable | K::TimedOut));
    match telling {
        Some(K::TimedOut) => HttpError::timed_out_by(error),
        Some(_) => HttpError::connect_failed(error),
        None => HttpError::transport_failed(error),
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
        for code in [408, 429, 500, 502, 503, 504] {
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
    fn only_what_says_that_nothing_was_sent_is_a_connect_error() {
        use std::io::ErrorKind as K;
        for (kind, connect) in [
            (K::ConnectionRefused, true),
            (K::AddrNotAvailable, true),
            (K::HostUnreachable, false),
            (K::NetworkUnreachable, false),
            (K::ConnectionReset, false),
        ] {
            let error = classify(std::io::Error::from(kind).into());
            assert_eq!(error.is_connect(), connect, "{error:?}");
            assert!(error.is_retryable());
        }
    }

    #[test]
    fn display_names_the_cause_and_no_secret() {
        let error = HttpError::connect_failed(std::io::Error::other("deep cause"))
            .with_target(&http::Method::GET, "https://u:pw@h/x?token=t0p");
        let text = "GET https://***@h/x?token=***: could not connect: deep cause";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.source().unwrap().to_string(), "deep cause");
        let all = format!("{error} {error:?}");
        assert!(!all.contains("pw@") && !all.contains("t0p"), "{all}");
    }

    #[test]
    fn a_long_body_is_shown_in_part_and_on_one_line() {
        let body = Bytes::from(format!("a\nb\u{1b}[31m{}", "é".repeat(1_000)));
        let text =
            HttpError::from_status(StatusCode::NOT_FOUND, &HeaderMap::new(), body).to_string();
        assert!(text.starts_with("the server answered 404 Not Found: a b [31mé"), "{text}");
        assert!(text.ends_with("é…") && text.chars().count() < 300, "{text}");
    }
}
