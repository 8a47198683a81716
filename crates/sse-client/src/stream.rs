//! The stream: attempts, open connections and waits, one after the other.
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use sse_codec::{Decoded, Decoder};
use tokio::time::{Instant, Sleep};

use crate::attempt::{self, Answer, Outcome};
use crate::body::Chunks;
use crate::builder::{Attempt, Config};
use crate::policy::Policy;
use crate::{Disconnected, End, Error, Event, StreamItem};

/// A `Stream` of everything that happens on an event source; see the [crate's page](crate) for an
/// example and for what ends it.
///
/// Nothing happens unless it is polled: a slow reader slows the server down, by TCP. Dropping it
/// closes the connection at once (with HTTP/2: resets the stream).
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventStream {
    config: Arc<Config>,
    policy: Policy,
    decoder: Decoder,
    state: State,
    attempts: u64,
    /// Whether the last attempt may have sent a body.
    body_sent: bool,
}

enum State {
    Start,
    Connecting(Pin<Box<dyn Future<Output = Outcome> + Send>>),
    Open {
        chunks: Chunks,
        /// What is left of the last chunk: it is decoded as items are asked for.
        rest: Bytes,
        idle: Option<Pin<Box<Sleep>>>,
        /// When the server was last heard.
        heard: Instant,
    },
    Waiting(Pin<Box<Sleep>>),
    Done,
}

impl EventStream {
    pub(crate) fn new(config: Config) -> Self {
        let decoder = Decoder::new()
            .with_max_event_bytes(config.max_event_bytes)
            .with_last_event_id(&config.last_event_id);
        Self {
            policy: Policy::new(config.retry.clone()),
            config: Arc::new(config),
            decoder,
            state: State::Start,
            attempts: 0,
            body_sent: false,
        }
    }

    /// The last event id in effect, as a reconnect would send it; empty if there is none. Keep it
    /// to [resume](crate::EventStreamBuilder::last_event_id) in another run.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Drops the connection, or the wait for the next attempt, and connects again at once, with
    /// the last event id. What was received and not taken yet is dropped, and the server asked for
    /// it again. A stream that has ended stays so.
    ///
    /// The request's body is sent again, whatever
    /// [`resend_body`](crate::EventStreamBuilder::resend_body) says: here it is asked for.
    pub fn reconnect(&mut self) {
        if let State::Open { heard, .. } = self.state {
            self.policy.closed(heard.into_std());
        }
        if !matches!(self.state, State::Done) {
            self.state = State::Start;
        }
    }

    /// Only the events: everything else passes silently, and a proper end is `None`. That goes
    /// for an event that is [too large](StreamItem::TooLarge), too: it is skipped, with a warning
    /// in the log. Where a gap must not pass, read the stream itself.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), sse_client::Error> {
    /// use futures_util::TryStreamExt;
    /// use sse_client::EventStream;
    ///
    /// let mut events = EventStream::builder("http://127.0.0.1:8080/sse").build()?.events();
    /// while let Some(event) = events.try_next().await? {
    ///     println!("{}", event.data());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(self) -> Events {
        Events { stream: self }
    }

    fn connect(&mut self) {
        self.attempts += 1;
        let number = self.attempts;
        let last_event_id = self.decoder.last_event_id().to_owned();
        let url = rt_common::redact_url(&self.config.uri.to_string());
        tracing::debug!(%url, attempt = number, "connecting");
        let attempt = Attempt { number, last_event_id };
        self.state = State::Connecting(Box::pin(attempt::make(Arc::clone(&self.config), attempt)));
    }

    fn connected(&mut self, answer: Answer) -> StreamItem {
        match answer {
            Answer::NoContent => self.end(End::NoContent),
            Answer::Open(opened, chunks) => {
                tracing::debug!(url = %rt_common::redact_url(&opened.url), "open");
                self.policy.opened(Instant::now().into_std());
                self.decoder.reset();
                let idle = self.config.idle_timeout.map(|time| Box::pin(tokio::time::sleep(time)));
                let heard = Instant::now();
                self.state = State::Open { chunks, rest: Bytes::new(), idle, heard };
                StreamItem::Opened(opened)
            }
        }
    }

    /// What a decoded item means to the reader; `None` if nothing.
    fn decoded(&mut self, item: Decoded) -> Option<StreamItem> {
        Some(match item {
            Decoded::Event(event) if self.config.sentinel.as_deref() == Some(event.data()) => {
                self.end(End::Sentinel)
            }
            Decoded::Event(event) => StreamItem::Event(Event::from(event)),
            Decoded::Comment(text) => StreamItem::Comment(text),
            Decoded::TooLarge { limit, .. } => {
                tracing::warn!(limit, "an event is too large and skipped");
                StreamItem::TooLarge { limit }
            }
            Decoded::Retry(wish) => {
                self.policy.server_retry(wish);
                return None;
            }
            // What a later codec may add is not for this one to tell.
            _ => return None,
        })
    }

    /// The attempt or the connection failed: plans the next attempt, or ends the stream.
    fn lost(&mut self, error: Error, was_open: bool) -> Result<StreamItem, Error> {
        if let State::Open { heard, .. } = self.state
            && error.is_timeout()
        {
            // Silence is no health. An end that the server made is a sign of life.
            self.policy.closed(heard.into_std());
        }
        if self.config.once || (self.body_sent && !self.config.resend_body) {
            if error.is_end_of_body() {
                return match self.config.sentinel {
                    None => Ok(self.end(End::Finished)),
                    Some(_) => Err(self.fail(Error::no_sentinel())),
                };
            }
            let worth_a_retry = !self.config.once && error.is_retryable();
            return Err(self.fail(if worth_a_retry { Error::not_resent(error) } else { error }));
        }
        if !error.is_retryable() {
            return Err(self.fail(error));
        }
        match self.policy.failed(Instant::now().into_std(), error.retry_after()) {
            Err(retries) => Err(self.fail(Error::no_retry_left(retries, error))),
            Ok(retry_in) => {
                tracing::debug!(%error, ?retry_in, "disconnected");
                self.state = State::Waiting(Box::pin(tokio::time::sleep(retry_in)));
                Ok(StreamItem::Disconnected(Disconnected { error, retry_in, was_open }))
            }
        }
    }

    fn end(&mut self, end: End) -> StreamItem {
        tracing::debug!(?end, "ended");
        self.state = State::Done;
        StreamItem::Ended(end)
    }

    fn fail(&mut self, error: Error) -> Error {
        tracing::debug!(%error, "failed");
        self.state = State::Done;
        error
    }
}

impl Stream for EventStream {
    type Item = Result<StreamItem, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Start => this.connect(),
                State::Connecting(attempt) => {
                    let outcome = ready!(attempt.as_mut().poll(cx));
                    this.body_sent = outcome.body_sent;
                    return Poll::Ready(Some(match outcome.result {
                        Ok(answer) => Ok(this.connected(answer)),
                        Err(error) => this.lost(error, false),
                    }));
                }
                State::Open { rest, .. } if rest.has_remaining() => {
                    let mut feed = this.decoder.feed(rest);
                    let item = feed.next_owned();
                    let left = feed.remaining().len();
                    rest.advance(rest.len() - left);
                    if let Some(item) = item.and_then(|item| this.decoded(item)) {
                        return Poll::Ready(Some(Ok(item)));
                    }
                }
                State::Open { chunks, rest, idle, heard } => {
                    let chunk = chunks.poll_chunk(cx);
                    if chunks.take_arrived() {
                        *heard = Instant::now();
                        if let (Some(idle), Some(timeout)) = (&mut *idle, this.config.idle_timeout)
                        {
                            idle.as_mut().reset(*heard + timeout);
                        }
                    }
                    match chunk {
                        Poll::Ready(Ok(Some(chunk))) => *rest = chunk,
                        Poll::Ready(Ok(None)) => {
                            return Poll::Ready(Some(this.lost(Error::end_of_body(), true)));
                        }
                        Poll::Ready(Err(error)) => {
                            return Poll::Ready(Some(this.lost(error.into(), true)));
                        }
                        Poll::Pending => {
                            let (Some(idle), Some(timeout)) = (idle, this.config.idle_timeout)
                            else {
                                return Poll::Pending;
                            };
                            ready!(idle.as_mut().poll(cx));
                            return Poll::Ready(Some(this.lost(Error::idle(timeout), true)));
                        }
                    }
                }
                State::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    this.state = State::Start;
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start | State::Connecting(_) => "connecting",
            State::Open { .. } => "open",
            State::Waiting(_) => "waiting",
            State::Done => "ended",
        };
        f.debug_struct("EventStream")
            .field("url", &rt_common::redact_url(&self.config.uri.to_string()))
            .field("state", &state)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// The events of an [`EventStream`] alone; see [`EventStream::events`].
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Events {
    stream: EventStream,
}

impl Events {
    /// The stream behind it.
    pub fn into_inner(self) -> EventStream {
        self.stream
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(StreamItem::Event(event))) => return Poll::Ready(Some(Ok(event))),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams are spawned and polled in place.
    #[test]
    fn streams_are_send_and_unpin() {
        fn check<T: Send + Unpin + 'static>() {}
        check::<EventStream>();
        check::<Events>();
    }
}
