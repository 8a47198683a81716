//! A stream of what is published.
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll as Ready, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, Sleep};

use crate::answer::Content;
use crate::policy::{News, Policy};
use crate::{Client, Error, Event, Gap, Poll, Position};

/// A `Stream` that polls for ever; see [`Client::follow`]. Dropping it gives the poll up at once.
///
/// An `Err` is its last item; what is tried again is told as [`Item::Disconnected`].
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use lp_client::{Client, Item, Poll};
///
/// let saved = std::fs::read_to_string("position").unwrap_or_else(|_| "now".into());
/// let client = Client::new("http://127.0.0.1:8080/events")?;
/// let mut follow = client.follow(Poll::new("news").position(saved.parse()?))?;
/// while let Some(item) = follow.next().await {
///     match item? {
///         Item::Event(event) => println!("{}", event.data),
///         Item::Gap(gap) => eprintln!("events are missing: {}", gap.reason),
///         Item::Disconnected(lost) => eprintln!("{}, again in {:?}", lost.error, lost.retry_in),
///         _ => {}
///     }
///     if follow.waiting() == 0 {
///         std::fs::write("position", follow.position().to_string())?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct Follow {
    client: Client,
    poll: Poll,
    policy: Policy,
    state: State,
}

/// Something that happened to a [`Follow`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// An event.
    Event(Event),
    /// Events are missing before what follows.
    Gap(Gap),
    /// A poll ended without events: all is well, and the position may have moved on.
    Quiet,
    /// A poll failed; the next one is already planned.
    Disconnected(Disconnected),
}

/// Why a poll failed, and when the next one starts.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// What went wrong.
    pub error: Error,
    /// How long it is until the next poll.
    pub retry_in: Duration,
}

type Asking = Pin<Box<dyn Future<Output = Result<Content, Error>> + Send>>;

enum State {
    Start,
    Asking { answer: Asking, since: Instant },
    Pausing(Pin<Box<Sleep>>),
    Done,
}

impl Follow {
    pub(crate) fn new(client: Client, poll: Poll) -> Self {
        let retry = client.config().retry.clone();
        let policy = Policy::new(poll.position.clone(), poll.categories.len(), retry);
        Self { client, poll, policy, state: State::Start }
    }

    /// Where to go on from after what was handed out so far; an event that was not handed out yet
    /// is never before it. It can be saved at any time.
    pub fn position(&self) -> &Position {
        self.policy.position()
    }

    /// How many items are here already, and come without a wait. Where this is 0, a batch has been
    /// handed out: a good moment to save the position.
    pub fn waiting(&self) -> usize {
        self.policy.waiting()
    }

    /// The events alone; what else happens is only logged. Gaps too: choose this where a missing
    /// event does no harm.
    pub fn events(self) -> Events {
        Events { follow: self }
    }

    fn ask(&mut self) {
        let client = self.client.clone();
        let poll = self.poll.clone();
        let longest = poll.timeout.unwrap_or(client.config().poll_timeout);
        let (position, timeout) = self.policy.ask(longest);
        let answer = async move { Ok(client.ask(&poll, &position, timeout).await?.1) };
        self.state = State::Asking { answer: Box::pin(answer), since: Instant::now() };
    }

    fn pause(&mut self, time: Duration) {
        self.state = match time.is_zero() {
            true => State::Start,
            false => State::Pausing(Box::pin(tokio::time::sleep(time))),
        };
    }

    fn answered(&mut self, content: Content, took: Duration) -> Result<(), Error> {
        let pause = self.policy.answered(content, Instant::now().into_std(), took)?;
        self.pause(pause);
        Ok(())
    }

    fn failed(&mut self, error: Error) -> Result<Item, Error> {
        let (error, retry_in) = self.policy.failed(error, Instant::now().into_std())?;
        tracing::debug!(%error, ?retry_in, "disconnected");
        self.pause(retry_in);
        Ok(Item::Disconnected(Disconnected { error, retry_in }))
    }

    fn end(&mut self, error: Error) -> Error {
        tracing::debug!(%error, "failed");
        self.state = State::Done;
        error
    }
}

impl Stream for Follow {
    type Item = Result<Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Ready<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(news) = this.policy.next() {
                return Ready::Ready(Some(Ok(news.into())));
            }
            match &mut this.state {
                State::Start => this.ask(),
                State::Asking { answer, since } => {
                    let result = ready!(answer.as_mut().poll(cx));
                    let took = since.elapsed();
                    let item = match result {
                        Ok(content) => match this.answered(content, took) {
                            Ok(()) => continue,
                            Err(error) => Err(error),
                        },
                        Err(error) => this.failed(error),
                    };
                    return Ready::Ready(Some(item.map_err(|error| this.end(error))));
                }
                State::Pausing(pause) => {
                    ready!(pause.as_mut().poll(cx));
                    this.state = State::Start;
                }
                State::Done => return Ready::Ready(None),
            }
        }
    }
}

impl From<News> for Item {
    fn from(news: News) -> Self {
        match news {
            News::Event(event) => Self::Event(event),
            News::Gap(gap) => Self::Gap(gap),
            News::Quiet => Self::Quiet,
        }
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start | State::Asking { .. } => "polling",
            State::Pausing(_) => "waiting",
            State::Done => "ended",
        };
        f.debug_struct("Follow")
            .field("categories", &self.poll.categories)
            .field("position", self.position())
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// The events of a [`Follow`] alone; see [`Follow::events`].
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Events {
    follow: Follow,
}

impl Events {
    /// Where to go on from; see [`Follow::position`].
    pub fn position(&self) -> &Position {
        self.follow.position()
    }

    /// The stream behind it.
    pub fn into_inner(self) -> Follow {
        self.follow
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Ready<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.follow).poll_next(cx)) {
                Some(Ok(Item::Event(event))) => return Ready::Ready(Some(Ok(event))),
                Some(Ok(Item::Gap(gap))) => tracing::warn!(?gap, "events are missing"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Ready::Ready(Some(Err(error))),
                None => return Ready::Ready(None),
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
        check::<Follow>();
        check::<Events>();
    }
}
