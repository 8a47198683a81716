//! Joins concurrent calls into batches.
//!
//! Calls gather in one batch. In order, a batch is sent as soon as no other one is on the way: alone,
//! a call waits for nobody; under load, the calls that come while a request is on the way go with the
//! next one. Out of order, a batch is also sent when it is full, or when its first call has waited long
//! enough, beside those that are on the way.
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use rt_common::HttpError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::batch::Shape;
use crate::idempotency::Keys;
use crate::request::{Publish, Request};
use crate::{Batch, Client, Error, PublishResult, replies};

/// How calls are joined; see [`Client::auto_batch`].
///
/// ```
/// use std::time::Duration;
/// use centrifugo_api::AutoBatchOptions;
///
/// let options = AutoBatchOptions::new().max_commands(500).max_delay(Duration::from_millis(2));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AutoBatchOptions {
    max_commands: usize,
    max_bytes: usize,
    max_delay: Duration,
    max_waiting: usize,
    is_ordered: bool,
    is_parallel: bool,
}

impl AutoBatchOptions {
    /// Returns the default: in order, batches of at most 100 commands or 256 KiB, and 10,000 calls
    /// waiting.
    pub fn new() -> Self {
        Self {
            max_commands: 100,
            max_bytes: 256 * 1024,
            max_delay: Duration::from_millis(5),
            max_waiting: 10_000,
            is_ordered: true,
            is_parallel: false,
        }
    }

    /// The most commands in a batch (default: 100; 0 counts as 1).
    pub fn max_commands(mut self, max: usize) -> Self {
        self.max_commands = max.max(1);
        self
    }

    /// The size of a request after which no command is added to it, in bytes (default: 256 KiB).
    pub fn max_bytes(mut self, max: usize) -> Self {
        self.max_bytes = max;
        self
    }

    /// Has no effect unless the calls are [unordered](AutoBatchOptions::unordered): how long a call waits
    /// for others while another request is on the way (default: 5 ms). In order, a call waits until that
    /// request is answered.
    pub fn max_delay(mut self, max: Duration) -> Self {
        self.max_delay = max;
        self
    }

    /// How many calls may wait for their results (default: 10,000; 0 counts as 1), which bounds the
    /// memory to so many payloads. Further ones wait for these, up to the client's deadline for a
    /// call.
    pub fn max_waiting(mut self, max: usize) -> Self {
        self.max_waiting = max.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Lets batches overtake each other (default: calls are done in the order in which they are made).
    ///
    /// In order, one request is on the way at a time, so that at most
    /// [`max_commands`](AutoBatchOptions::max_commands) are done per round trip. Where the server is far
    /// away, raise that bound, or give up the order.
    pub fn unordered(mut self) -> Self {
        self.is_ordered = false;
        self
    }

    /// Lets the server do the commands of a batch at the same time, which gives up the order, too
    /// (default: one after the other).
    pub fn parallel(mut self) -> Self {
        self.is_parallel = true;
        self.unordered()
    }
}

impl Default for AutoBatchOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Joins concurrent calls into batches: many tasks that publish one message each cost about as much
/// as a few that publish batches. A cheap clone.
///
/// Calls are done in the order in which they are made, that is, in which their futures are first
/// polled; so publications keep their order within each channel
/// ([`unordered`](AutoBatchOptions::unordered) gives that up). After a batch that failed, the next one
/// is sent all the same.
///
/// A call whose future is dropped may be done all the same. A batch is tried again when all of its
/// commands may be: turn on [`idempotency_keys`](crate::ClientBuilder::idempotency_keys) for that. An
/// error that the server gives for one command of a batch is that call's result, and is not tried again.
///
/// ```no_run
/// # async fn run(client: centrifugo_api::Client) -> Result<(), centrifugo_api::Error> {
/// use centrifugo_api::{AutoBatchOptions, Publish};
///
/// let joined = client.auto_batch(AutoBatchOptions::new());
/// for n in 0..64 {
///     let joined = joined.clone();
///     tokio::spawn(async move { joined.publish(Publish::new("numbers", &n)).await });
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AutoBatch {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    options: AutoBatchOptions,
    keys: Option<Keys>,
    room: Arc<Semaphore>,
    /// Held while a call takes its place: without it, two calls that get room at the same moment may
    /// swap their places. Tokio's mutex is fair.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    gathering: Gathering,
    /// In order: batches that are full and wait for the one that is on the way.
    full: VecDeque<Gathering>,
    /// Which batch gathers: a timer is for one.
    number: u64,
    on_the_way: usize,
}

/// A batch to come, and who waits for it.
struct Gathering {
    batch: Batch,
    waiting: Vec<Waiting>,
}

struct Waiting {
    result: oneshot::Sender<Result<Bytes, Error>>,
    _room: OwnedSemaphorePermit,
}

impl AutoBatch {
    pub(crate) fn new(client: Client, options: AutoBatchOptions, keys: Option<Keys>) -> Self {
        let gathering = gathering(&options);
        let state = State { gathering, full: VecDeque::new(), number: 0, on_the_way: 0 };
        let room = Arc::new(Semaphore::new(options.max_waiting));
        let (turn, state) = (tokio::sync::Mutex::default(), Mutex::new(state));
        Self { shared: Arc::new(Shared { client, options, keys, room, turn, state }) }
    }

    /// Publishes data into a channel.
    ///
    /// # Errors
    /// As [`AutoBatch::send`].
    pub async fn publish(&self, request: impl Into<Publish>) -> Result<PublishResult, Error> {
        self.send(request.into()).await
    }

    /// Sends any request. It must be within a Tokio runtime.
    ///
    /// # Errors
    /// As every call of the [`Client`]; when the whole batch fails, all of its calls do. The deadline
    /// of a call is the client's, and counts from here.
    pub async fn send<R: Request>(&self, mut request: R) -> Result<R::Result, Error> {
        if let Some(keys) = &self.shared.keys {
            request.offer_key(|| keys.next());
        }
        // One call's mistake is not the others'.
        if let Some(mistake) = request.mistake() {
            return Err(Error::shared(mistake));
        }
        let shape = Shape::of(&request);
        match tokio::time::timeout(self.shared.client.timeout(), self.outcome(&request)).await {
            Ok(outcome) => replies::read(outcome?, shape, self.shared.client.secrets()),
            Err(_) => {
                let endpoint = self.shared.client.endpoint();
                Err(HttpError::timed_out().with_target(&Method::POST, endpoint).into())
            }
        }
    }

    async fn outcome<R: Request>(&self, request: &R) -> Result<Result<Bytes, Error>, Error> {
        let (sender, result) = oneshot::channel();
        {
            let _turn = self.shared.turn.lock().await;
            let room = Arc::clone(&self.shared.room).acquire_owned().await;
            let room = room.expect("the semaphore is never closed");
            self.shared.add(request, Waiting { result: sender, _room: room })?;
        }
        // The task that carried it was dropped, with its runtime, or panicked.
        let given_up = |_| HttpError::transport_failed("the batch with the call was given up");
        Ok(result.await.map_err(given_up)?)
    }
}

impl Shared {
    fn add<R: Request>(self: &Arc<Self>, request: &R, waiting: Waiting) -> Result<(), Error> {
        let mut state = self.state();
        state.gathering.batch.try_add(request)?;
        state.gathering.waiting.push(waiting);
        let count = state.gathering.batch.len();
        let is_full = count >= self.options.max_commands
            || state.gathering.batch.size() >= self.options.max_bytes;
        if is_full && self.options.is_ordered && state.on_the_way > 0 {
            // The task that is sending takes it next.
            let full = self.replace(&mut state);
            state.full.push_back(full);
        } else if is_full {
            let full = self.take(&mut state);
            tokio::spawn(OnTheWay::new(self).send(full));
        } else if count == 1 && (state.on_the_way == 0 || !self.options.is_ordered) {
            let starting = Starting { number: state.number, shared: Arc::clone(self) };
            tokio::spawn(starting.run(state.on_the_way == 0));
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, state: &mut State) -> Gathering {
        state.on_the_way += 1;
        self.replace(state)
    }

    fn replace(&self, state: &mut State) -> Gathering {
        state.number += 1;
        std::mem::replace(&mut state.gathering, gathering(&self.options))
    }

    /// The batch of this number, if nobody else took it: it may have been filled, or gone with who
    /// was on the way.
    fn take_number(&self, number: u64) -> Option<Gathering> {
        let mut state = self.state();
        (state.number == number).then(|| self.take(&mut state))
    }
}

/// Who starts the batch of this number. Dropped before, with its runtime, it gives the batch up: else
/// later calls would join it and wait.
struct Starting {
    number: u64,
    shared: Arc<Shared>,
}

impl Starting {
    /// Sends it at once, or when it has waited long enough. "At once" is when this task has its turn;
    /// until then more may come.
    async fn run(self, is_idle: bool) {
        if !is_idle {
            tokio::time::sleep(self.shared.options.max_delay).await;
        }
        if let Some(due) = self.shared.take_number(self.number) {
            OnTheWay::new(&self.shared).send(due).await;
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // Its callers learn of it outside the lock.
        if let Some(given_up) = self.shared.take_number(self.number) {
            drop(OnTheWay::new(&self.shared));
            drop(given_up);
        }
    }
}

/// One request that is on the way, and those that follow it.
struct OnTheWay {
    shared: Arc<Shared>,
    /// Whether the state still counts it.
    is_counted: bool,
}

impl OnTheWay {
    /// Of a batch that was just taken.
    fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), is_counted: true }
    }

    /// Sends a batch, and then the calls that have gathered meanwhile.
    async fn send(mut self, mut gathered: Gathering) {
        loop {
            let Gathering { batch, waiting } = gathered;
            match self.shared.client.batch(batch).await {
                Ok(replies) => {
                    for (waiting, outcome) in waiting.into_iter().zip(replies.into_outcomes()) {
                        // A caller that has gone wants no result.
                        let _ = waiting.result.send(outcome);
                    }
                }
                Err(error) => {
                    let error = Arc::new(error);
                    for waiting in waiting {
                        let _ = waiting.result.send(Err(Error::shared(&error)));
                    }
                }
            }
            let mut state = self.shared.state();
            gathered = match state.full.pop_front() {
                Some(full) => full,
                None if state.on_the_way == 1 && !state.gathering.batch.is_empty() => {
                    self.shared.replace(&mut state)
                }
                None => {
                    // Under this lock: a call that comes next must see that nothing is on the way.
                    state.on_the_way -= 1;
                    self.is_counted = false;
                    return;
                }
            };
        }
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        if !self.is_counted {
            return;
        }
        // Its runtime ends, or it panicked. In order, nobody else sends what waits behind it.
        let mut state = self.shared.state();
        state.on_the_way -= 1;
        let mut given_up = std::mem::take(&mut state.full);
        if self.shared.options.is_ordered {
            given_up.push_back(self.shared.replace(&mut state));
        }
        // The callers learn of it outside the lock.
        drop(state);
        drop(given_up);
    }
}

fn gathering(options: &AutoBatchOptions) -> Gathering {
    let batch = Batch::new();
    let batch = if options.is_parallel { batch.parallel() } else { batch };
    Gathering { batch, waiting: Vec::new() }
}

impl fmt::Debug for AutoBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AutoBatch")
            .field("client", &self.shared.client)
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
