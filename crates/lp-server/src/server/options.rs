//! A server's options.

use crate::LongPollBuilder;
use rt_broker::Bounds;
use rt_serve::Limits;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

type AcceptError = Arc<dyn Fn(&io::Error) + Send + Sync>;
type Polls = Box<dyn FnOnce(LongPollBuilder) -> LongPollBuilder + Send>;

/// What a [`Server`](super::Server) listens on, keeps and allows.
pub struct ServerOptions {
    pub(super) address: SocketAddr,
    pub(super) bounds: Bounds,
    pub(super) limits: Limits,
    pub(super) on_accept_error: Option<AcceptError>,
    pub(super) polls: Polls,
    #[cfg(feature = "file")]
    pub(super) persistor: Option<FilePersistor>,
}

impl ServerOptions {
    /// A server on this address (port 0: any that is free), in memory, with golongpoll's defaults.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            bounds: Bounds::new(),
            limits: Limits::default(),
            on_accept_error: None,
            polls: Box::new(|polls| polls),
            #[cfg(feature = "file")]
            persistor: None,
        }
    }

    /// The longest that a poll may ask to wait (default 110 s).
    #[must_use]
    pub fn max_timeout(self, timeout: Duration) -> Self {
        self.polls(move |polls| polls.max_timeout(timeout))
    }

    /// The two paths (default `/events` and `/publish`).
    #[must_use]
    pub fn paths(self, subscribe: impl Into<String>, publish: impl Into<String>) -> Self {
        let (subscribe, publish) = (subscribe.into(), publish.into());
        self.polls(move |polls| polls.paths(subscribe, publish))
    }

    /// How much a category holds: golongpoll's MaxEventBufferSize (`count`, default 250),
    /// EventTimeToLiveSeconds (`age`, default for ever) and DeleteEventAfterFirstRetrieval
    /// (`delete_after_retrieval`, default off), and a bound in bytes (default 1 MiB).
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// The limits on connections, heads and bodies.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Calls `callback` when accepting a connection fails later (too many open files, as a rule);
    /// the server goes on trying.
    #[must_use]
    pub fn on_accept_error(
        mut self,
        callback: impl Fn(&io::Error) + Send + Sync + 'static,
    ) -> Self {
        self.on_accept_error = Some(Arc::new(callback));
        self
    }

    /// Everything else, as a [`LongPollBuilder`] has it: hooks before subscribing and publishing,
    /// other origins, bounds on polls. May be called several times.
    #[must_use]
    pub fn polls(
        mut self,
        set: impl FnOnce(LongPollBuilder) -> LongPollBuilder + Send + 'static,
    ) -> Self {
        let before = self.polls;
        self.polls = Box::new(move |polls| set(before(polls)));
        self
    }

    /// Keeps events in a file store, so that they survive the process.
    #[cfg(feature = "file")]
    #[must_use]
    pub fn persist(mut self, persistor: FilePersistor) -> Self {
        self.persistor = Some(persistor);
        self
    }
}

/// Parses an address as golongpoll's `ListenAddress` writes it: `127.0.0.1:8080`, `[::1]:8080`,
/// `localhost:8080`, or `:8080` for all IPv4 addresses of this machine (`[::]:8080` is for IPv6 as well,
/// where the system allows it). In all else the options are those of [`ServerOptions::new`].
///
/// ```
/// use lp_server::ServerOptions;
///
/// let options: ServerOptions = ":8080".parse()?;
/// # Ok::<(), lp_server::Error>(())
/// ```
impl std::str::FromStr for ServerOptions {
    type Err = super::Error;

    fn from_str(address: &str) -> Result<Self, super::Error> {
        let (host, port) = match address.strip_prefix("localhost:") {
            Some(port) => ("127.0.0.1:", port),
            None => address.strip_prefix(':').map_or(("", address), |port| ("0.0.0.0:", port)),
        };
        let full = format!("{host}{port}").parse();
        full.map(Self::new).map_err(|_| super::Error::address(address))
    }
}

/// Where events are kept, and when they are on the disk.
///
/// ```
/// use lp_server::FilePersistor;
/// use std::time::Duration;
/// // Each publication is acknowledged once it is on the disk.
/// let safe = FilePersistor::new("events.store");
/// // Or as golongpoll writes them: by buffer and period.
/// let quick = FilePersistor::new("events.store").group(4096, Duration::from_secs(2));
/// ```
#[cfg(feature = "file")]
#[derive(Clone, Debug)]
pub struct FilePersistor {
    path: std::path::PathBuf,
    durability: rt_broker::Durability,
}

#[cfg(feature = "file")]
impl FilePersistor {
    /// A store in this folder, made where there is none; a publication is acknowledged once it is
    /// on the disk.
    #[must_use]
    pub fn new(path: impl Into<std::path::PathBuf>) -> Self {
        Self { path: path.into(), durability: rt_broker::Durability::Always }
    }

    /// Acknowledges at once; on the disk once `write_buffer` bytes wait, or after `flush_period`.
    #[must_use]
    pub fn group(mut self, write_buffer: usize, flush_period: Duration) -> Self {
        self.durability =
            rt_broker::Durability::Group { bytes: write_buffer, period: flush_period };
        self
    }

    /// Acknowledges at once; on the disk when the system sees fit.
    #[must_use]
    pub fn unsynced(mut self) -> Self {
        self.durability = rt_broker::Durability::None;
        self
    }

    pub(super) async fn open(self, bounds: Bounds) -> Result<rt_broker::FileEngine, super::Error> {
        let Self { path, durability } = self;
        if path.is_file() {
            let why = format!(
                "{} is a file, and a store is a folder; if golongpoll wrote the file, open a store in a \
                 new folder and read it in with `lp_server::import_golongpoll`",
                path.display()
            );
            return Err(super::Error::store(rt_broker::Error::unavailable(
                "it cannot be opened",
                why,
            )));
        }
        let open = move || {
            rt_broker::FileEngine::builder(path).durability(durability).bounds(bounds).open()
        };
        let opened = tokio::task::spawn_blocking(open).await;
        let ended = |error: tokio::task::JoinError| {
            rt_broker::Error::unavailable("opening it was ended", error)
        };
        opened.map_err(ended).and_then(|opened| opened).map_err(super::Error::store)
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("address", &self.address)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
