//! A server that answers as Centrifugo does, for tests of programs that use this crate.
//!
//! It keeps everything in memory, on a free port of 127.0.0.1, and ends with its handle. It has the
//! whole API of [`Client`] in both [forms](crate::Form), remembers what it was asked,
//! pretends connections, and fails when it is told to. It sends nothing to anybody: no subscriber can
//! connect to it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use centrifugo_api::test_server::TestServer;
//! use centrifugo_api::{ErrorCode, Publish};
//!
//! let server = TestServer::start().await?;
//! let client = server.client()?; // Or a client of your program's, with `server.endpoint()` and "key".
//! client.publish(Publish::new("news", "hello")).await?;
//! assert_eq!(server.publications("news"), ["hello"]);
//! assert_eq!(server.requests()[0].method, "publish");
//!
//! server.connect("42", "client-1", ["news"]);
//! assert_eq!(client.presence_stats("news").await?.num_users, 1);
//!
//! server.fail_next("publish", ErrorCode::Internal);
//! let error = client.publish(Publish::new("news", "lost")).await.unwrap_err();
//! assert_eq!(error.code(), Some(ErrorCode::Internal));
//! # Ok(())
//! # }
//! ```
mod channel;
mod form;
mod http;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::{Client, Error, ErrorCode, Secret, StatusCode};

pub use channel::ChannelOptions;
use state::State;

/// A running server; dropping it ends it. See the [module](self).
#[derive(Debug)]
pub struct TestServer {
    addr: SocketAddr,
    key: Secret,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

/// How a server is to be; see [`TestServer::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TestServerBuilder {
    key: Secret,
    plain: ChannelOptions,
    namespaces: Vec<(String, ChannelOptions)>,
}

/// A request that came, by itself or in a batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// Its method.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

#[derive(Debug)]
struct Shared {
    key: Secret,
    state: Mutex<State>,
}

impl TestServer {
    /// Starts a server whose key is `key`, and whose channels all have history and presence. It must
    /// be within a Tokio runtime.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> std::io::Result<Self> {
        Self::builder().start().await
    }

    /// Describes a server.
    pub fn builder() -> TestServerBuilder {
        let plain = ChannelOptions::new();
        TestServerBuilder { key: "key".into(), plain, namespaces: Vec::new() }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint for clients.
    pub fn endpoint(&self) -> String {
        format!("http://{}/api", self.addr)
    }

    /// A client of this server.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn client(&self) -> Result<Client, Error> {
        Client::new(self.endpoint(), self.key.clone())
    }

    /// The data that was published to a channel, oldest first; what its history no longer holds too.
    pub fn publications(&self, channel: &str) -> Vec<Value> {
        self.state().published(channel)
    }

    /// All requests that came with the right key, oldest first; those of a batch one by one, after
    /// the batch.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state().requests().to_vec()
    }

    /// Pretends a connection of this user, with this client id, that is subscribed to these channels.
    pub fn connect<C: Into<String>>(
        &self,
        user: &str,
        client: &str,
        channels: impl IntoIterator<Item = C>,
    ) {
        self.state().connect(user, client, channels.into_iter().map(Into::into).collect());
    }

    /// The client ids of the pretended connections, in the order of their names.
    pub fn connections(&self) -> Vec<String> {
        self.state().connections()
    }

    /// Answers an `rpc` call of this method with this data.
    pub fn answer_rpc(&self, method: &str, data: Value) {
        self.state().answer_rpc(method, data);
    }

    /// Answers the next request of this method with an error, without doing it.
    pub fn fail_next(&self, method: &str, code: ErrorCode) {
        self.state().fail_next(method, code);
    }

    /// Answers the next HTTP request with this status and text, without doing it.
    pub fn answer_next(&self, status: StatusCode, text: &str) {
        self.state().answer_next(status, text);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl TestServerBuilder {
    /// The key that it asks for (default: `key`).
    pub fn key(mut self, key: impl Into<Secret>) -> Self {
        self.key = key.into();
        self
    }

    /// Options of the channels without a namespace (default: [`ChannelOptions::new`]).
    pub fn channels(mut self, options: ChannelOptions) -> Self {
        self.plain = options;
        self
    }

    /// Configures a namespace: what its channels (`name:…`) have. A channel of a namespace that is not
    /// configured is unknown ([`ErrorCode::UnknownChannel`]), as on the real server.
    pub fn namespace(mut self, name: impl Into<String>, options: ChannelOptions) -> Self {
        self.namespaces.push((name.into(), options));
        self
    }

    /// Starts it, within a Tokio runtime.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(self) -> std::io::Result<TestServer> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let state = Mutex::new(State::new(self.plain, self.namespaces));
        let shared = Arc::new(Shared { key: self.key.clone(), state });
        let serving = tokio::spawn(http::serve(listener, Arc::clone(&shared)));
        Ok(TestServer { addr, key: self.key, shared, serving })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Its connections end with it.
        self.serving.abort();
    }
}
