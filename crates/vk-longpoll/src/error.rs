//! What went wrong.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use rt_common::{BoxError, Failure, HttpError, Reaction, Setup};
use url::Url;

use crate::{ApiError, Failed};

mod display;
mod kept;

pub(crate) use kept::Kept;

/// An error of a call, of a poll, or of a handler.
///
/// As what a [`run`](crate::Poller::run) returns, or as the `Err` of a stream, it is why the loop
/// has ended; inside [`Disconnected`](crate::Disconnected) it is why something is tried again. It is
/// opaque and answers questions. `Display` names the causes too, which `source()` returns. No token,
/// no key of a poll, and nothing that was sent is ever in it.
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
    Redirect {
        status: StatusCode,
        /// Its scheme and its host.
        to: String,
    },
    Answer {
        what: String,
        status: Option<StatusCode>,
        content_type: Option<String>,
        body: Bytes,
        source: Option<BoxError>,
    },
    Api(ApiError),
    Failed(Failed),
    Server {
        host: String,
    },
    NoToken,
    NoRetryLeft {
        retries: u32,
        last: Error,
    },
    Handler {
        kind: String,
        source: BoxError,
    },
    Data {
        what: &'static str,
        source: serde_json::Error,
    },
    // One failure of several calls.
    Shared(Arc<Error>),
}

impl Error {
    /// Whether something was described wrongly (an address, a token, a number out of range);
    /// nothing was sent.
    pub fn is_builder(&self) -> bool {
        matches!(*self.root().kind, Kind::Builder { .. })
            || self.http().is_some_and(HttpError::is_request)
    }

    /// Whether a deadline passed: a poll's is its wait and ten seconds more.
    pub fn is_timeout(&self) -> bool {
        self.http().is_some_and(HttpError::is_timeout)
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        self.http().is_some_and(HttpError::is_connect)
    }

    /// Whether the answer was larger than the client's bound on one.
    pub fn is_too_large(&self) -> bool {
        self.http().is_some_and(HttpError::is_too_large)
    }

    /// Whether the answer was not what VK says: a proxy's page, an empty body, `{}`.
    pub fn is_malformed(&self) -> bool {
        matches!(*self.root().kind, Kind::Answer { .. })
    }

    /// Whether the server redirected; that is not followed.
    pub fn is_redirect(&self) -> bool {
        matches!(*self.root().kind, Kind::Redirect { .. })
    }

    /// The error that VK's API answered with.
    pub fn api(&self) -> Option<&ApiError> {
        match &*self.root().kind {
            Kind::Api(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the token is not, or no longer, good (API error 5).
    pub fn is_unauthorized(&self) -> bool {
        self.api().is_some_and(|error| error.code() == ApiError::UNAUTHORIZED)
    }

    /// The `failed` that the long poll server answered with, where the loop could not go on from it.
    pub fn failed(&self) -> Option<&Failed> {
        match &*self.root().kind {
            Kind::Failed(failed) => Some(failed),
            _ => None,
        }
    }

    /// Whether the long poll server does not speak the version that was asked for (`failed` 4);
    /// [`Failed::versions`] has those that it does.
    pub fn is_wrong_version(&self) -> bool {
        self.failed().is_some_and(|failed| failed.code == Failed::WRONG_VERSION)
    }

    /// Whether VK named a long poll server that is not followed: not over https, or not VK's.
    pub fn is_foreign_server(&self) -> bool {
        matches!(*self.root().kind, Kind::Server { .. })
    }

    /// Whether the session needs a new key and there is no token to ask for one with.
    pub fn is_session_over(&self) -> bool {
        matches!(*self.root().kind, Kind::NoToken)
    }

    /// Whether [`max_retries`](crate::RetryPolicy::max_retries) was reached.
    pub fn is_retries_exhausted(&self) -> bool {
        matches!(*self.kind, Kind::NoRetryLeft { .. })
    }

    /// Whether it was a handler that failed; its own error is the `source()`.
    pub fn is_handler(&self) -> bool {
        matches!(*self.root().kind, Kind::Handler { .. })
    }

    /// Whether what was answered was not of the type that was asked for.
    pub fn is_data(&self) -> bool {
        matches!(*self.root().kind, Kind::Data { .. })
    }

    /// Whether the same may succeed later, for a single call: network failures, time-outs, redirects
    /// and foreign pages, the statuses 408, 425, 429 and 5xx, and the API errors 1, 6, 9, 10 and 29. A
    /// loop that has worked before tries again after more failures, by [the table of
    /// failures](Failure#the-table).
    ///
    /// It does not say that calling again is harmless.
    pub fn is_retryable(&self) -> bool {
        self.reaction(Setup::Unproven) == Reaction::Retry
    }

    /// Returns the reaction to this error, given whether a request has succeeded before.
    pub(crate) fn reaction(&self, setup: Setup) -> Reaction {
        match &*self.root().kind {
            Kind::Http(error) => error.reaction(setup),
            // Before the client has worked, the table takes these for a wrong address. Here the
            // address is VK's, so that an intermediary responded: a captive portal, a proxy.
            Kind::Redirect { .. } => Failure::Redirect.reaction(Setup::Proven),
            Kind::Answer { .. } => Failure::UnexpectedContent.reaction(Setup::Proven),
            Kind::Api(error) if error.is_retryable() => Reaction::Retry,
            _ => Reaction::End,
        }
    }

    /// The status of the answer, if it was not one of success, or its body was not what VK says.
    pub fn status(&self) -> Option<StatusCode> {
        match &*self.root().kind {
            Kind::Redirect { status, .. } => Some(*status),
            Kind::Answer { status, .. } => *status,
            _ => self.http().and_then(HttpError::status),
        }
    }

    /// How long the server asked to wait (`Retry-After`), at most one hour.
    pub fn retry_after(&self) -> Option<Duration> {
        self.http().and_then(HttpError::retry_after)
    }

    /// The first bytes (at most 4 KiB) of an answer whose status was not one of success, or that was
    /// not what VK says. The token, or the key of the poll, is replaced in it; of an answer that should
    /// have had a key, there is nothing.
    pub fn body(&self) -> &[u8] {
        match &*self.root().kind {
            Kind::Answer { body, .. } => body,
            _ => self.http().map_or(&[], HttpError::body),
        }
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

    /// A redirect from an address to another, of which no more than the host is told: it often has
    /// the whole of the first in it.
    pub(crate) fn redirect(status: StatusCode, from: &str, location: &str) -> Self {
        let to = match Url::parse(from).and_then(|from| from.join(location)) {
            Ok(to) if to.origin().is_tuple() => to.origin().ascii_serialization(),
            _ => "an unknown place".into(),
        };
        Self::new(Kind::Redirect { status, to })
    }

    /// An answer with a status of success whose body is not what VK says; of the body, what may be
    /// kept.
    pub(crate) fn answer(
        what: impl Into<String>,
        (status, headers): (StatusCode, &HeaderMap),
        body: &Bytes,
        source: Option<BoxError>,
    ) -> Self {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect());
        let (what, status, body) = (what.into(), Some(status), body.clone());
        Self::new(Kind::Answer { what, status, content_type, body, source })
    }

    pub(crate) fn unreadable(what: impl Into<String>) -> Self {
        let (what, body) = (what.into(), Bytes::new());
        Self::new(Kind::Answer { what, status: None, content_type: None, body, source: None })
    }

    pub(crate) fn from_api(error: ApiError) -> Self {
        Self::new(Kind::Api(error))
    }

    pub(crate) fn from_failed(failed: Failed) -> Self {
        Self::new(Kind::Failed(failed))
    }

    pub(crate) fn foreign_server(host: impl Into<String>) -> Self {
        Self::new(Kind::Server { host: host.into() })
    }

    pub(crate) fn no_token() -> Self {
        Self::new(Kind::NoToken)
    }

    pub(crate) fn no_retry_left(retries: u32, last: Self) -> Self {
        Self::new(Kind::NoRetryLeft { retries, last })
    }

    pub(crate) fn handler(kind: impl Into<String>, source: BoxError) -> Self {
        Self::new(Kind::Handler { kind: kind.into(), source })
    }

    pub(crate) fn data(what: &'static str, source: serde_json::Error) -> Self {
        Self::new(Kind::Data { what, source })
    }

    pub(crate) fn shared(error: &Arc<Self>) -> Self {
        Self::new(Kind::Shared(Arc::clone(error)))
    }

    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    /// What happened, without why it ended the loop.
    fn root(&self) -> &Self {
        match &*self.kind {
            Kind::NoRetryLeft { last, .. } => last.root(),
            Kind::Shared(error) => error.root(),
            _ => self,
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self::new(Kind::Http(error))
    }
}
