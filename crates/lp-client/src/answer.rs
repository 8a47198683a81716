//! What a poll came to.
use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::{Event, Gap, Position};

/// What a poll came to; see [`Client::subscribe`](crate::Client::subscribe).
#[derive(Clone)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    pub(crate) position: Position,
}

/// What an answer says, without its head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// Whether it is in the stricter form, which has cursors.
    pub(crate) strict: bool,
    pub(crate) events: Vec<Event>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) cursor: Option<String>,
    pub(crate) more: bool,
    /// The server's time when the wait was over, in golongpoll's form.
    pub(crate) timestamp: Option<i64>,
}

impl Answer {
    /// The status: 200, or 204 for a time-out in the stricter form.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The events, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.content.events
    }

    /// The events, oldest first.
    pub fn into_events(self) -> Vec<Event> {
        self.content.events
    }

    /// Where events are missing, before those of this answer.
    pub fn gaps(&self) -> &[Gap] {
        &self.content.gaps
    }

    /// Whether nothing happened until the poll's timeout.
    pub fn is_timeout(&self) -> bool {
        self.content.is_quiet()
    }

    /// Whether the server has more at hand: the next poll is answered at once. golongpoll never
    /// says so.
    pub fn has_more(&self) -> bool {
        self.content.more
    }

    /// Where to poll from next.
    pub fn position(&self) -> &Position {
        &self.position
    }
}

impl Content {
    pub(crate) fn is_quiet(&self) -> bool {
        self.events.is_empty() && self.gaps.is_empty() && !self.more
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("content", &self.content)
            .field("position", &self.position)
            .finish()
    }
}
