//! A server of its own: listener, hooks, persistence and a graceful end behind two calls.

mod error;
mod options;

use crate::{Body, LongPoll};
use bytes::Bytes;
use http::Response;
use rt_broker::{Broker, Engine, MemoryEngine};
use rt_serve::Running;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

pub use error::Error;
#[cfg(feature = "file")]
pub use options::FilePersistor;
pub use options::ServerOptions;

/// A long poll server that is accepting.
///
/// Dropping it lets it run on; [`stop`](Self::stop) ends it.
///
/// ```
/// use lp_server::{Server, ServerOptions, basic_auth};
/// use std::time::Duration;
///
/// # #[tokio::main] async fn main() -> Result<(), lp_server::Error> {
/// let options = ServerOptions::new("127.0.0.1:0".parse().expect("an address"))
///     .max_timeout(Duration::from_secs(120))
///     .paths("/events", "/publish")
///     .polls(|polls| polls.before_publish(basic_auth("publisher", "correct horse")));
/// let server = Server::start(options).await?;
/// println!("polls at http://{}/events", server.local_addr());
/// server.stop(Duration::from_secs(5)).await?;
/// # Ok(()) }
/// ```
pub struct Server {
    long_poll: LongPoll,
    address: SocketAddr,
    /// Held by who is stopping it: a second call waits for the first.
    running: Mutex<Option<Running>>,
    store: Store,
}

/// What is to be flushed at the end.
enum Store {
    Memory,
    #[cfg(feature = "file")]
    File(Arc<rt_broker::FileEngine>),
}

impl Server {
    /// Starts a server, and returns once its port is bound and its store is open.
    ///
    /// # Errors
    /// When the store cannot be opened or the server cannot listen on the address. Nothing runs then.
    ///
    /// # Panics
    /// When called outside of a Tokio runtime.
    pub async fn start(options: ServerOptions) -> Result<Self, Error> {
        let ServerOptions { address, bounds, limits, on_accept_error, polls, .. } = options;
        let mut builder = rt_serve::Server::builder().limits(limits);
        if let Some(callback) = on_accept_error {
            builder = builder.on_accept_error(move |error| callback(error));
        }
        let listener = builder.bind(address).map_err(Error::listen)?;
        #[cfg(feature = "file")]
        let persistor = options.persistor;
        #[cfg(feature = "file")]
        let (engine, store): (Arc<dyn Engine>, _) = match persistor {
            Some(persistor) => {
                let engine = Arc::new(persistor.open(bounds).await?);
                (engine.clone(), Store::File(engine))
            }
            None => (in_memory(bounds), Store::Memory),
        };
        #[cfg(not(feature = "file"))]
        let (engine, store) = (in_memory(bounds), Store::Memory);

        let long_poll = polls(LongPoll::builder(Broker::builder_shared(engine).build())).build();
        warn_if_open(listener.local_addr(), &long_poll);
        let fast = long_poll.clone();
        let running = listener
            .serve_with_fast_path(long_poll.service(), move |request, peer| {
                fast.answer_small(request, peer)
            })
            .before_drain({
                let long_poll = long_poll.clone();
                move || long_poll.shutdown()
            });
        let address = running.local_addr();
        tokio::spawn(sweep(long_poll.clone()));
        Ok(Self { long_poll, address, running: Mutex::new(Some(running)), store })
    }

    /// The address it listens on, with its real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What answers, to publish from inside and to look at.
    #[must_use]
    pub fn long_poll(&self) -> &LongPoll {
        &self.long_poll
    }

    /// Stops: takes no connection any more, answers the waiting polls, waits for what is under way,
    /// closes at the deadline what is left, and flushes the store. Says how many connections were
    /// cut. A second call finds nothing to do.
    ///
    /// # Errors
    /// When acknowledged publications could not be written to the store.
    pub async fn stop(&self, deadline: Duration) -> Result<usize, Error> {
        let mut running = self.running.lock().await;
        let cut = match running.take() {
            Some(running) => running.shutdown(deadline).await.cut,
            None => 0,
        };
        // In a second call too: the first one may have been dropped midway.
        match &self.store {
            Store::Memory => Ok(cut),
            #[cfg(feature = "file")]
            Store::File(engine) => engine.close().await.map(|()| cut).map_err(Error::store),
        }
    }
}

impl LongPoll {
    /// Answers on [`rt_serve`]'s fast path what goes to one of the two paths; all else is left to
    /// the service.
    pub fn answer_small(
        &self,
        mut request: http::Request<Bytes>,
        peer: SocketAddr,
    ) -> Option<crate::hook::BoxFuture<Response<Bytes>>> {
        let options = &self.inner.options;
        if options.before_subscribe.is_some() || options.before_publish.is_some() {
            // As on the general way: hooks may ask who it is.
            request.extensions_mut().insert(peer);
        }
        let path = request.uri().path();
        if *path == *options.subscribe_path {
            let answer = self.subscribe(&request.into_parts().0);
            return Some(Box::pin(async move { answer.await.map(Body::into_bytes) }));
        }
        (*path == *options.publish_path).then(|| -> crate::hook::BoxFuture<_> {
            let long_poll = self.clone();
            let request = request.map(http_body_util::Full::new);
            Box::pin(async move { long_poll.publish(request).await.map(Body::into_bytes) })
        })
    }
}

fn in_memory(bounds: rt_broker::Bounds) -> Arc<dyn Engine> {
    Arc::new(MemoryEngine::builder().bounds(bounds).build())
}

/// Warns if other machines can reach a server that lets anyone publish.
fn warn_if_open(address: SocketAddr, long_poll: &LongPoll) {
    let options = &long_poll.inner.options;
    if !address.ip().is_loopback() && options.before_publish.is_none() {
        tracing::warn!(
            %address,
            "anybody who reaches this address may publish: set a `before_publish` hook, or listen on 127.0.0.1"
        );
    }
}

/// Frees what has grown too old in categories that nobody uses any more.
async fn sweep(long_poll: LongPoll) {
    let mut due = tokio::time::interval(Duration::from_secs(5));
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !long_poll.inner.wait.is_closed() {
        due.tick().await;
        long_poll.broker().sweep();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}
