//! What went wrong.
mod failure_event;
mod text;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use rt_common::{BoxError, Failure, HttpError, Reaction, Redactor, Setup, write_with_causes};

use crate::Event;
use crate::redirect::RedirectProblem;
use failure_event::FailureEvent;

/// An error of an event stream.
///
/// As the `Err` of the stream it is its last item; inside
/// [`Disconnected`](crate::Disconnected) it is the reason of a reconnect. It is opaque and answers
/// questions; those about HTTP are answered from the cause where there is one. `Display` names the
/// cause as well, which is also under `source()`.
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
    /// The response had opened and was cut short, and there is no other attempt.
    Truncated(Cut),
    Event(FailureEvent),
    /// The response started over.
    Restarted,
    TooLarge {
        limit: usize,
    },
    #[cfg(feature = "json")]
    Json(serde_json::Error),
}

/// How a response was cut short.
#[derive(Debug)]
enum Cut {
    InsideEvent,
    BeforeLastEvent,
    Failed(Error),
}

impl Error {
    /// Whether the stream was described wrongly (a bad URL or header); nothing was sent.
    pub fn is_builder(&self) -> bool {
        matches!(*self.kind, Kind::Builder { .. })
    }

    /// Whether a time was exceeded: no response, nothing received for too long, or a connect
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

    /// Whether the response was not an event stream.
    pub fn is_content_type(&self) -> bool {
        self.http().is_some_and(HttpError::is_content_type)
    }

    /// Whether the server ended the body, as servers do.
    pub fn is_end_of_body(&self) -> bool {
        matches!(*self.root().kind, Kind::EndOfBody)
    }

    /// Whether a response that had opened was cut short, so that what was received is not all of it:
    /// its body ended inside an event, or before the expected
    /// [last event](crate::EventStreamBuilder::end_event), or its connection failed. Only a stream
    /// that makes no other attempt reports this ([`Reconnect`](crate::Reconnect)); otherwise the
    /// failure is a [`Disconnected`](crate::Disconnected).
    pub fn is_truncated(&self) -> bool {
        matches!(*self.kind, Kind::Truncated(_))
    }

    /// The event that reported a failure and so ended the stream
    /// ([`error_event`](crate::EventStreamBuilder::error_event)); its data says what went wrong.
    pub fn event(&self) -> Option<&Event> {
        match &*self.kind {
            Kind::Event(failure) => Some(&failure.event),
            _ => None,
        }
    }

    /// Whether the response started over, and the events so far are void
    /// ([`StreamItem::Restarted`](crate::StreamItem::Restarted)). After this error, and no other,
    /// [`Events`](crate::Events) and the callbacks of a [`Client`](crate::Client) continue.
    pub fn is_restarted(&self) -> bool {
        matches!(*self.kind, Kind::Restarted)
    }

    /// Whether an event was larger than
    /// [`max_event_bytes`](crate::EventStreamBuilder::max_event_bytes) and skipped. Only the
    /// callbacks of a [`Client`](crate::Client) get this error, and continue.
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

    /// Whether another attempt may succeed, if no connection has been open yet: network
    /// failures, time-outs, and the statuses 408, 425, 429 and 5xx. A stream that has been open tries
    /// again after more failures, by [the table](Failure#the-table).
    ///
    /// A stream that ends with an error for which this is true ran out of retries, or makes no other
    /// attempt ([`Reconnect`](crate::Reconnect)).
    pub fn is_retryable(&self) -> bool {
        self.reaction(Setup::Unproven) == Reaction::Retry
    }

    /// Returns the reaction to this error, given whether a connection has been open before.
    pub(crate) fn reaction(&self, setup: Setup) -> Reaction {
        let failure = match &*self.root().kind {
            Kind::Http(error) => error.failure(),
            // A hook fetches tokens and the like; what it says about HTTP counts.
            Kind::Hook(error) => {
                HttpError::find_in(error.as_ref()).map_or(Failure::Network, HttpError::failure)
            }
            Kind::Redirect(_) => Failure::Redirect,
            Kind::Encoding(_) => Failure::UnexpectedContent,
            Kind::EndOfBody | Kind::Truncated(_) => Failure::Network,
            Kind::Idle(_) | Kind::NoResponse(_) => Failure::TimedOut,
            _ => return Reaction::End,
        };
        failure.reaction(setup)
    }

    /// The status of the response, if that is what was wrong.
    pub fn status(&self) -> Option<StatusCode> {
        self.http().and_then(HttpError::status)
    }

    /// How long the server asked to wait (`Retry-After`), at most one hour; also the server that
    /// the hook asked, if its error says so by an [`HttpError`].
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.root().kind {
            Kind::Http(error) => error.retry_after(),
            Kind::Hook(error) => {
                HttpError::find_in(error.as_ref()).and_then(HttpError::retry_after)
            }
            _ => None,
        }
    }

    /// The first bytes (at most 4 KiB) of a response whose status or content type was wrong.
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

    pub(crate) fn cut_short(by: Self) -> Self {
        Self::new(Kind::Truncated(Cut::Failed(by)))
    }

    pub(crate) fn ended_inside_event() -> Self {
        Self::new(Kind::Truncated(Cut::InsideEvent))
    }

    pub(crate) fn no_last_event() -> Self {
        Self::new(Kind::Truncated(Cut::BeforeLastEvent))
    }

    pub(crate) fn error_event(event: Event, secrets: &Redactor) -> Self {
        Self::new(Kind::Event(FailureEvent::new(event, secrets)))
    }

    pub(crate) fn restarted() -> Self {
        Self::new(Kind::Restarted)
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
            Kind::NoRetryLeft { last, .. } | Kind::Truncated(Cut::Failed(last)) => last.root(),
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
        write_with_causes(f, &*self.kind, self.source())
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
            Kind::NoRetryLeft { last, .. } | Kind::Truncated(Cut::Failed(last)) => Some(last),
            #[cfg(feature = "json")]
            Kind::Json(error) => Some(error),
            Kind::Redirect(_)
            | Kind::Encoding(_)
            | Kind::EndOfBody
            | Kind::Idle(_)
            | Kind::NoResponse(_)
            | Kind::Truncated(_)
            | Kind::Event(_)
            | Kind::Restarted
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
            Error::cut_short(busy().into()),
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
    fn display_names_the_cause() {
        let refused = || {
            HttpError::connect_failed(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
        };
        for (error, text) in [
            (
                Error::no_retry_left(2, Error::end_of_body()),
                "gave up after 2 retries: the server ended the stream",
            ),
            (
                Error::no_retry_left(1, refused().into()),
                "gave up after 1 retry: could not connect: connection refused",
            ),
            (
                Error::cut_short(Error::idle(Duration::from_secs(9))),
                "the response was cut short: nothing was received for 9s",
            ),
            (
                Error::hook(refused().into()),
                "the hook before the attempt failed: could not connect: connection refused",
            ),
        ] {
            assert_eq!(error.to_string(), text);
            assert!(error.source().is_some());
        }
    }
}
