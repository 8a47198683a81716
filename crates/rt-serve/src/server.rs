//! Listening, accepting, and ending it all with one call.

use crate::connection::{self, End, Shared};
use crate::refuse::Refuser;
use crate::workers::Workers;
use crate::{Error, FastPath, Limits, Serves};
use bytes::Bytes;
use http::{Request, Response};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::collections::HashMap;
use std::fmt;
use std::future::Pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Hook = Box<dyn FnOnce() + Send>;
type AcceptError = Arc<dyn Fn(&io::Error) + Send + Sync>;

/// A bound listener; [`serve`](Self::serve) starts it.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
    on_accept_error: Option<AcceptError>,
    #[cfg(feature = "http2")]
    http2: bool,
}

/// Sets up a [`Server`].
#[derive(Default)]
pub struct ServerBuilder {
    limits: Limits,
    on_accept_error: Option<AcceptError>,
    #[cfg(feature = "http2")]
    http2: bool,
}

/// A server that is accepting. Dropping it lets the server run on; [`shutdown`](Self::shutdown)
/// ends it.
pub struct Running {
    address: SocketAddr,
    accepting: CancellationToken,
    end: End,
    tasks: TaskTracker,
    hooks: Vec<Hook>,
}

/// How a shutdown went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that were closed at the deadline with something still under way.
    pub cut: usize,
}

impl ServerBuilder {
    /// The limits on connections, heads and bodies.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Calls `callback` when accepting a connection fails (too many open files, as a rule). The
    /// server goes on trying.
    #[must_use]
    pub fn on_accept_error(
        mut self,
        callback: impl Fn(&io::Error) + Send + Sync + 'static,
    ) -> Self {
        self.on_accept_error = Some(Arc::new(callback));
        self
    }

    /// Takes HTTP/2 with prior knowledge as well (default: HTTP/1.1 only).
    #[cfg(feature = "http2")]
    #[must_use]
    pub fn http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }

    /// Listens on an address; port 0 is any that is free. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(self, address: SocketAddr) -> Result<Server, Error> {
        let listener = listen(address).map_err(|error| Error::new(address, error))?;
        let bound = listener.local_addr().map_err(|error| Error::new(address, error))?;
        Ok(Server {
            listener,
            address: bound,
            limits: self.limits,
            on_accept_error: self.on_accept_error,
            #[cfg(feature = "http2")]
            http2: self.http2,
        })
    }
}

impl Server {
    /// A server with default limits.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The address it listens on, with its real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections in the background and serves them, each with a clone of the service.
    pub fn serve<S: Serves>(self, service: S) -> Running {
        self.start(
            service,
            None::<fn(Request<Bytes>, SocketAddr) -> Option<Pending<Response<Bytes>>>>,
        )
    }

    /// As [`serve`](Self::serve), with a fast path beside the service for small requests: see
    /// [`FastPath`].
    pub fn serve_with_fast_path<S: Serves, F: FastPath>(self, service: S, path: F) -> Running {
        self.start(service, Some(path))
    }

    fn start<S: Serves, F: FastPath>(self, service: S, path: Option<F>) -> Running {
        let end = End::default();
        let tasks = TaskTracker::new();
        let accepting = CancellationToken::new();
        let shared = Arc::new(Shared {
            limits: self.limits.clone(),
            end: end.clone(),
            #[cfg(feature = "http2")]
            http2: self.http2,
        });
        let running = Running {
            address: self.address,
            accepting: accepting.clone(),
            end,
            tasks: tasks.clone(),
            hooks: Vec::new(),
        };
        let accept = self.accept(service, path, shared, tasks);
        tokio::spawn(async move {
            tokio::select! {
                () = accepting.cancelled() => {}
                () = accept => {}
            }
        });
        running
    }

    async fn accept<S: Serves, F: FastPath>(
        self,
        service: S,
        path: Option<F>,
        shared: Arc<Shared>,
        tasks: TaskTracker,
    ) {
        let home = tokio::runtime::Handle::current();
        let workers = path.as_ref().and_then(|_| start_workers(&shared.end.done));
        let open = Open::default();
        let refuser = Refuser::new();
        loop {
            let (stream, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        self.report(&error);
                        // Too many open files: some may be closed by then.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    continue;
                }
            };
            let Some(place) = open.place(peer.ip(), &self.limits, tasks.len()) else {
                refuser.refuse(stream);
                continue;
            };
            prepare(&stream, self.limits.write_timeout);
            let (service, shared) = (service.clone(), shared.clone());
            let Some(path) = path.clone() else {
                tasks.spawn(async move {
                    connection::run(stream, peer, service, shared).await;
                    drop(place);
                });
                continue;
            };
            let stream = stream.into_std();
            let (tracker, home) = (tasks.clone(), home.clone());
            let fast = async move {
                let Ok(stream) = stream.and_then(TcpStream::from_std) else { return drop(place) };
                let other = connection::run_fast(stream, peer, &path, &shared).await;
                let Some((unread, stream)) = other else { return drop(place) };
                // A task of its own, so that neither way is larger for the other.
                let stream = stream.into_std();
                let slow = async move {
                    if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                        connection::go_on(unread, stream, peer, service, shared).await;
                    }
                    drop(place);
                };
                tracker.spawn_on(slow, &home);
            };
            match &workers {
                Some(workers) => tasks.spawn_on(fast, workers.next()),
                None => tasks.spawn(fast),
            };
        }
    }

    fn report(&self, error: &io::Error) {
        tracing::warn!(%error, "cannot accept a connection");
        if let Some(callback) = &self.on_accept_error {
            callback(error);
        }
    }
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.tasks.len()
    }

    /// Calls `hook` at shutdown, after accepting has stopped and before connections are drained:
    /// what ends open streams, which would hold up the drain for ever.
    #[must_use]
    pub fn before_drain(mut self, hook: impl FnOnce() + Send + 'static) -> Self {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Stops accepting, ends the streams through the hooks, lets every connection finish what it
    /// is doing, and closes at the deadline what has not.
    pub async fn shutdown(self, deadline: Duration) -> Drained {
        self.accepting.cancel();
        self.hooks.into_iter().for_each(|hook| hook());
        self.end.draining.store(true, Ordering::Release);
        self.end.drain.cancel();
        self.tasks.close();
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok() {
            self.end.done.cancel();
            return Drained { cut: 0 };
        }
        let cut = self.tasks.len();
        self.end.kill.cancel();
        self.tasks.wait().await;
        self.end.done.cancel();
        Drained { cut }
    }
}

/// Threads for the fast path; without them it is slower, but it serves.
fn start_workers(end: &CancellationToken) -> Option<Workers> {
    let started = Workers::start(end);
    started.inspect_err(|error| tracing::warn!(%error, "no threads for the fast path")).ok()
}

/// Open connections by address; only kept where an address has a limit.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection's place in the count of its address.
struct Place(Option<(Open, IpAddr)>);

impl Open {
    fn place(&self, address: IpAddr, limits: &Limits, open: usize) -> Option<Place> {
        if open >= limits.connections {
            return None;
        }
        let Some(limit) = limits.connections_per_address.filter(|_| !address.is_loopback()) else {
            return Some(Place(None));
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place(Some((self.clone(), address))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((open, address)) = &self.0 else { return };
        let mut counts = open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(address);
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again must not wait for its old connections' last packets.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Thousands of clients come back at once after a restart.
    socket.listen(4096)?;
    TcpListener::from_std(socket.into())
}

/// Small writes leave at once, and a peer that vanished is found by the kernel.
fn prepare(stream: &TcpStream, write_timeout: Duration) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    let set = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keepalive));
    #[cfg(target_os = "linux")]
    let set = set.and_then(|()| socket.set_tcp_user_timeout(Some(write_timeout)));
    #[cfg(not(target_os = "linux"))]
    let _ = write_timeout;
    if let Err(error) = set {
        tracing::debug!(%error, "cannot set an option of a connection");
    }
}

/// Errors that say something of the connection that was to be accepted, not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.connections();
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("connections", &connections)
            .finish_non_exhaustive()
    }
}
