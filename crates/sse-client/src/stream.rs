//! The stream: attempts, open connections and waits, one after the other.
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http::StatusCode;
use rt_common::{Reaction, Redactor, Setup};
use sse_codec::{Decoded, Decoder};
use tokio::time::{Instant, Sleep};

use crate::attempt::{self, AttemptInfo, Outcome, Reply};
use crate::body::Chunks;
use crate::config::{Attempt, Config};
use crate::end_rules::Verdict;
use crate::policy::Policy;
use crate::{Disconnected, End, Error, Event, Events, Reconnect, StreamItem};

/// Retries of a request with a body, unless the user says otherwise: as many as the model vendors'
/// SDKs make.
const RETRIES_UNTIL_OPENED: u32 = 2;

/// How long the end of a body is waited for after the event that ends the stream. The connection can
/// be used again once the body has ended, and servers end it right after that event. Further bytes end
/// the wait.
const DRAIN_PATIENCE: Duration = Duration::from_millis(100);

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
    /// What is known of the last attempt.
    last: AttemptInfo,
    /// Whether a connection has been open: a failure before that may be a mistake in the URL.
    setup: Setup,
    /// Whether an event was handed out that came in response to a request with a body.
    has_output: bool,
    /// The item that follows the one handed out last.
    next: Option<StreamItem>,
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
        secrets: Redactor,
    },
    Waiting(Pin<Box<Sleep>>),
    /// The event that ends the stream has come: waits for the end of the body, and then ends.
    Draining {
        chunks: Chunks,
        patience: Pin<Box<Sleep>>,
    },
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
            last: AttemptInfo::default(),
            setup: Setup::Unproven,
            has_output: false,
            next: None,
        }
    }

    /// Returns the last event id in effect, as a reconnect would send it; empty if there is none.
    /// Keep it to [resume](crate::EventStreamBuilder::last_event_id) in another run.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Drops the connection, or the wait for the next attempt, and connects again at once, with
    /// the last event id. Events that were received and not yet taken are dropped; the server is
    /// asked for them again. A stream that has ended, or whose last event has come, stays so.
    ///
    /// The request's body is sent again, whatever [`Reconnect`] says.
    pub fn reconnect(&mut self) {
        if let State::Open { heard, .. } = self.state {
            self.policy.closed(heard.into_std());
        }
        if !matches!(self.state, State::Draining { .. } | State::Done) {
            self.state = State::Start;
            self.next = None;
        }
    }

    /// Returns a stream of the events alone. Everything else passes silently, and a proper end is
    /// `None`. An event that is [too large](StreamItem::TooLarge) is skipped, with a warning in the
    /// log: where a gap must not pass, read the stream itself.
    ///
    /// If the server starts over ([`StreamItem::Restarted`]), that is an `Err` with [`Error::is_restarted`]. It is the one error after which the
    /// stream continues: discard the events so far and poll on, or give up.
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
        Events::new(self)
    }

    fn connect(&mut self) {
        self.attempts += 1;
        let number = self.attempts;
        let last_event_id = self.decoder.last_event_id().to_owned();
        let url = rt_common::redact_url(&self.config.uri.to_string());
        tracing::debug!(%url, attempt = number, "connecting");
        let attempt = Attempt { number, last_event_id };
        self.state = State::Connecting(Box::pin(attempt::run(Arc::clone(&self.config), attempt)));
    }

    fn connected(&mut self, reply: Reply) -> StreamItem {
        match reply {
            Reply::NoContent => self.end(End::NoContent),
            Reply::Open { opened, chunks, secrets } => {
                tracing::debug!(url = %rt_common::redact_url(&opened.url), "open");
                let heard = Instant::now();
                self.setup = Setup::Proven;
                self.policy.opened(heard.into_std());
                self.decoder.reset();
                let idle = self.config.idle_timeout.map(|time| Box::pin(tokio::time::sleep(time)));
                self.state = State::Open { chunks, rest: Bytes::new(), idle, heard, secrets };
                if std::mem::take(&mut self.has_output) && !self.last.resumes {
                    tracing::warn!("the response starts over: the events so far are void");
                    self.next = Some(StreamItem::Opened(opened));
                    return StreamItem::Restarted;
                }
                StreamItem::Opened(opened)
            }
        }
    }

    /// Returns what a decoded item means to the reader; `None` if nothing.
    fn decoded(&mut self, item: Decoded) -> Option<Result<StreamItem, Error>> {
        Some(Ok(match item {
            Decoded::Event(event) => return self.event(event.into()),
            Decoded::Comment(text) => StreamItem::Comment(text),
            Decoded::TooLarge { limit, .. } => {
                tracing::warn!(limit, "an event is too large and skipped");
                StreamItem::TooLarge { limit }
            }
            Decoded::Retry(wish) => {
                self.policy.server_retry(wish);
                StreamItem::Retry(wish)
            }
            // A later codec may decode more than this stream reports.
            _ => return None,
        }))
    }

    fn event(&mut self, event: Event) -> Option<Result<StreamItem, Error>> {
        match self.config.end_rules.judge(&event) {
            Verdict::Continue => {}
            Verdict::Last => self.drain(),
            Verdict::Sentinel => {
                self.drain();
                return None;
            }
            Verdict::Failure => {
                let secrets = match &self.state {
                    State::Open { secrets, .. } => secrets.clone(),
                    _ => Redactor::default(),
                };
                return Some(Err(self.fail(Error::error_event(event, &secrets))));
            }
        }
        self.has_output |= self.last.has_body;
        Some(Ok(StreamItem::Event(event)))
    }

    /// The event that ends the stream has come: gives the body the time to end, too.
    fn drain(&mut self) {
        if let State::Open { chunks, .. } = std::mem::replace(&mut self.state, State::Done) {
            let patience = Box::pin(tokio::time::sleep(DRAIN_PATIENCE));
            self.state = State::Draining { chunks, patience };
        }
    }

    /// Returns when to make another request after one that failed or ended.
    fn reconnect_mode(&self) -> Reconnect {
        self.config.reconnect.unwrap_or(match self.last.has_body {
            true => Reconnect::UntilOpened,
            false => Reconnect::Always,
        })
    }

    /// The attempt failed: plans the next one, or ends the stream.
    fn not_opened(&mut self, error: Error) -> Result<StreamItem, Error> {
        let mode = self.reconnect_mode();
        let retry = match mode {
            Reconnect::Never => false,
            Reconnect::Always => error.reaction(self.setup) == Reaction::Retry,
            Reconnect::UntilOpened => self.last.should_retry.unwrap_or_else(|| {
                error.is_retryable() || error.status() == Some(StatusCode::CONFLICT)
            }),
        };
        if !retry {
            return Err(self.fail(error));
        }
        let default_max = (mode == Reconnect::UntilOpened).then_some(RETRIES_UNTIL_OPENED);
        self.retry(error, default_max, false)
    }

    /// The open connection was lost, or the body ended: plans another attempt, or ends the stream.
    fn lost(&mut self, error: Error) -> Result<StreamItem, Error> {
        if let State::Open { heard, .. } = self.state
            && error.is_timeout()
        {
            // Silence is no sign of health. An end that the server made is a sign of life.
            self.policy.closed(heard.into_std());
        }
        if self.reconnect_mode() == Reconnect::Always {
            return match error.reaction(self.setup) == Reaction::Retry {
                true => self.retry(error, None, true),
                false => Err(self.fail(error)),
            };
        }
        if !error.is_end_of_body() {
            return Err(self.fail(Error::cut_short(error)));
        }
        if self.decoder.has_unfinished_event() {
            return Err(self.fail(Error::ended_inside_event()));
        }
        if self.config.end_rules.expect_an_end() {
            return Err(self.fail(Error::no_last_event()));
        }
        Ok(self.end(End::Finished))
    }

    fn retry(
        &mut self,
        error: Error,
        default_max_retries: Option<u32>,
        was_open: bool,
    ) -> Result<StreamItem, Error> {
        match self.policy.failed(
            Instant::now().into_std(),
            error.retry_after(),
            default_max_retries,
        ) {
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
        if let Some(item) = this.next.take() {
            return Poll::Ready(Some(Ok(item)));
        }
        loop {
            match &mut this.state {
                State::Start => this.connect(),
                State::Connecting(attempt) => {
                    let outcome = ready!(attempt.as_mut().poll(cx));
                    this.last = outcome.info;
                    return Poll::Ready(Some(match outcome.result {
                        Ok(reply) => Ok(this.connected(reply)),
                        Err(error) => this.not_opened(error),
                    }));
                }
                State::Open { rest, .. } if rest.has_remaining() => {
                    let mut feed = this.decoder.feed(rest);
                    let item = feed.next_owned();
                    let left = feed.remaining().len();
                    rest.advance(rest.len() - left);
                    if let Some(item) = item.and_then(|item| this.decoded(item)) {
                        return Poll::Ready(Some(item));
                    }
                }
                State::Open { chunks, rest, idle, heard, .. } => {
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
                            return Poll::Ready(Some(this.lost(Error::end_of_body())));
                        }
                        Poll::Ready(Err(error)) => {
                            return Poll::Ready(Some(this.lost(error.into())));
                        }
                        Poll::Pending => {
                            let (Some(idle), Some(timeout)) = (idle, this.config.idle_timeout)
                            else {
                                return Poll::Pending;
                            };
                            ready!(idle.as_mut().poll(cx));
                            return Poll::Ready(Some(this.lost(Error::idle(timeout))));
                        }
                    }
                }
                State::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    this.state = State::Start;
                }
                State::Draining { chunks, patience } => {
                    // A server that sends more than the end is given up, and its connection closed.
                    if chunks.poll_chunk(cx).is_pending() {
                        ready!(patience.as_mut().poll(cx));
                    }
                    return Poll::Ready(Some(Ok(this.end(End::Completed))));
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
            State::Draining { .. } => "ending",
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
