//! An event that reports a failure, as an error holds it.
use std::fmt;

use rt_common::{Excerpt, Redactor};

use crate::Event;

/// An event that reported a failure.
pub(super) struct FailureEvent {
    pub(super) event: Event,
    /// The beginning of its data, without the client's secrets: a server may repeat them.
    pub(super) excerpt: String,
}

impl FailureEvent {
    pub(super) fn new(event: Event, secrets: &Redactor) -> Self {
        let data = secrets.quote(event.data().as_bytes());
        let excerpt = Excerpt::of_body(&data).map_or_else(String::new, |data| data.to_string());
        Self { event, excerpt }
    }
}

impl fmt::Debug for FailureEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailureEvent")
            .field("event", &self.event.event())
            .field("excerpt", &self.excerpt)
            .finish()
    }
}
