//! The stream with callbacks instead of items.
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_core::Stream;
use http::Method;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Error, Event, EventStream, EventStreamBuilder, RetryPolicy, StreamItem};

/// An event source with callbacks: register what to do, then [`start`](Client::start).
///
/// Callbacks run one after the other, in the order of the events, on a task of their own; a slow
/// one holds back those behind it, and one that blocks holds up a thread of the runtime. Several may be registered for the same thing; they run in the
/// order of their registration. Dropping the client stops it.
///
/// ```no_run
/// # async fn run() -> Result<(), sse_client::Error> {
/// use std::time::Duration;
/// use sse_client::{Client, Method};
///
/// let client = Client::new("http://localhost:8080/sse", Method::GET, Duration::from_secs(3))?;
/// client.on_event("customEvent", |event| {
///     println!("{}: {}", event.id(), event.data());
/// });
/// client.on_connection(|| println!("connected"));
/// client.on_disconnect(|error| println!("disconnected: {error}"));
/// client.on_error(|error| println!("failed: {error}"));
/// client.on_exit(|| println!("stopped"));
/// client.start()?;
/// client.stopped().await;
/// # Ok(())
/// # }
/// ```
pub struct Client {
    builder: EventStreamBuilder,
    shared: Arc<Shared>,
}

/// Stops a [`Client`], also from within its callbacks.
#[derive(Clone)]
pub struct StopHandle {
    shared: Arc<Shared>,
}

struct Shared {
    callbacks: Mutex<Callbacks>,
    last_event_id: Mutex<Option<String>>,
    run: Mutex<Run>,
    /// How many runs are not over: one, or two while one ends and the next is already asked for.
    running: watch::Sender<usize>,
}

#[derive(Default)]
struct Run {
    stop: Option<watch::Sender<bool>>,
    task: Option<JoinHandle<()>>,
}

type Callback<T> = Arc<Mutex<dyn FnMut(&T) + Send>>;

#[derive(Default)]
struct Callbacks {
    event: HashMap<String, Vec<Callback<Event>>>,
    connection: Vec<Callback<()>>,
    disconnect: Vec<Callback<Error>>,
    error: Vec<Callback<Error>>,
    exit: Vec<Callback<()>>,
}

impl Client {
    /// A client of this URL. `reconnect_delay` is the base of the backoff
    /// ([`RetryPolicy::base`]); with [`from_builder`](Client::from_builder) everything can be set.
    ///
    /// # Errors
    /// When the URL is not a valid http or https URL.
    pub fn new(
        url: impl Into<String>,
        method: Method,
        reconnect_delay: Duration,
    ) -> Result<Self, Error> {
        let retry = RetryPolicy::new().base(reconnect_delay);
        Self::from_builder(EventStream::builder(url).method(method).retry(retry))
    }

    /// A client of the stream that the builder describes.
    ///
    /// # Errors
    /// When the description is not valid.
    pub fn from_builder(builder: EventStreamBuilder) -> Result<Self, Error> {
        // Mistakes are told here, not when it is started.
        builder.check()?;
        let shared = Shared {
            callbacks: Mutex::default(),
            last_event_id: Mutex::default(),
            run: Mutex::default(),
            running: watch::Sender::new(0),
        };
        Ok(Self { builder, shared: Arc::new(shared) })
    }

    /// Calls `callback` with each event of this type (`message` for events that name none).
    #[doc(alias = "SubscribeEvent")]
    pub fn on_event(
        &self,
        event_type: impl Into<String>,
        callback: impl FnMut(&Event) + Send + 'static,
    ) {
        let callback = Arc::new(Mutex::new(callback));
        self.shared.callbacks().event.entry(event_type.into()).or_default().push(callback);
    }

    /// Calls `callback` each time a connection is open, before its first event.
    pub fn on_connection(&self, mut callback: impl FnMut() + Send + 'static) {
        self.shared.callbacks().connection.push(Arc::new(Mutex::new(move |(): &()| callback())));
    }

    /// Calls `callback` each time an open connection is lost and will be made again.
    pub fn on_disconnect(&self, callback: impl FnMut(&Error) + Send + 'static) {
        self.shared.callbacks().disconnect.push(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` each time an attempt to connect fails, and with the error that ends the
    /// stream, if one does. ([`Error::is_retryable`] and what follows tell which it is.)
    pub fn on_error(&self, callback: impl FnMut(&Error) + Send + 'static) {
        self.shared.callbacks().error.push(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` once when the client has stopped, for whatever reason.
    pub fn on_exit(&self, mut callback: impl FnMut() + Send + 'static) {
        self.shared.callbacks().exit.push(Arc::new(Mutex::new(move |(): &()| callback())));
    }

    /// Starts connecting, in the background. A client that runs already goes on; one that was
    /// stopped starts again, from its last event id.
    ///
    /// # Errors
    /// When it is not called within a Tokio runtime, or no HTTP client can be made.
    pub fn start(&self) -> Result<(), Error> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|error| Error::builder_from("start needs a Tokio runtime", error))?;
        let mut run = self.shared.run();
        if run.stop.as_ref().is_some_and(|stop| !stop.is_closed()) {
            return Ok(());
        }
        let mut builder = self.builder.clone();
        if let Some(id) = self.shared.last_event_id().clone() {
            builder = builder.last_event_id(id);
        }
        let stream = builder.build()?;
        let (stop, stopped) = watch::channel(false);
        self.shared.running.send_modify(|runs| *runs += 1);
        // A run that is just ending finishes first: its callbacks and ours never overlap.
        let before = run.task.take();
        let shared = Arc::clone(&self.shared);
        let task = runtime.spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            shared.follow(stream, stopped).await;
        });
        *run = Run { stop: Some(stop), task: Some(task) };
        Ok(())
    }

    /// Stops: closes the connection and calls no callback any more but those of
    /// [`on_exit`](Client::on_exit). A callback that is running now ends first.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// A handle that stops this client, for use in callbacks and elsewhere.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle { shared: Arc::clone(&self.shared) }
    }

    /// Waits until the client has stopped, its exit callbacks included; at once if it was never
    /// started.
    pub async fn stopped(&self) {
        let mut running = self.shared.running.subscribe();
        // The sender lives in `shared`, which `self` holds.
        let _ = running.wait_for(|runs| *runs == 0).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("builder", &self.builder).finish_non_exhaustive()
    }
}

impl StopHandle {
    /// As [`Client::stop`].
    pub fn stop(&self) {
        self.shared.stop();
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopHandle")
    }
}

impl Shared {
    async fn follow(&self, mut stream: EventStream, stop: watch::Receiver<bool>) {
        // Also when a callback panics.
        let _ended = OnDrop(|| self.running.send_modify(|runs| *runs -= 1));
        // Moved here to be dropped before the count goes down: who then starts the client again
        // must find this run over.
        let mut stop = stop;
        loop {
            let next = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
            let item = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                item = next => item,
            };
            match item {
                Some(Ok(StreamItem::Event(event))) => {
                    let callbacks = self.callbacks().event.get(event.event()).cloned();
                    call(callbacks.unwrap_or_default(), &event);
                }
                Some(Ok(StreamItem::Opened(_))) => self.call(|all| &all.connection, &()),
                Some(Ok(StreamItem::Disconnected(lost))) if lost.was_open => {
                    self.call(|all| &all.disconnect, &lost.error);
                }
                Some(Ok(StreamItem::Disconnected(lost))) => {
                    self.call(|all| &all.error, &lost.error);
                }
                Some(Err(error)) => self.call(|all| &all.error, &error),
                Some(Ok(_)) => {}
                None => break,
            }
            *self.last_event_id() = Some(stream.last_event_id().to_owned());
        }
        drop(stream);
        self.call(|all| &all.exit, &());
    }

    fn call<T>(&self, which: impl Fn(&Callbacks) -> &Vec<Callback<T>>, argument: &T) {
        // Bound, so that the lock is free when the callbacks run: they may register others.
        let callbacks = which(&self.callbacks()).clone();
        call(callbacks, argument);
    }

    fn stop(&self) {
        if let Some(stop) = self.run().stop.take() {
            stop.send_replace(true);
        }
    }

    fn callbacks(&self) -> MutexGuard<'_, Callbacks> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_event_id(&self) -> MutexGuard<'_, Option<String>> {
        self.last_event_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn call<T>(callbacks: Vec<Callback<T>>, argument: &T) {
    for callback in callbacks {
        (callback.lock().unwrap_or_else(PoisonError::into_inner))(argument);
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
