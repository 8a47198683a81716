//! What went wrong, in words.
use std::fmt;

use super::{Cut, Kind};

/// The error without its causes.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builder { what, .. } => f.write_str(what),
            // The HTTP error is this error, not a level below it.
            Self::Http(error) => error.fmt(f),
            Self::Redirect(problem) => problem.fmt(f),
            Self::Encoding(name) => write!(
                f,
                "the content encoding {name:?} is not supported; gzip and brotli are features of sse-client"
            ),
            Self::Hook(_) => f.write_str("the hook before the attempt failed"),
            Self::EndOfBody => f.write_str("the server ended the stream"),
            Self::Idle(timeout) => write!(f, "nothing was received for {timeout:?}"),
            Self::NoResponse(timeout) => write!(f, "no response within {timeout:?}"),
            Self::NoRetryLeft { retries: 1, .. } => f.write_str("gave up after 1 retry"),
            Self::NoRetryLeft { retries, .. } => write!(f, "gave up after {retries} retries"),
            Self::Truncated(Cut::Failed(_)) => f.write_str("the response was cut short"),
            Self::Truncated(Cut::InsideEvent) => {
                f.write_str("the response was cut short: it ended inside an event")
            }
            Self::Truncated(Cut::BeforeLastEvent) => f.write_str(
                "the response was cut short: it ended before the event that completes it",
            ),
            Self::Event { event, excerpt } => {
                write!(f, "the server reported a failure by an event {:?}", event.event())?;
                match excerpt.as_str() {
                    "" => Ok(()),
                    excerpt => write!(f, ": {excerpt}"),
                }
            }
            Self::Restarted => {
                f.write_str("the response started over, and the events so far are void")
            }
            Self::TooLarge { limit } => {
                write!(
                    f,
                    "an event was larger than {limit} bytes and was skipped: raise `max_event_bytes` to receive it"
                )
            }
            #[cfg(feature = "json")]
            Self::Json(_) => f.write_str("the event's data is not the expected JSON"),
        }
    }
}
