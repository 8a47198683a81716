//! What is done about events.
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rt_common::BoxError;
use tokio::task::JoinSet;

use crate::kind::Event;
use crate::{Answered, Disconnected, Error, Gap};

/// Functions that are called with events: [`user::Handlers`](crate::user::Handlers) or
/// [`bots::Handlers`](crate::bots::Handlers), for [`Poller::run`](crate::Poller::run).
///
/// Several may be set for the same; they are called one after the other, first those by code, then
/// those by kind, then those for all. The first that fails ends it for this event. With
/// [`concurrent_handlers`](Handlers::concurrent_handlers) they run at the same time.
///
/// One event is handled after the other, unless [`concurrent`](Handlers::concurrent) says otherwise.
#[must_use]
pub struct Handlers<E> {
    by_code: HashMap<i64, Vec<Handler<E>>>,
    by_name: HashMap<String, Vec<Handler<E>>>,
    by_all: Vec<Handler<E>>,
    answers: Vec<OnAnswer<E>>,
    error: Option<Tell<Error>>,
    gap: Option<Tell<Gap>>,
    disconnected: Option<Tell<Disconnected>>,
    pub(crate) concurrency: usize,
    /// The handlers of one event run at the same time.
    concurrent_handlers: bool,
    pub(crate) shutdown_timeout: Duration,
}

/// A whole answer, after its events were handled.
#[derive(Debug)]
#[non_exhaustive]
pub struct Response<E> {
    /// Where to go on from, and what the server said instead of events.
    pub answered: Answered,
    /// Its events.
    pub events: Vec<Arc<E>>,
}

/// One part of an event, and the event: it is used as that part.
pub struct Of<E, T> {
    event: Arc<E>,
    part: fn(&E) -> Option<&T>,
}

type Handling = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
type Handler<E> = Arc<dyn Fn(Arc<E>) -> Handling + Send + Sync>;
type Tell<T> = Arc<dyn Fn(&T) + Send + Sync>;
type OnAnswer<E> = Arc<dyn Fn(Arc<Response<E>>) -> Handling + Send + Sync>;

impl<E: Event> Handlers<E> {
    /// No handlers yet: events are read, and nothing is done about them.
    pub fn new() -> Self {
        Self {
            by_code: HashMap::new(),
            by_name: HashMap::new(),
            by_all: Vec::new(),
            answers: Vec::new(),
            error: None,
            gap: None,
            disconnected: None,
            concurrency: 1,
            concurrent_handlers: false,
            shutdown_timeout: Duration::from_secs(30),
        }
    }

    /// Called with each event, whatever it is.
    pub fn on_any<F, R, X>(mut self, handle: F) -> Self
    where
        F: Fn(Arc<E>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), X>> + Send + 'static,
        X: Into<BoxError>,
    {
        self.by_all.push(handler(handle));
        self
    }

    /// Called with each whole answer, after its events were handled, those of earlier answers too:
    /// the moment to save the position. Also with what the server says instead of events (`failed` 1 to
    /// 3), and with each page of the history.
    pub fn on_response<F, R, X>(mut self, handle: F) -> Self
    where
        F: Fn(Arc<Response<E>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), X>> + Send + 'static,
        X: Into<BoxError>,
    {
        self.answers.push(Arc::new(move |response| {
            let handling = handle(response);
            Box::pin(async move { handling.await.map_err(Into::into) })
        }));
        self
    }

    /// Called with the error of a handler; the loop goes on then, and the event counts as handled.
    /// Without it, the error ends [`Poller::run`](crate::Poller::run), which gives it back.
    pub fn on_error(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.error = Some(Arc::new(tell));
        self
    }

    /// Called when events are missing that cannot be read any more (without it, that is logged).
    pub fn on_gap(mut self, tell: impl Fn(&Gap) + Send + Sync + 'static) -> Self {
        self.gap = Some(Arc::new(tell));
        self
    }

    /// Called when a poll or a call has failed and will be tried again (without it, that is logged).
    pub fn on_disconnected(mut self, tell: impl Fn(&Disconnected) + Send + Sync + 'static) -> Self {
        self.disconnected = Some(Arc::new(tell));
        self
    }

    /// Handles up to so many events at the same time (default: 1, 0 counts as 1), each in a task of its
    /// own. Those of one conversation stay in their order, one after the other.
    pub fn concurrent(mut self, at_once: usize) -> Self {
        self.concurrency = at_once.max(1);
        self
    }

    /// Runs the handlers of one event at the same time, each in a task of its own (default: one after
    /// the other, until one fails). All of them are called; the event is handled when all have
    /// finished, with the first error.
    pub fn concurrent_handlers(mut self, at_once: bool) -> Self {
        self.concurrent_handlers = at_once;
        self
    }

    /// Maximum time to finish the events of received responses after a shutdown (default: 30 s).
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Handles an event, without a network: as [`Poller::run`](crate::Poller::run) does.
    ///
    /// # Errors
    /// With [`Error::is_handler`], when a handler fails.
    pub async fn dispatch(&self, event: impl Into<Arc<E>>) -> Result<(), Error> {
        let event = event.into();
        self.handling(event).await
    }

    /// Calls the handlers of an event.
    pub(crate) fn handling(
        &self,
        event: Arc<E>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<E> {
        let handlers = self.chosen(&event);
        let at_once = self.concurrent_handlers && handlers.len() > 1;
        async move {
            match at_once {
                true => handle_at_once(handlers, event).await,
                false => handle_in_order(handlers, event).await,
            }
        }
    }

    /// Whether an event has a handler.
    pub(crate) fn has_handler(&self, event: &E) -> bool {
        !self.by_all.is_empty()
            || event.code().is_some_and(|code| self.by_code.contains_key(&code))
            || self.by_name.contains_key(&*event.name())
    }

    /// The handlers of an event, in their order.
    fn chosen(&self, event: &E) -> Vec<Handler<E>> {
        let by_code = event.code().and_then(|code| self.by_code.get(&code));
        let by_name = self.by_name.get(&*event.name());
        let of = |list: Option<&Vec<Handler<E>>>| list.cloned().unwrap_or_default();
        let mut chosen = of(by_code);
        chosen.extend(of(by_name));
        chosen.extend(self.by_all.iter().cloned());
        chosen
    }

    pub(crate) fn add_by_code(&mut self, code: i64, handler: Handler<E>) {
        self.by_code.entry(code).or_default().push(handler);
    }

    pub(crate) fn add_by_name(&mut self, name: impl Into<String>, handler: Handler<E>) {
        self.by_name.entry(name.into()).or_default().push(handler);
    }

    /// A handler of one part of events of one kind.
    pub(crate) fn add_part<T, F, R, X>(&mut self, name: &str, part: fn(&E) -> Option<&T>, handle: F)
    where
        T: 'static,
        F: Fn(Of<E, T>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), X>> + Send + 'static,
        X: Into<BoxError>,
    {
        let handler: Handler<E> = Arc::new(move |event| match part(&event).is_some() {
            true => {
                let handling = handle(Of { event, part });
                Box::pin(async move { handling.await.map_err(Into::into) })
            }
            false => Box::pin(std::future::ready(Ok(()))),
        });
        self.add_by_name(name, handler);
    }

    pub(crate) fn wants_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Calls the handlers of whole answers.
    pub(crate) async fn tell_answer(
        answers: Vec<OnAnswer<E>>,
        response: Response<E>,
    ) -> Result<(), Error> {
        let response = Arc::new(response);
        for handle in answers {
            let handling = handle(Arc::clone(&response));
            handling.await.map_err(|error| Error::handler("response", error))?;
        }
        Ok(())
    }

    pub(crate) fn answers(&self) -> Vec<OnAnswer<E>> {
        self.answers.clone()
    }

    pub(crate) fn tell_gap(&self, gap: &Gap) {
        match &self.gap {
            Some(tell) => tell(gap),
            None => tracing::warn!(?gap, "events are missing"),
        }
    }

    pub(crate) fn tell_disconnected(&self, lost: &Disconnected) {
        match &self.disconnected {
            Some(tell) => tell(lost),
            None => tracing::info!(error = %lost.error, retry_in = ?lost.retry_in, "disconnected"),
        }
    }

    /// Whether somebody took the error.
    pub(crate) fn tell_error(&self, error: &Error) -> bool {
        if let Some(tell) = &self.error {
            tell(error);
        }
        self.error.is_some()
    }
}

/// Calls the handlers in tasks of their own, and waits for all.
async fn handle_at_once<E: Event>(handlers: Vec<Handler<E>>, event: Arc<E>) -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    for handle in handlers {
        let event = Arc::clone(&event);
        // Within the task: a panic of the call itself must not keep the other handlers from theirs.
        tasks.spawn(async move { handle(event).await });
    }
    let mut first = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let handled = ended.unwrap_or_else(|panicked| Err(panicked.into()));
        first = first.and(handled.map_err(|error| Error::handler(event.name(), error)));
    }
    first
}

/// Calls the handlers one after the other, until one fails.
async fn handle_in_order<E: Event>(handlers: Vec<Handler<E>>, event: Arc<E>) -> Result<(), Error> {
    for handle in handlers {
        let handling = handle(Arc::clone(&event));
        handling.await.map_err(|error| Error::handler(event.name(), error))?;
    }
    Ok(())
}

pub(crate) fn handler<E, F, R, X>(handle: F) -> Handler<E>
where
    F: Fn(Arc<E>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), X>> + Send + 'static,
    X: Into<BoxError>,
{
    Arc::new(move |event| {
        let handling = handle(event);
        Box::pin(async move { handling.await.map_err(Into::into) })
    })
}

impl<E: Event> Default for Handlers<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Handlers<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("codes", &self.by_code.keys().collect::<Vec<_>>())
            .field("kinds", &self.by_name.keys().collect::<Vec<_>>())
            .field("concurrent", &self.concurrency)
            .finish_non_exhaustive()
    }
}

impl<E, T> Of<E, T> {
    /// The whole event.
    pub fn event(&self) -> &Arc<E> {
        &self.event
    }
}

impl<E, T> Deref for Of<E, T> {
    type Target = T;

    fn deref(&self) -> &T {
        (self.part)(&self.event).expect("it is made for events that have this part")
    }
}

impl<E, T> Clone for Of<E, T> {
    fn clone(&self) -> Self {
        Self { event: Arc::clone(&self.event), part: self.part }
    }
}

impl<E, T: fmt::Debug> fmt::Debug for Of<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
