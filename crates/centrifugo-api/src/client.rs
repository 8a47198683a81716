//! The client of today's API.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use rt_common::Redactor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::Url;

use crate::batch::Shape;
use crate::exchange::{Exchange, Reply};
use crate::idempotency::Keys;
use crate::request::{self, Repeat, Request};
use crate::uris::Uris;
use crate::wire::{self, Envelope, Object};
use crate::{
    AutoBatch, AutoBatchOptions, Batch, BroadcastResult, ChannelsResult, ClientBuilder, Error,
    Form, HistoryResult, InfoResult, MapChangeResult, MapReadStateResult, MapReadStreamResult,
    MapStatsResult, PresenceResult, PresenceStatsResult, PublishResult, Replies, RetryPolicy,
    RpcResult, attempts, replies,
};

/// A client of one server's API (Centrifugo 3 to 6); a cheap clone, with the connections shared.
///
/// Each method takes its request: built where it has options, the channel's name alone where that is
/// all.
///
/// ```no_run
/// # async fn run() -> Result<(), centrifugo_api::Error> {
/// use centrifugo_api::{Client, ErrorCode, History, Publish};
/// use serde_json::json;
///
/// let client = Client::new("http://localhost:8000/api", "key")?;
/// let published = client.publish(Publish::new("news", json!({"text": "hello"}))).await?;
/// println!("number {:?}", published.offset);
///
/// for (client, info) in client.presence("news").await?.presence {
///     println!("{client} is {}", info.user);
/// }
/// match client.history(History::new("news").limit(10)).await {
///     Ok(history) => println!("{} publications", history.publications.len()),
///     Err(error) if error.code() == Some(ErrorCode::NotAvailable) => println!("no history"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Of every call: no connection, a deadline, a refused key ([`Error::is_unauthorized`]), an answer
/// that is not this API's ([`Error::is_malformed`]), and what the server answers with a code
/// ([`Error::code`]). A call is tried again as [`RetryPolicy`] says, when that does no harm.
#[derive(Clone)]
pub struct Client {
    config: Arc<Config>,
    timeout: Duration,
}

/// What a builder describes.
pub(crate) struct Config {
    pub(crate) exchange: Exchange,
    pub(crate) endpoint: Url,
    pub(crate) uris: Uris,
    pub(crate) form: Form,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) keys: Option<Keys>,
    /// Whether a call has succeeded: a failure before that may be a mistake in the setup.
    pub(crate) proven: AtomicBool,
}

impl Client {
    /// A client of the server at this endpoint (`http://localhost:8000/api`; a missing `/api` is
    /// added), with this API key.
    ///
    /// # Errors
    /// When the endpoint is not valid or the key is empty, with [`Error::is_builder`]; or there is no
    /// HTTP client.
    pub fn new(
        endpoint: impl Into<String>,
        key: impl Into<rt_common::Secret>,
    ) -> Result<Self, Error> {
        Self::builder(endpoint).key(key).build()
    }

    /// Describes a client of the server at this endpoint.
    pub fn builder(endpoint: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(endpoint.into())
    }

    /// This client with another deadline for its calls.
    ///
    /// ```no_run
    /// # async fn run(client: centrifugo_api::Client) -> Result<(), centrifugo_api::Error> {
    /// use std::time::Duration;
    ///
    /// client.with_timeout(Duration::from_millis(500)).presence("news").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { config: Arc::clone(&self.config), timeout }
    }

    /// Sends any request.
    pub async fn send<R: Request>(&self, mut request: R) -> Result<R::Result, Error> {
        if let Some(keys) = &self.config.keys {
            request.offer_key(|| keys.next());
        }
        if let Some(mistake) = request.mistake() {
            return Err(Error::shared(mistake));
        }
        let repeat = self.repeat(request.repeat());
        match Shape::of(&request) {
            Shape::Object => {
                let Object(result) = self.ask(R::METHOD, &request, repeat, Shape::Any).await?;
                Ok(result)
            }
            shape => self.ask(R::METHOD, &request, repeat, shape).await,
        }
    }

    /// Calls any method by its name, such as one of the paid edition or of a later version; `params`
    /// is its request, and the type asked for its result: an object (a
    /// [`Value`](https://docs.rs/serde_json/latest/serde_json/enum.Value.html) takes any, and
    /// [`EmptyResult`](crate::EmptyResult) one that says nothing). It is not repeated, unless nothing
    /// was done.
    ///
    /// ```no_run
    /// # async fn run(client: centrifugo_api::Client) -> Result<(), centrifugo_api::Error> {
    /// use serde_json::{Value, json};
    ///
    /// let status: Value = client.call("get_user_status", &json!({"users": ["42"]})).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; and a method's name that is none, with [`Error::is_builder`].
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
    ) -> Result<R, Error> {
        wire::check_method(method)?;
        self.ask(method, params, Repeat::Never, Shape::Any).await
    }

    /// Sends the commands of a batch in one request. The replies are there also when some of the
    /// commands failed; the error is that of the request as a whole.
    ///
    /// # Errors
    /// As every call. Then any of the commands may have been done.
    pub async fn batch(&self, batch: Batch) -> Result<Replies, Error> {
        let commands = batch.finish(self.config.form)?;
        if commands.is_empty() && self.config.form == Form::Lines {
            // The line form has no empty request.
            return Ok(commands.into_replies(Vec::new(), self.secrets()));
        }
        let body = commands.body();
        let outcomes = self
            .exchange("batch", body, self.repeat(commands.repeat()), |reply| commands.read(reply))
            .await?;
        Ok(commands.into_replies(outcomes, self.secrets()))
    }

    /// Joins concurrent calls into batches, as these options say.
    pub fn auto_batch(&self, options: AutoBatchOptions) -> AutoBatch {
        let keys = self.config.keys.as_ref().map(|_| Keys::new());
        AutoBatch::new(self.clone(), options, keys)
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Secrets that errors must not quote.
    pub(crate) fn secrets(&self) -> &Redactor {
        &self.config.exchange.secrets
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.config.endpoint.as_str()
    }

    pub(crate) fn from_config(config: Config) -> Self {
        let timeout = config.timeout;
        Self { config: Arc::new(config), timeout }
    }

    /// The line form is for servers that know no idempotency keys.
    fn repeat(&self, repeat: Repeat) -> Repeat {
        match (self.config.form, repeat) {
            (Form::Lines, Repeat::ByKey) => Repeat::Never,
            _ => repeat,
        }
    }

    async fn ask<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
        repeat: Repeat,
        shape: Shape,
    ) -> Result<R, Error> {
        let mut body = Vec::with_capacity(256);
        wire::write(&mut body, params, "request")?;
        if self.config.form == Form::Lines {
            let params = std::mem::take(&mut body);
            wire::line(&mut body, None, method, &params);
        }
        self.exchange(method, body.into(), repeat, |reply| self.read(method, shape, reply)).await
    }

    /// The result in an answer to a single request.
    fn read<R: DeserializeOwned>(
        &self,
        method: &str,
        shape: Shape,
        reply: &Reply,
    ) -> Result<R, Error> {
        let foreign = |error| reply.malformed("it is not an answer of this API", Some(error));
        let neither = || reply.malformed(wire::NEITHER, None);
        let outcome = match (self.config.form, shape) {
            // Most calls: read once, as the type that it is.
            (Form::Paths, Shape::Any) => {
                let envelope: Envelope<R> = serde_json::from_slice(&reply.body).map_err(foreign)?;
                return envelope.into_result(method).ok_or_else(neither)?;
            }
            (Form::Paths, _) => {
                let envelope: Envelope<&RawValue> =
                    serde_json::from_slice(&reply.body).map_err(foreign)?;
                let raw = envelope.into_result(method).ok_or_else(neither)?;
                raw.map(|raw| reply.body.slice_ref(raw.get().as_bytes()))
            }
            (Form::Lines, _) => {
                let mut lines = wire::lines(&reply.body).map_err(foreign)?;
                match (lines.pop(), lines.pop()) {
                    (Some(line), None) => line.map_err(|error| error.into_error(method)),
                    _ => return Err(reply.malformed("it is not one line", None)),
                }
            }
        };
        replies::read(outcome, shape, self.secrets()).map_err(|error| match error.is_data() {
            true => reply.malformed("its result is not of this method's type", error.into_data()),
            false => error,
        })
    }

    /// One call: its attempts, within its deadline.
    async fn exchange<T>(
        &self,
        method: &str,
        body: Bytes,
        repeat: Repeat,
        read: impl Fn(&Reply) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let uri = match self.config.form {
            Form::Paths => self.config.uris.of(method)?,
            Form::Lines => self.config.uris.endpoint.clone(),
        };
        let attempt = async |left| {
            let answer = self.config.exchange.post(&uri, None, body.clone(), left).await;
            answer
                .and_then(|reply| read(&reply))
                .map_err(|error| coded(method, error).redacted(self.secrets()))
        };
        let Config { retry, proven, .. } = &*self.config;
        attempts::run(retry, proven, method, repeat, self.timeout, attempt).await
    }
}

/// A method each.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident($request:ident) -> $result:ident;)*) => {
        impl Client {$(
            $(#[$doc])*
            pub async fn $name(
                &self,
                request: impl Into<request::$request>,
            ) -> Result<$result, Error> {
                self.send(request.into()).await
            }
        )*}
    };
}

methods! {
    /// Publishes data into a channel.
    publish(Publish) -> PublishResult;
    /// Publishes the same data into many channels. A channel that fails does not fail the others:
    /// its error stands in its place in the result.
    broadcast(Broadcast) -> BroadcastResult;
    /// Who is in a channel.
    presence(Presence) -> PresenceResult;
    /// How many are in a channel.
    presence_stats(PresenceStats) -> PresenceStatsResult;
    /// What was published to a channel, and its position.
    history(History) -> HistoryResult;
    /// Calls a method of the application's own, behind the server.
    rpc(Rpc) -> RpcResult;
    /// Sets a key of a map channel (from Centrifugo 6.8, as all methods on maps).
    map_publish(MapPublish) -> MapChangeResult;
    /// Removes a key of a map channel.
    map_remove(MapRemove) -> MapChangeResult;
    /// Returns the keys of a map channel and their values.
    map_read_state(MapReadState) -> MapReadStateResult;
    /// Returns the changes of a map channel.
    map_read_stream(MapReadStream) -> MapReadStreamResult;
    /// Returns the number of keys of a map channel.
    map_stats(MapStats) -> MapStatsResult;
}

/// A method each whose result says nothing.
macro_rules! silent_methods {
    ($($(#[$doc:meta])* $name:ident($request:ident);)*) => {
        impl Client {$(
            $(#[$doc])*
            pub async fn $name(
                &self,
                request: impl Into<request::$request>,
            ) -> Result<(), Error> {
                self.send(request.into()).await.map(|_| ())
            }
        )*}
    };
}

silent_methods! {
    /// Subscribes a user's connections to a channel.
    subscribe(Subscribe);
    /// Ends a user's subscriptions to a channel.
    unsubscribe(Unsubscribe);
    /// Closes a user's connections. A user who is not there is no error.
    disconnect(Disconnect);
    /// Gives a user's connections another time to live.
    refresh(Refresh);
    /// Drops what was published to a channel.
    history_remove(HistoryRemove);
    /// Removes all keys of a map channel.
    map_clear(MapClear);
    /// Sets a key that subscribers poll together (from Centrifugo 6.8).
    shared_poll_publish(SharedPollPublish);
}

impl Client {
    /// The channels that have subscribers: all of them, or those of
    /// [`Channels::pattern`](request::Channels::pattern).
    pub async fn channels(
        &self,
        request: impl Into<request::Channels>,
    ) -> Result<ChannelsResult, Error> {
        self.send(request.into()).await
    }

    /// The nodes of the server.
    pub async fn info(&self) -> Result<InfoResult, Error> {
        self.send(request::Info::new()).await
    }
}

/// An error with a status of its own has its code in the body.
fn coded(method: &str, error: Error) -> Error {
    match (error.status(), wire::ErrorObject::of_body(error.body())) {
        // Other servers on the way have codes in their bodies, too.
        (Some(status), Some((code, message))) if code.comes_with(status) => {
            error.with_code(method, code, message)
        }
        _ => error,
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &rt_common::redact_url(self.config.endpoint.as_str()))
            .field("form", &self.config.form)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
