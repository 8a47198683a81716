//! The stream with callbacks instead of items.
use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_core::Stream;
use http::Method;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Error, Event, EventStream, EventStreamBuilder, RetryPolicy, StreamItem};

/// An event source with callbacks: register what to do, then [`start`](Client::start).
///
/// Callbacks run one after the other, in the order of the events, on a task of their own; a slow
/// one holds back those behind it, and one that blocks holds up a thread of the runtime. Several
/// may be registered for the same thing; they run in the order of their registration. One that
/// panics stops the client. Dropping the client stops it.
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

/// Stops a [`Client`], also from within its callbacks. It does not keep the client alive.
#[derive(Clone)]
pub struct StopHandle {
    // Weak: the callbacks, which the client holds, may hold it in turn.
    shared: Weak<Shared>,
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
    comment: Vec<Callback<String>>,
    retry: Vec<Callback<Duration>>,
    connection: Vec<Callback<()>>,
    disconnect: Vec<Callback<Error>>,
    error: Vec<Callback<Error>>,
    exit: Vec<Callback<()>>,
}

impl Client {
    /// Returns a client of this URL that waits `reconnect_delay` before it connects again, each time
    /// the same ([`RetryPolicy::fixed`]). [`from_builder`](Client::from_builder) takes any other
    /// policy, and everything else that can be set.
    ///
    /// # Errors
    /// When the URL is not a valid http or https URL.
    pub fn new(
        url: impl Into<String>,
        method: Method,
        reconnect_delay: Duration,
    ) -> Result<Self, Error> {
        let retry = RetryPolicy::fixed(reconnect_delay);
        Self::from_builder(EventStream::builder(url).method(method).retry(retry))
    }

    /// Returns a client of the stream that the builder describes.
    ///
    /// # Errors
    /// When the description is not valid.
    pub fn from_builder(builder: EventStreamBuilder) -> Result<Self, Error> {
        // Mistakes are reported here, not when it is started.
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

    /// Calls `callback` with each comment, without its colon, as soon as its line ends.
    pub fn on_comment(&self, mut callback: impl FnMut(&str) + Send + 'static) {
        let callback = move |text: &String| callback(text);
        self.shared.callbacks().comment.push(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` with each wait that the server asks for (a `retry` field). The client obeys it
    /// by itself.
    pub fn on_retry(&self, mut callback: impl FnMut(Duration) + Send + 'static) {
        let callback = move |wait: &Duration| callback(*wait);
        self.shared.callbacks().retry.push(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` each time a connection is open, before its first event.
    pub fn on_connection(&self, mut callback: impl FnMut() + Send + 'static) {
        self.shared.callbacks().connection.push(Arc::new(Mutex::new(move |(): &()| callback())));
    }

    /// Calls `callback` each time an open connection is lost, whether or not it will be made
    /// again. Neither a proper end (204, the last event, the end of a body that is read once) nor
    /// [`stop`](Client::stop) is a loss: those are followed by
    /// [`on_exit`](Client::on_exit) alone.
    pub fn on_disconnect(&self, callback: impl FnMut(&Error) + Send + 'static) {
        self.shared.callbacks().disconnect.push(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` each time an attempt to connect fails, with the error that ends the stream,
    /// if one does, and with what happens in between: an event that is too large and skipped
    /// ([`Error::is_too_large`]), and a response that starts over ([`Error::is_restarted`]).
    pub fn on_error(&self, callback: impl FnMut(&Error) + Send + 'static) {
        self.shared.callbacks().error.push(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` once when the client has stopped, for whatever reason: also when a
    /// callback panicked, or the runtime shuts down. [`start`](Client::start) may be called in it.
    pub fn on_exit(&self, mut callback: impl FnMut() + Send + 'static) {
        self.shared.callbacks().exit.push(Arc::new(Mutex::new(move |(): &()| callback())));
    }

    /// Starts connecting, in the background. A client that runs already goes on; one that was
    /// stopped starts again, from its last event id. It runs until
    /// [`on_exit`](Client::on_exit) is called, so that is the place to start it again.
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
        let counted = Counted::new(&self.shared);
        // A run that is just ending finishes first: its callbacks and ours never overlap.
        let before = run.task.take();
        let task = runtime.spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            counted.0.follow(stream, stopped).await;
        });
        *run = Run { stop: Some(stop), task: Some(task) };
        Ok(())
    }

    /// Stops: closes the connection and then calls those of [`on_exit`](Client::on_exit). What
    /// the callbacks are being told at this moment, an event for instance, all of its callbacks
    /// are told first; nothing that comes after it.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// A handle that stops this client, for use in callbacks and elsewhere.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle { shared: Arc::downgrade(&self.shared) }
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
    /// As [`Client::stop`]; nothing if the client is gone.
    pub fn stop(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.stop();
        }
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopHandle")
    }
}

impl Shared {
    async fn follow(&self, mut stream: EventStream, mut stop: watch::Receiver<bool>) {
        let exit = Exit { shared: self };
        let mut open = false;
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
                Some(Ok(StreamItem::Comment(text))) => self.call(|all| &all.comment, &text),
                Some(Ok(StreamItem::Retry(wait))) => self.call(|all| &all.retry, &wait),
                Some(Ok(StreamItem::Restarted)) => {
                    self.call(|all| &all.error, &Error::restarted());
                }
                Some(Ok(StreamItem::Opened(_))) => {
                    open = true;
                    self.call(|all| &all.connection, &());
                }
                Some(Ok(StreamItem::Disconnected(lost))) if lost.was_open => {
                    open = false;
                    self.call(|all| &all.disconnect, &lost.error);
                }
                Some(Ok(StreamItem::Disconnected(lost))) => {
                    self.call(|all| &all.error, &lost.error);
                }
                Some(Ok(StreamItem::TooLarge { limit })) => {
                    self.call(|all| &all.error, &Error::too_large(limit));
                }
                Some(Err(error)) => {
                    if open {
                        self.call(|all| &all.disconnect, &error);
                    }
                    self.call(|all| &all.error, &error);
                }
                Some(Ok(_)) => {}
                None => break,
            }
            *self.last_event_id() = Some(stream.last_event_id().to_owned());
        }
        // An id may have come without an item.
        *self.last_event_id() = Some(stream.last_event_id().to_owned());
        drop(stream);
        // The run is over for `start`, which the exit callbacks may call.
        drop(stop);
        exit.call();
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

/// A run that is not over; made before its task, which may be dropped before it ever runs.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.running.send_modify(|runs| *runs += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.running.send_modify(|runs| *runs -= 1);
    }
}

/// Calls the exit callbacks, also when another one panics or the task is dropped.
struct Exit<'a> {
    shared: &'a Shared,
}

impl Exit<'_> {
    fn call(self) {
        let shared = self.shared;
        std::mem::forget(self);
        shared.call(|all| &all.exit, &());
    }
}

impl Drop for Exit<'_> {
    fn drop(&mut self) {
        // A panic in here while another one unwinds would end the process; it was reported.
        let call = AssertUnwindSafe(|| self.shared.call(|all| &all.exit, &()));
        let _ = std::panic::catch_unwind(call);
    }
}

#[cfg(all(test, feature = "reqwest"))]
mod tests {
    use super::*;

    #[test]
    fn the_delay_of_new_is_the_wait_each_time() {
        let delay = Duration::from_secs(7);
        let client = Client::new("http://h/", Method::GET, delay).unwrap();
        let expected = format!("{:?}", RetryPolicy::fixed(delay));
        assert!(format!("{client:?}").contains(&expected), "{client:?}, not {expected}");
    }
}
