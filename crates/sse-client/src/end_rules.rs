//! Which events end a stream, and whether as its proper end or as a failure.
use std::fmt;
use std::sync::Arc;

use crate::Event;

/// The events that a user declared to be the last one of a stream.
#[derive(Clone, Default)]
pub(crate) struct EndRules {
    /// Data that ends the stream and is not handed out itself.
    pub(crate) sentinel: Option<String>,
    /// Events that end the stream properly, and are handed out.
    pub(crate) ends: Vec<Rule>,
    /// Events that report a failure.
    pub(crate) errors: Vec<Rule>,
}

/// Recognises an event.
#[derive(Clone)]
pub(crate) enum Rule {
    Type(String),
    When(Arc<dyn Fn(&Event) -> bool + Send + Sync>),
}

/// What an event means for its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An event like any other.
    Continue,
    /// The stream ends, and the event is only its mark.
    Sentinel,
    /// The stream ends with this event.
    Last,
    /// The event reports that the stream failed.
    Failure,
}

impl EndRules {
    /// Judges an event. A failure takes precedence over an end.
    pub(crate) fn judge(&self, event: &Event) -> Verdict {
        let matches = |rules: &[Rule]| rules.iter().any(|rule| rule.matches(event));
        if matches(&self.errors) {
            Verdict::Failure
        } else if self.sentinel.as_deref() == Some(event.data()) {
            Verdict::Sentinel
        } else if matches(&self.ends) {
            Verdict::Last
        } else {
            Verdict::Continue
        }
    }

    /// Whether a body that ends without such an event was cut short.
    pub(crate) fn expect_an_end(&self) -> bool {
        self.sentinel.is_some() || !self.ends.is_empty()
    }
}

impl Rule {
    fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Type(name) => event.event() == name,
            Self::When(predicate) => predicate(event),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(name) => write!(f, "Type({name:?})"),
            Self::When(_) => f.write_str("When(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Event {
        let text = format!("event: {kind}\ndata: {data}\n\n");
        let mut decoder = sse_codec::Decoder::new();
        match decoder.feed(text.as_bytes()).next_owned() {
            Some(sse_codec::Decoded::Event(event)) => event.into(),
            other => panic!("expected an event, got {other:?}"),
        }
    }

    #[test]
    fn a_failure_takes_precedence_over_an_end() {
        let rules = EndRules {
            sentinel: Some("[DONE]".into()),
            ends: vec![Rule::Type("stop".into()), Rule::When(Arc::new(|e| e.data() == "fin"))],
            errors: vec![Rule::Type("error".into())],
        };
        for (kind, data, verdict) in [
            ("", "x", Verdict::Continue),
            ("", "[DONE]", Verdict::Sentinel),
            ("stop", "x", Verdict::Last),
            ("stop", "[DONE]", Verdict::Sentinel),
            ("other", "fin", Verdict::Last),
            ("error", "[DONE]", Verdict::Failure),
        ] {
            assert_eq!(rules.judge(&event(kind, data)), verdict, "{kind} {data}");
        }
        assert_eq!(EndRules::default().judge(&event("stop", "[DONE]")), Verdict::Continue);
        assert!(rules.expect_an_end() && !EndRules::default().expect_an_end());
    }
}
