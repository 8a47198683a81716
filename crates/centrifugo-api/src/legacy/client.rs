//! The client.
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::header::{HeaderName, HeaderValue};
use rt_common::Secret;

use super::buffer::Buffer;
use super::call::{Call, json};
use super::{
    ClientBuilder, ClientInfo, Message, NodeInfo, Response, Responses, Stats, decode,
    generate_api_sign,
};
use crate::exchange::Exchange;
use crate::{Error, Payload};

/// The header that has the sign.
pub(super) const SIGN: HeaderName = HeaderName::from_static("x-api-sign");

/// A client of the legacy server API; see the [module](crate::legacy).
///
/// The methods that send one command take `&self`: an `Arc` of a client serves many tasks. They fail
/// with [`Error::is_not_empty`] while the buffer has commands, which would otherwise be forgotten;
/// they do not touch it. The buffer belongs to one task (`&mut self`). A client is not `Clone`, so
/// that no command is sent twice; two that share connections are made with one
/// [`http_client`](ClientBuilder::http_client).
///
/// # Errors of each method
/// - [`Error::is_command`]: the server answered the command with an error; [`Error::message`] has
///   its words, [`Error::advice`] its advice.
/// - [`Error::status`]: it refused the whole request: 401 for a wrong sign
///   ([`Error::is_unauthorized`]), 400 where a sign was expected, 503 while it shuts down.
///   [`Error::body`] has the first bytes of what it said.
/// - [`Error::is_malformed`]: the answer is not of this API, or not to these commands.
/// - [`Error::is_timeout`], [`Error::is_connect`], and what else goes wrong on the way.
/// - [`Error::is_builder`]: the payload is not JSON, or the channel of a publication is empty.
///   Nothing was sent.
pub struct Client {
    config: Config,
    buffer: Buffer,
}

/// What each request needs to know.
pub(super) struct Config {
    pub(super) uri: Uri,
    pub(super) secret: Option<Secret>,
    pub(super) timeout: Duration,
    pub(super) max_buffer_bytes: usize,
    pub(super) exchange: Exchange,
}

impl Client {
    /// A client of the server at this `http` or `https` URL, with the project's secret, whose
    /// requests may take as long as `timeout`. The URL may end in `/api` or not.
    ///
    /// # Errors
    /// Those of [`ClientBuilder::build`]; an empty secret is one.
    pub fn new(
        endpoint: impl Into<String>,
        secret: impl Into<Secret>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        Self::builder(endpoint).secret(secret).timeout(timeout).build()
    }

    /// A client that sends no sign: for a server with `insecure_api`, whose endpoint a firewall
    /// protects.
    ///
    /// # Errors
    /// Those of [`ClientBuilder::build`].
    pub fn insecure(endpoint: impl Into<String>, timeout: Duration) -> Result<Self, Error> {
        Self::builder(endpoint).insecure().timeout(timeout).build()
    }

    /// Describes a client that needs more than [`Client::new`] says.
    pub fn builder(endpoint: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(endpoint.into())
    }

    pub(super) fn from_config(config: Config) -> Self {
        let buffer = Buffer::new(config.max_buffer_bytes);
        Self { config, buffer }
    }

    /// Publishes to a channel.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn publish(&self, channel: &str, data: impl Into<Payload>) -> Result<(), Error> {
        let data = data.into();
        let response =
            self.one(&Call::Publish { channel, data: json(&data)?, client: None }).await?;
        decode::decode_publish(response.ok()?)
    }

    /// Publishes to a channel, on behalf of the connection with the id `client`.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn publish_client(
        &self,
        channel: &str,
        data: impl Into<Payload>,
        client: &str,
    ) -> Result<(), Error> {
        let data = data.into();
        let response =
            self.one(&Call::Publish { channel, data: json(&data)?, client: Some(client) }).await?;
        decode::decode_publish(response.ok()?)
    }

    /// Publishes the same to several channels. Servers know it from 1.2.0 on.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn broadcast(
        &self,
        channels: &[impl AsRef<str>],
        data: impl Into<Payload>,
    ) -> Result<(), Error> {
        let data = data.into();
        let response = self
            .one(&Call::Broadcast { channels: strs(channels), data: json(&data)?, client: None })
            .await?;
        decode::decode_broadcast(response.ok()?)
    }

    /// Publishes the same to several channels, on behalf of the connection with the id `client`.
    /// Servers know it from 1.2.0 on.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn broadcast_client(
        &self,
        channels: &[impl AsRef<str>],
        data: impl Into<Payload>,
        client: &str,
    ) -> Result<(), Error> {
        let data = data.into();
        let response = self
            .one(&Call::Broadcast {
                channels: strs(channels),
                data: json(&data)?,
                client: Some(client),
            })
            .await?;
        decode::decode_broadcast(response.ok()?)
    }

    /// Ends the subscription of a user to a channel; to all of them, if the channel is `""`.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn unsubscribe(&self, channel: &str, user: &str) -> Result<(), Error> {
        let response = self.one(&Call::Unsubscribe { channel, user }).await?;
        decode::decode_unsubscribe(response.ok()?)
    }

    /// Ends the connections of a user.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn disconnect(&self, user: &str) -> Result<(), Error> {
        let response = self.one(&Call::Disconnect { user }).await?;
        decode::decode_disconnect(response.ok()?)
    }

    /// Who is in a channel, by the id of the connection. The channel's namespace must have
    /// presence.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn presence(&self, channel: &str) -> Result<BTreeMap<String, ClientInfo>, Error> {
        let response = self.one(&Call::Presence { channel }).await?;
        decode::decode_presence(response.ok()?)
    }

    /// The last messages of a channel, newest first. The channel's namespace must have history.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn history(&self, channel: &str) -> Result<Vec<Message>, Error> {
        let response = self.one(&Call::History { channel }).await?;
        decode::decode_history(response.ok()?)
    }

    /// The channels that have subscribers.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn channels(&self) -> Result<Vec<String>, Error> {
        let response = self.one(&Call::Channels).await?;
        decode::decode_channels(response.ok()?)
    }

    /// What the nodes of the server say about themselves.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn stats(&self) -> Result<Stats, Error> {
        let response = self.one(&Call::Stats).await?;
        decode::decode_stats(response.ok()?)
    }

    /// What the node that answers says about itself. Servers know it from 1.4.0 on.
    ///
    /// # Errors
    /// Those of [`Client`].
    pub async fn node(&self) -> Result<NodeInfo, Error> {
        let response = self.one(&Call::Node).await?;
        decode::decode_node(response.ok()?)
    }

    async fn one(&self, call: &Call<'_>) -> Result<Response, Error> {
        if !self.is_empty() {
            return Err(Error::not_empty());
        }
        let mut buffer = Buffer::new(self.config.max_buffer_bytes);
        buffer.add(call)?;
        let responses = self.config.post(buffer.body(), buffer.methods()).await?;
        Ok(responses.into_iter().next().expect("`post` gives as many answers as commands"))
    }

    pub(super) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    pub(super) fn parts(&mut self) -> (&Config, &mut Buffer) {
        (&self.config, &mut self.buffer)
    }
}

impl Config {
    /// Signs and posts the body; takes an answer to each of the methods.
    pub(super) async fn post(&self, body: Bytes, methods: &[&str]) -> Result<Responses, Error> {
        let sign = self.sign(&body);
        let reply = self.exchange.post(&self.uri, sign, body, self.timeout).await?;
        Responses::to(methods, &reply.body).map_err(|(what, error)| reply.malformed(&what, error))
    }

    fn sign(&self, body: &[u8]) -> Option<(HeaderName, HeaderValue)> {
        let sign = generate_api_sign(self.secret.as_ref()?.expose(), body);
        let mut value = HeaderValue::try_from(sign).expect("hex digits fit in a header");
        // Whoever reads it in a log could send the same body again.
        value.set_sensitive(true);
        Some((SIGN, value))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &rt_common::redact_url(&self.config.uri.to_string()))
            .field("signed", &self.config.secret.is_some())
            .field("timeout", &self.config.timeout)
            .field("buffered", &self.len())
            .finish_non_exhaustive()
    }
}

/// The texts of a slice of strings of any kind.
pub(super) fn strs(channels: &[impl AsRef<str>]) -> Vec<&str> {
    channels.iter().map(AsRef::as_ref).collect()
}

#[cfg(all(test, feature = "reqwest"))]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_not_shown_by_transports_that_log_headers() {
        let client = Client::new("http://h", "secret", Duration::from_secs(1)).unwrap();
        let (name, value) = client.config.sign(b"[]").unwrap();
        assert_eq!((name.as_str(), value.is_sensitive()), ("x-api-sign", true));
        let client = Client::insecure("http://h", Duration::from_secs(1)).unwrap();
        assert!(client.config.sign(b"[]").is_none());
    }

    #[test]
    fn futures_go_to_other_threads() {
        fn sent<T: Send>(it: T) -> T {
            it
        }
        let mut client = Client::insecure("http://h", Duration::from_secs(1)).unwrap();
        drop(sent(client.publish("c", "data")));
        drop(sent(client.presence("c")));
        drop(sent(client.send()));
    }
}
