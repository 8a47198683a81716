//! The loop: a stream of what happens.
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, Request};
use rt_common::{HttpClient, HttpError};
use tokio::time::{Instant, Sleep};

use crate::error::Kept;
use crate::kind::{Answer, Kind};
use crate::malformed::MalformedLog;
use crate::policy::{Ask, Policy};
use crate::server::Server;
use crate::{Api, Error, Item, Position, Shutdown, api};

/// How much longer than it may wait an answer may take.
const MARGIN: Duration = Duration::from_secs(10);

/// A loop that polls for ever: [`user::LongPoll`](crate::user::LongPoll) or
/// [`bots::LongPoll`](crate::bots::LongPoll).
///
/// It is a `Stream` of [`Item`]s, whose last one is an `Err`, and it can be [run](Poller::run) with
/// handlers. Dropping it gives up what is under way at once.
///
/// # What ends it, and what does not
/// | what happens | what the loop does |
/// |---|---|
/// | events; the end of an answer; events that cannot be read any more | [`Item::Event`]; [`Item::Answered`]; [`Item::Gap`] |
/// | the network fails, no answer within the wait and 10 s, a redirect, a page that is not JSON, a cut body, the statuses 408, 425, 429 and 5xx, API errors 1, 6, 9, 10 and 29 | [`Item::Disconnected`], then another try |
/// | another status, a refused certificate, by [the table of failures](rt_common::Failure#the-table) | once a server has been named: [`Item::Disconnected`], then another try, at another server after a status; before: `Err`, then `None` |
/// | `failed` 1, 2 and 3 | goes on from the new `ts`, with a new key, or both; after 1 and 3 what was missed is read from the account's history, each event once, marked as recovered, and an [`Item::Gap`] tells of the kinds of events that no history has |
/// | `failed` 4 and unknown ones, any other API error (a captcha that nobody answers), a server that is not VK's, no retry left, no token where one is needed | `Err`, then `None` |
#[must_use = "a loop does nothing unless it is polled or run"]
pub struct Poller<K: Kind> {
    pub(crate) kind: K,
    pub(crate) api: Option<Api>,
    pub(crate) link: Link,
    pub(crate) policy: Policy<K::Event>,
    pub(crate) shutdown: Shutdown,
    malformed: MalformedLog,
    state: State<K::Event>,
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// How the long poll server is asked.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) http: HttpClient,
    pub(crate) headers: HeaderMap,
    pub(crate) wait: Duration,
    pub(crate) max_answer_bytes: usize,
}

type Asking<E> = Pin<Box<dyn Future<Output = Result<Answer<E>, Error>> + Send>>;

enum State<E> {
    Start,
    Asking { ask: Ask, answer: Asking<E>, since: Instant },
    Pausing(Pin<Box<Sleep>>),
    Done,
}

impl<K: Kind> Poller<K> {
    pub(crate) fn new(kind: K, api: Option<Api>, link: Link, policy: Policy<K::Event>) -> Self {
        let shutdown = Shutdown::new();
        let stopped = Box::pin(shutdown.said());
        let malformed = MalformedLog::default();
        Self { kind, api, link, policy, shutdown, malformed, state: State::Start, stopped }
    }

    /// Where to go on from after what was handed out so far; `None` until a server has said where it
    /// is. It moves with the last event of an answer. To save it while [handlers run](Poller::run), take
    /// it from [`on_response`](crate::Handlers::on_response).
    pub fn position(&self) -> Option<Position> {
        self.policy.position()
    }

    /// How many items are here already, and come without a wait.
    pub fn waiting(&self) -> usize {
        self.policy.waiting()
    }

    /// How many events, and how many parts of events, could not be read so far. The first of each kind
    /// is logged as a warning.
    pub fn malformed_count(&self) -> u64 {
        self.malformed.count()
    }

    /// The API with the loop's token; `None` where it has none.
    pub fn api(&self) -> Option<&Api> {
        self.api.as_ref()
    }

    /// A handle that ends the loop from another task: no more polls are made, and once the events of the
    /// responses that were received have been handed out, the stream ends, or [`Poller::run`] returns.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// The events alone; what else happens is only logged. Choose it where the position is not saved.
    pub fn events(self) -> Events<K> {
        Events { poller: self }
    }

    fn ask(&mut self) -> Result<(), Error> {
        let ask = self.policy.ask()?;
        let kind = self.kind.clone();
        let api = || self.api.clone().ok_or_else(Error::no_token);
        let answer: Asking<K::Event> = match ask {
            Ask::Server => Box::pin(kind.find_server(api()?)),
            Ask::History(from) => Box::pin(kind.read_history(api()?, from)),
            Ask::Poll(ts) => {
                let server = self.policy.server().cloned().ok_or_else(Error::no_token)?;
                Box::pin(poll(kind, self.link.clone(), server, ts))
            }
        };
        self.state = State::Asking { ask, answer, since: Instant::now() };
        Ok(())
    }

    fn take(
        &mut self,
        ask: Ask,
        answer: Result<Answer<K::Event>, Error>,
        took: Duration,
    ) -> Result<(), Error> {
        let now = Instant::now().into_std();
        let pause = match answer {
            Ok(answer) => {
                if let Answer::Updates { events, .. } | Answer::History { events, .. } = &answer {
                    events.iter().for_each(|event| self.malformed.note(event));
                }
                self.policy.answered(answer, now, took)?
            }
            Err(error) => {
                tracing::debug!(%error, ?ask, "failed");
                self.policy.failed(ask, error, now)?
            }
        };
        self.state = match pause.is_zero() {
            true => State::Start,
            false => State::Pausing(Box::pin(tokio::time::sleep(pause))),
        };
        Ok(())
    }

    /// Drops the request under way. A loop that has ended stays so.
    pub(crate) fn drop_request(&mut self) {
        if !matches!(self.state, State::Done) {
            self.state = State::Start;
        }
    }

    /// Resumes from this position.
    pub(crate) fn go_back(&mut self, position: Option<Position>) {
        self.policy.go_back(position);
        self.drop_request();
    }

    /// Starts again if the loop has ended.
    pub(crate) fn restart(&mut self) {
        if matches!(self.state, State::Done) {
            self.policy.restart();
            self.state = State::Start;
        }
    }
}

async fn poll<K: Kind>(
    kind: K,
    link: Link,
    server: Server,
    ts: i64,
) -> Result<Answer<K::Event>, Error> {
    let uri = server.poll(&kind.poll(ts, link.wait))?;
    let mut request = Request::get(uri).body(Bytes::new()).map_err(HttpError::invalid_request)?;
    request.headers_mut().clone_from(&link.headers);
    let deadline = link.wait + MARGIN;
    let (kept, max) = (Kept::Without(&server.key), link.max_answer_bytes);
    let (head, body) = api::fetch(&link.http, request, deadline, max, kept).await?;
    K::decode(&body).map_err(|error| {
        let what = "the answer is not one of the long poll";
        Error::answer(what, (head.status, &head.headers), &kept.of(&body), Some(error))
    })
}

impl<K: Kind> Stream for Poller<K>
where
    Self: Unpin,
{
    type Item = Result<Item<K::Event>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if matches!(this.state, State::Done) {
                return Poll::Ready(None);
            }
            // What a shutdown leaves behind would have to be polled again, if it could be.
            if let Some(item) = this.policy.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            if this.shutdown.is_shut_down() || this.stopped.as_mut().poll(cx).is_ready() {
                this.state = State::Done;
                this.shutdown.reset();
                // A future that has returned must not be polled again.
                this.stopped = Box::pin(this.shutdown.said());
                return Poll::Ready(None);
            }
            let went_on = match &mut this.state {
                State::Start => this.ask(),
                State::Asking { ask, answer, since } => {
                    let result = ready!(answer.as_mut().poll(cx));
                    let (ask, took) = (*ask, since.elapsed());
                    this.take(ask, result, took)
                }
                State::Pausing(pause) => {
                    ready!(pause.as_mut().poll(cx));
                    this.state = State::Start;
                    Ok(())
                }
                State::Done => return Poll::Ready(None),
            };
            if let Err(error) = went_on {
                tracing::debug!(%error, "ended");
                this.state = State::Done;
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl<K: Kind> fmt::Debug for Poller<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start | State::Asking { .. } => "asking",
            State::Pausing(_) => "waiting",
            State::Done => "ended",
        };
        f.debug_struct("LongPoll")
            .field("position", &self.position())
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// The events of a loop alone; see [`Poller::events`].
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Events<K: Kind> {
    poller: Poller<K>,
}

impl<K: Kind> Events<K> {
    /// The loop behind it.
    pub fn into_inner(self) -> Poller<K> {
        self.poller
    }
}

impl<K: Kind> Stream for Events<K>
where
    Poller<K>: Unpin,
{
    type Item = Result<K::Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.poller).poll_next(cx)) {
                Some(Ok(Item::Event(event))) => return Poll::Ready(Some(Ok(event))),
                Some(Ok(Item::Gap(gap))) => tracing::warn!(?gap, "events are missing"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}
