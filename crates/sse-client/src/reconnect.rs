//! When a stream makes another request.

/// When a stream makes another request after one that failed or ended; see
/// [`EventStreamBuilder::reconnect`](crate::EventStreamBuilder::reconnect).
///
/// Unless it is set, a request without a body is repeated [`Always`](Reconnect::Always), and one
/// with a body [`UntilOpened`](Reconnect::UntilOpened): a language model charges for each response
/// that it begins, and an event feed is meant to be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reconnect {
    /// After every failure that another attempt may overcome, and after the end of a body.
    ///
    /// If the request has a body, the whole body is sent again. Where the request says no
    /// [last event id](crate::EventStream::last_event_id) to resume from, the server starts over,
    /// and the stream reports [`Restarted`](crate::StreamItem::Restarted) before the events of the
    /// new response.
    Always,
    /// Until a response has opened, and never afterwards.
    ///
    /// This is what the SDKs of the model vendors do. Connections that fail, time-outs, and the
    /// statuses 408, 409, 425, 429 and 5xx are followed by another attempt, two of them unless
    /// [`max_retries`](crate::RetryPolicy::max_retries) says otherwise; the headers `Retry-After`,
    /// `retry-after-ms` and `x-should-retry` of the response are obeyed. The end of the body is the
    /// end of the stream, and a response that is cut short is an error with
    /// [`is_truncated`](crate::Error::is_truncated).
    UntilOpened,
    /// Never: there is a single attempt. The end of the body is the end of the stream, and every
    /// failure is an error.
    Never,
}
