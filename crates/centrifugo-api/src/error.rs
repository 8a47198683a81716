//! What went wrong.
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use rt_common::{BoxError, Excerpt, Failure, HttpError, Reaction, Redactor, Setup, StatusText};

use crate::ErrorCode;
use crate::legacy::Advice;

/// An error of a call, of a command in a batch, or of a token.
///
/// It is opaque and answers questions; those about HTTP are answered from the cause where there is
/// one. `Display` names the causes too, which `source()` returns. No key, secret or token is ever in
/// it, and no payload that was sent.
pub struct Error {
    kind: Box<Kind>,
}

#[derive(Debug)]
enum Kind {
    Builder { what: String, source: Option<BoxError> },
    Http(HttpError),
    // A body that broke off or grew too large: its status, and how it began.
    Cut { error: HttpError, status: StatusCode, body: Bytes },
    Redirect { status: StatusCode, location: String },
    Answer(BadAnswer),
    Api { method: String, code: ErrorCode, message: String, http: Option<HttpError> },
    Command { method: String, message: String, advice: Option<Advice> },
    NotEmpty,
    Data(serde_json::Error),
    Full { max: usize },
    // One failure of many calls.
    Shared(Arc<Error>),
}

#[derive(Debug)]
struct BadAnswer {
    what: String,
    // None: the text was given without an answer around it.
    status: Option<StatusCode>,
    content_type: Option<String>,
    body: Bytes,
    source: Option<serde_json::Error>,
}

impl Error {
    /// Whether something was described wrongly (an endpoint, a payload that is not JSON, a key);
    /// nothing was sent.
    pub fn is_builder(&self) -> bool {
        matches!(*self.root().kind, Kind::Builder { .. })
            || self.http().is_some_and(HttpError::is_request)
    }

    /// Whether a deadline passed, the call's or that of connecting.
    pub fn is_timeout(&self) -> bool {
        self.http().is_some_and(HttpError::is_timeout)
    }

    /// Whether no connection could be made: nothing was sent.
    pub fn is_connect(&self) -> bool {
        self.http().is_some_and(HttpError::is_connect)
    }

    /// Whether the key, or the sign of a legacy request, was refused (status 401).
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether the server redirected; that is not followed.
    pub fn is_redirect(&self) -> bool {
        matches!(*self.root().kind, Kind::Redirect { .. })
    }

    /// Whether the answer was not what this API says: not JSON (a proxy's page), a field of a wrong
    /// type, another number of replies than commands.
    pub fn is_malformed(&self) -> bool {
        matches!(*self.root().kind, Kind::Answer(_))
    }

    /// Whether the answer was larger than the client's bound on one.
    pub fn is_too_large(&self) -> bool {
        self.http().is_some_and(HttpError::is_too_large)
    }

    /// Whether a single command was called on a legacy client whose buffer is not empty.
    pub fn is_not_empty(&self) -> bool {
        matches!(*self.root().kind, Kind::NotEmpty)
    }

    /// Whether a publication's data, or a call's result, was not of the expected type.
    pub fn is_data(&self) -> bool {
        matches!(*self.root().kind, Kind::Data(_))
    }

    /// Whether a command found no room in a legacy client's buffer: it was not added.
    pub fn is_full(&self) -> bool {
        matches!(*self.root().kind, Kind::Full { .. })
    }

    /// Whether the server took the request and answered the command with an error:
    /// [`Error::message`] says which.
    pub fn is_command(&self) -> bool {
        matches!(*self.root().kind, Kind::Api { .. } | Kind::Command { .. })
    }

    /// The server's error code; the legacy API has none.
    pub fn code(&self) -> Option<ErrorCode> {
        match &*self.root().kind {
            Kind::Api { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The server's own words for the error of a command.
    pub fn message(&self) -> Option<&str> {
        match &*self.root().kind {
            Kind::Api { message, .. } | Kind::Command { message, .. } => Some(message),
            _ => None,
        }
    }

    /// What a legacy server advises to do about the error of a command.
    pub fn advice(&self) -> Option<&Advice> {
        match &*self.root().kind {
            Kind::Command { advice, .. } => advice.as_ref(),
            _ => None,
        }
    }

    /// Whether the same call may succeed later, if none has succeeded yet: network
    /// failures, time-outs, the statuses 408, 425, 429 and 5xx, and the codes [`Internal`](ErrorCode::Internal) and
    /// [`TooManyRequests`](ErrorCode::TooManyRequests), a legacy server's advice to retry. It does
    /// not say that calling again is harmless: a publication may have been made already.
    pub fn is_retryable(&self) -> bool {
        self.reaction(Setup::Unproven) == Reaction::Retry
    }

    /// Returns the reaction to this error, given whether a request has succeeded before.
    pub(crate) fn reaction(&self, setup: Setup) -> Reaction {
        let failure = match &*self.root().kind {
            Kind::Http(error) | Kind::Cut { error, .. } => error.failure(),
            Kind::Redirect { .. } => Failure::Redirect,
            // A page of an intermediary. JSON of another shape comes from the server itself, which
            // would send the same again.
            Kind::Answer(BadAnswer { source: Some(source), .. }) if !source.is_data() => {
                Failure::UnexpectedContent
            }
            Kind::Api { code: ErrorCode::Internal | ErrorCode::TooManyRequests, .. } => {
                return Reaction::Retry;
            }
            Kind::Command { message, advice, .. }
                if *advice == Some(Advice::Retry) || message == "internal server error" =>
            {
                return Reaction::Retry;
            }
            _ => return Reaction::End,
        };
        failure.reaction(setup)
    }

    /// The status of the answer, if it was not one of success, or its body was not what this API
    /// says: cut, too large, of another content.
    pub fn status(&self) -> Option<StatusCode> {
        match &*self.root().kind {
            Kind::Redirect { status, .. } | Kind::Cut { status, .. } => Some(*status),
            Kind::Answer(answer) => answer.status,
            _ => self.http().and_then(HttpError::status),
        }
    }

    /// How long the server asked to wait (`Retry-After`), at most one hour.
    pub fn retry_after(&self) -> Option<Duration> {
        self.http().and_then(HttpError::retry_after)
    }

    /// The first bytes (at most 4 KiB) of an answer whose status was not one of success, or that was
    /// not what this API says.
    pub fn body(&self) -> &[u8] {
        match &*self.root().kind {
            Kind::Answer(answer) => &answer.body,
            Kind::Cut { body, .. } => body,
            _ => self.http().map_or(&[], HttpError::body),
        }
    }

    /// What went wrong over HTTP, if that is the reason.
    pub fn http(&self) -> Option<&HttpError> {
        match &*self.root().kind {
            Kind::Http(error) | Kind::Cut { error, .. } | Kind::Api { http: Some(error), .. } => {
                Some(error)
            }
            _ => None,
        }
    }

    pub(crate) fn builder(what: impl Into<String>) -> Self {
        Self::new(Kind::Builder { what: what.into(), source: None })
    }

    pub(crate) fn builder_from(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Builder { what: what.into(), source: Some(source.into()) })
    }

    /// A body that did not come as a whole; `body` is a quotation of what came.
    pub(crate) fn cut(error: HttpError, status: StatusCode, body: Vec<u8>) -> Self {
        Self::new(Kind::Cut { error, status, body: body.into() })
    }

    pub(crate) fn redirect(status: StatusCode, location: &str) -> Self {
        Self::new(Kind::Redirect { status, location: rt_common::redact_url(location) })
    }

    /// An answer with a status of success whose body, quoted here, is not what this API says.
    pub(crate) fn answer(
        what: impl Into<String>,
        (status, headers): (StatusCode, &HeaderMap),
        body: Vec<u8>,
        source: Option<serde_json::Error>,
    ) -> Self {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect());
        let (what, status, body) = (what.into(), Some(status), body.into());
        Self::new(Kind::Answer(BadAnswer { what, status, content_type, body, source }))
    }

    /// Text that somebody took out of an answer, and that is not what this API says.
    pub(crate) fn text(what: &str, text: &[u8], source: Option<serde_json::Error>) -> Self {
        let (what, status, content_type) = (what.to_owned(), None, None);
        let body = Redactor::default().quote(text).into();
        Self::new(Kind::Answer(BadAnswer { what, status, content_type, body, source }))
    }

    /// An error that the server gave with a code; `http` when it came with a status of its own.
    pub(crate) fn api(
        method: &str,
        code: ErrorCode,
        message: String,
        http: Option<HttpError>,
    ) -> Self {
        Self::new(Kind::Api { method: method.to_owned(), code, message, http })
    }

    /// This error of a status, with the code that its body says.
    pub(crate) fn with_code(self, method: &str, code: ErrorCode, message: String) -> Self {
        match *self.kind {
            Kind::Http(http) => Self::api(method, code, message, Some(http)),
            kind => Self::new(kind),
        }
    }

    /// An error that a legacy server gave for one command.
    pub(crate) fn command(method: &str, message: String, advice: Option<Advice>) -> Self {
        Self::new(Kind::Command { method: method.to_owned(), message, advice })
    }

    pub(crate) fn not_empty() -> Self {
        Self::new(Kind::NotEmpty)
    }

    pub(crate) fn data(source: serde_json::Error) -> Self {
        Self::new(Kind::Data(source))
    }

    /// Why data is not of the expected type.
    pub(crate) fn into_data(self) -> Option<serde_json::Error> {
        match *self.kind {
            Kind::Data(source) => Some(source),
            _ => None,
        }
    }

    /// The same failure for each of many calls.
    pub(crate) fn shared(error: &Arc<Self>) -> Self {
        Self::new(Kind::Shared(Arc::clone(error)))
    }

    pub(crate) fn full(max: usize) -> Self {
        Self::new(Kind::Full { max })
    }

    /// The same error without these secrets in what it quotes of the server.
    pub(crate) fn redacted(mut self, secrets: &Redactor) -> Self {
        let quotes =
            |source: &serde_json::Error| matches!(secrets.text(&source.to_string()), Cow::Owned(_));
        match &mut *self.kind {
            Kind::Api { message, .. } | Kind::Command { message, .. } => {
                *message = secrets.text(message).into_owned();
            }
            Kind::Redirect { location, .. } => *location = secrets.text(location).into_owned(),
            // serde's type errors quote the value.
            Kind::Answer(answer) => drop(answer.source.take_if(|source| quotes(source))),
            Kind::Data(source) if quotes(source) => {
                *source = serde::de::Error::custom(
                    "details withheld: they contain a secret of this client",
                );
            }
            _ => {}
        }
        self
    }

    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    fn root(&self) -> &Self {
        match &*self.kind {
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rt_common::write_with_causes(f, &*self.root().kind, self.source())
    }
}

/// The error without its causes.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Builder { what, .. } => f.write_str(what),
            // The HTTP error is this error, not a level below it.
            Kind::Http(error) | Kind::Cut { error, .. } => error.fmt(f),
            Kind::Redirect { status, location } => write!(
                f,
                "the server answered {}, to {location:?}: redirects are not followed, use the endpoint where it ends",
                StatusText(*status)
            ),
            Kind::Answer(answer) => answer.fmt(f),
            Kind::Api { method, code, message, .. } => {
                let (method, message) = (Excerpt::of(method), Excerpt::of(message));
                write!(f, "{method}: the server answered {}: {message}", code.number())
            }
            Kind::Command { method, message, .. } => {
                let (method, message) = (Excerpt::of(method), Excerpt::of(message));
                write!(f, "{method}: the server answered: {message}")
            }
            Kind::NotEmpty => {
                f.write_str("client command buffer not empty, send commands or reset client")
            }
            Kind::Full { max } => write!(
                f,
                "the command does not fit: the buffer holds {max} bytes at most, send commands, reset client or raise max_buffer_bytes"
            ),
            Kind::Data(_) => f.write_str("the data is not of the expected type"),
            Kind::Shared(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed response returned from server: {}", self.what)?;
        match (self.status.map(StatusText), &self.content_type) {
            (Some(status), Some(content_type)) => write!(f, " ({status}, {content_type:?})")?,
            (Some(status), None) => write!(f, " ({status}, without a content type)")?,
            (None, _) => {}
        }
        match Excerpt::of_body(&self.body) {
            Some(excerpt) => write!(f, ": {excerpt}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(&self.root().kind).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.root().kind {
            Kind::Builder { source, .. } => source.as_deref().map(|source| source as _),
            Kind::Http(error) | Kind::Cut { error, .. } | Kind::Api { http: Some(error), .. } => {
                error.source()
            }
            Kind::Answer(answer) => answer.source.as_ref().map(|source| source as _),
            Kind::Data(source) => Some(source),
            _ => None,
        }
    }
}
