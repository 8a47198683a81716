//! Joins concurrent calls into batches.
//!
//! Calls gather in one batch. It is sent as soon as nothing is on the way, or when it is full, or
//! when its first call has waited long enough: alone, a call waits for nobody; under load, what comes
//! while a request is on the way goes with the next one.
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
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
    is_parallel: bool,
}

impl AutoBatchOptions {
    /// The default: 100 commands or 256 KiB a batch, 5 ms, 10,000 calls waiting, in order.
    pub fn new() -> Self {
        Self {
            max_commands: 100,
            max_bytes: 256 * 1024,
            max_delay: Duration::from_millis(5),
            max_waiting: 10_000,
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

    /// How long a call waits for others while another request is on the way (default: 5 ms).
    pub fn max_delay(mut self, max: Duration) -> Self {
        self.max_delay = max;
        self
    }

    /// How many calls may wait for their results (default: 10,000; 0 counts as 1). Further ones wait
    /// for these, up to the client's deadline for a call.
    pub fn max_waiting(mut self, max: usize) -> Self {
        self.max_waiting = max.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Lets the server do the commands of a batch at the same time (default: in their order).
    pub fn parallel(mut self) -> Self {
        self.is_parallel = true;
        self
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
/// A call whose future is dropped may be done all the same. Batches may overtake each other; calls
/// that were made one after the other's result keep their order, as without it. A batch is tried again
/// when all of its commands may be: turn on
/// [`idempotency_keys`](crate::ClientBuilder::idempotency_keys) for that.
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
    state: Mutex<State>,
}

struct State {
    gathering: Gathering,
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
        let state = State { gathering: gathering(&options), number: 0, on_the_way: 0 };
        let room = Arc::new(Semaphore::new(options.max_waiting));
        let state = Mutex::new(state);
        Self { shared: Arc::new(Shared { client, options, keys, room, state }) }
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
    /// As every call of the [`Client`]; when the whole batch fails, all of its calls do.
    pub async fn send<R: Request>(&self, mut request: R) -> Result<R::Result, Error> {
        if let Some(keys) = &self.shared.keys {
            request.offer_key(|| keys.next());
        }
        // One call's mistake is not the others'.
        if let Some(mistake) = request.mistake() {
            return Err(Error::shared(mistake));
        }
        let room = self.shared.room().await?;
        let (sender, result) = oneshot::channel();
        let waiting = Waiting { result: sender, _room: room };
        let shape = Shape::of(&request);
        self.shared.add(request, waiting)?;
        match result.await {
            Ok(outcome) => replies::read(outcome, shape),
            Err(_) => Err(HttpError::transport_failed("the runtime has shut down").into()),
        }
    }
}

impl Shared {
    async fn room(&self) -> Result<OwnedSemaphorePermit, Error> {
        let room = Arc::clone(&self.room).acquire_owned();
        match tokio::time::timeout(self.client.timeout(), room).await {
            Ok(room) => Ok(room.expect("the semaphore is never closed")),
            Err(_) => {
                let error = HttpError::timed_out();
                Err(error.with_target(&Method::POST, self.client.endpoint()).into())
            }
        }
    }

    fn add<R: Request>(self: &Arc<Self>, request: R, waiting: Waiting) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.gathering.batch.try_add(&request)?;
        state.gathering.waiting.push(waiting);
        let count = state.gathering.batch.len();
        let is_full = count >= self.options.max_commands
            || state.gathering.batch.size() >= self.options.max_bytes;
        if is_full {
            let full = self.take(&mut state);
            tokio::spawn(Arc::clone(self).send(full));
        } else if count == 1 {
            let number = state.number;
            let is_idle = state.on_the_way == 0;
            tokio::spawn(Arc::clone(self).start(number, is_idle));
        }
        Ok(())
    }

    /// Sends the batch of this number: at once, or when it has waited long enough. "At once" is when
    /// this task has its turn; until then more may come.
    async fn start(self: Arc<Self>, number: u64, is_idle: bool) {
        if !is_idle {
            tokio::time::sleep(self.options.max_delay).await;
        }
        let due = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            // It may have been filled, or sent by who was on the way.
            (state.number == number).then(|| self.take(&mut state))
        };
        if let Some(due) = due {
            self.send(due).await;
        }
    }

    /// Sends a batch, and then what has gathered meanwhile.
    async fn send(self: Arc<Self>, mut gathered: Gathering) {
        loop {
            let Gathering { batch, waiting } = gathered;
            match self.client.batch(batch).await {
                Ok(replies) => {
                    for (waiting, outcome) in waiting.into_iter().zip(replies.into_outcomes()) {
                        // Who has gone wants no result.
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
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.on_the_way -= 1;
            if state.on_the_way > 0 || state.gathering.batch.is_empty() {
                return;
            }
            gathered = self.take(&mut state);
        }
    }

    fn take(&self, state: &mut State) -> Gathering {
        state.number += 1;
        state.on_the_way += 1;
        std::mem::replace(&mut state.gathering, gathering(&self.options))
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
