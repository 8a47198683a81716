//! The items of a stream.
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::{Error, Event};

/// Something that happened on an [`EventStream`](crate::EventStream).
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamItem {
    /// A connection is open: the response is an event stream.
    Opened(Opened),
    /// The response that is opening starts over: the request was sent again with its body, without
    /// an event id to resume from. The events so far belong to a response that was given up;
    /// discard them. This happens with [`Reconnect::Always`](crate::Reconnect::Always), or after a
    /// call of [`EventStream::reconnect`](crate::EventStream::reconnect), if the request has a body.
    Restarted,
    /// An event.
    Event(Event),
    /// A comment line without its colon, as soon as the line ends; many servers send them to keep
    /// the connection alive.
    Comment(String),
    /// The server asked for this wait before a reconnect (a `retry` field). The stream obeys it within
    /// the bounds of its [`RetryPolicy`](crate::RetryPolicy).
    Retry(Duration),
    /// An event was larger than
    /// [`max_event_bytes`](crate::EventStreamBuilder::max_event_bytes) and is skipped; the stream
    /// continues with the next one.
    #[non_exhaustive]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// The connection was lost, or could not be made; the next attempt is already planned.
    Disconnected(Disconnected),
    /// The stream has come to its proper end; nothing follows.
    Ended(End),
}

/// The head of the response that opened a connection.
#[derive(Clone)]
#[non_exhaustive]
pub struct Opened {
    /// The status, 200.
    pub status: StatusCode,
    /// The response's headers.
    pub headers: HeaderMap,
    /// The URL of the response, after redirects; without userinfo, other secrets as they are.
    pub url: String,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("url", &rt_common::redact_url(&self.url))
            .finish()
    }
}

/// Why there is no connection now, and when the next attempt starts.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// What went wrong; [`Error::is_end_of_body`] when the server just ended the stream.
    pub error: Error,
    /// How long from now the next attempt starts.
    pub retry_in: Duration,
    /// Whether a connection was open (else the attempt failed before).
    pub was_open: bool,
}

/// How a stream came to its proper end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// The server answered 204 No Content: it wants no reconnect.
    NoContent,
    /// The event that ends the stream came: the
    /// [sentinel](crate::EventStreamBuilder::sentinel), an
    /// [end event](crate::EventStreamBuilder::end_event), or one that
    /// [`end_when`](crate::EventStreamBuilder::end_when) recognised.
    Completed,
    /// The server ended the body of a stream that does not reconnect
    /// ([`Reconnect`](crate::Reconnect)), no event was unfinished, and no last event was expected.
    Finished,
}
