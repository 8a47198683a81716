//! Many commands in one request.
use super::call::{Call, json};
use super::client::strs;
use super::{Client, Command, Responses};
use crate::{Error, Payload};

/// The command buffer.
///
/// # Errors of `add_…`
/// - [`Error::is_builder`]: the payload is not JSON, or the channel of a publication is empty (for
///   that the server fails the whole request).
/// - [`Error::is_full`]: the command does not fit into the bound on the buffer
///   ([`max_buffer_bytes`](super::ClientBuilder::max_buffer_bytes)).
///
/// The command was not added then, and the others are still there.
impl Client {
    /// Adds a `publish` command to the buffer; see [`Client::publish`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it, with [`Error::is_builder`] when the payload is not
    /// JSON or the channel is empty.
    pub fn add_publish(&mut self, channel: &str, data: impl Into<Payload>) -> Result<(), Error> {
        let data = data.into();
        self.parts().1.add(&Call::Publish { channel, data: json(&data)?, client: None })
    }

    /// Adds a `publish` command to the buffer; see [`Client::publish_client`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it, with [`Error::is_builder`] when the payload is not
    /// JSON or the channel is empty.
    pub fn add_publish_client(
        &mut self,
        channel: &str,
        data: impl Into<Payload>,
        client: &str,
    ) -> Result<(), Error> {
        let data = data.into();
        self.parts().1.add(&Call::Publish { channel, data: json(&data)?, client: Some(client) })
    }

    /// Adds a `broadcast` command to the buffer; see [`Client::broadcast`]. A server before 1.2.0
    /// fails the whole request for it.
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it, with [`Error::is_builder`] when the payload is not
    /// JSON.
    pub fn add_broadcast(
        &mut self,
        channels: &[impl AsRef<str>],
        data: impl Into<Payload>,
    ) -> Result<(), Error> {
        let data = data.into();
        self.parts().1.add(&Call::Broadcast {
            channels: strs(channels),
            data: json(&data)?,
            client: None,
        })
    }

    /// Adds a `broadcast` command to the buffer; see [`Client::broadcast_client`]. A server before
    /// 1.2.0 fails the whole request for it.
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it, with [`Error::is_builder`] when the payload is not
    /// JSON.
    pub fn add_broadcast_client(
        &mut self,
        channels: &[impl AsRef<str>],
        data: impl Into<Payload>,
        client: &str,
    ) -> Result<(), Error> {
        let data = data.into();
        self.parts().1.add(&Call::Broadcast {
            channels: strs(channels),
            data: json(&data)?,
            client: Some(client),
        })
    }

    /// Adds a `unsubscribe` command to the buffer; see [`Client::unsubscribe`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it.
    pub fn add_unsubscribe(&mut self, channel: &str, user: &str) -> Result<(), Error> {
        self.parts().1.add(&Call::Unsubscribe { channel, user })
    }

    /// Adds a `disconnect` command to the buffer; see [`Client::disconnect`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it.
    pub fn add_disconnect(&mut self, user: &str) -> Result<(), Error> {
        self.parts().1.add(&Call::Disconnect { user })
    }

    /// Adds a `presence` command to the buffer; see [`Client::presence`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it.
    pub fn add_presence(&mut self, channel: &str) -> Result<(), Error> {
        self.parts().1.add(&Call::Presence { channel })
    }

    /// Adds a `history` command to the buffer; see [`Client::history`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it.
    pub fn add_history(&mut self, channel: &str) -> Result<(), Error> {
        self.parts().1.add(&Call::History { channel })
    }

    /// Adds a `channels` command to the buffer; see [`Client::channels`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it.
    pub fn add_channels(&mut self) -> Result<(), Error> {
        self.parts().1.add(&Call::Channels)
    }

    /// Adds a `stats` command to the buffer; see [`Client::stats`].
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it.
    pub fn add_stats(&mut self) -> Result<(), Error> {
        self.parts().1.add(&Call::Stats)
    }

    /// Adds a `node` command to the buffer; see [`Client::node`]. A server before 1.4.0 fails the
    /// whole request for it.
    ///
    /// # Errors
    /// With [`Error::is_full`] when there is no room for it.
    pub fn add_node(&mut self) -> Result<(), Error> {
        self.parts().1.add(&Call::Node)
    }

    /// Sends the commands of the buffer in one request, and empties the buffer.
    ///
    /// The answers are in the order of the commands; an error of a command is in its answer
    /// ([`Response::ok`](super::Response::ok)). An empty buffer has no answers: nothing is sent.
    ///
    /// # Errors
    /// Those of [`Client`] but [`Error::is_command`]. **The commands stay in the buffer** then, as
    /// they do when the future is dropped: call `send` again, or look at [`Client::commands`] and
    /// then [`Client::reset`]. Some of them, or all, may have run already: a repeated publication is a
    /// second one, with another id.
    ///
    /// **Send them again only if the error is [retryable](Error::is_retryable).** Any other (a
    /// malformed answer, one that is too large, status 400) will come again, and the commands
    /// probably run each time: call [`Client::reset`]. They ran too where an answer of success broke
    /// off, though that is worth another try.
    pub async fn send(&mut self) -> Result<Responses, Error> {
        if self.is_empty() {
            return Ok(Responses::default());
        }
        let (config, buffer) = self.parts();
        let body = buffer.body();
        let responses = config.post(body, buffer.methods()).await?;
        buffer.clear();
        Ok(responses)
    }

    /// Forgets the commands of the buffer.
    pub fn reset(&mut self) {
        self.parts().1.clear();
    }

    /// The commands of the buffer, as they will be sent: after a failed [`Client::send`], those
    /// that were not answered.
    pub fn commands(&self) -> Vec<Command> {
        self.buffer().commands()
    }

    /// How many commands are in the buffer.
    pub fn len(&self) -> usize {
        self.buffer().methods().len()
    }

    /// Whether the buffer has no commands.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
