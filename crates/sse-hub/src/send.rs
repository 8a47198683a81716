//! Sending packets.

use crate::close_id::CloseId;
use crate::{ClientId, Hub, Packet, SendError, Sent, Zone};
use rt_broker::Message;

impl Hub {
    /// Sends a packet and says how many connections to this node it was for.
    ///
    /// With history on, a zone without clients keeps what is sent to it for those who come back:
    /// that is a success which reached 0. With history off it is an error. To a client who is not
    /// there, on any node, it always is one.
    ///
    /// # Errors
    /// A packet without a target, without a message or with an id that cannot be used; nobody
    /// there ([`SendError::is_nobody_there`]); an engine that cannot take it.
    pub async fn send(&self, packet: Packet) -> Result<Sent, SendError> {
        let sent = self.route(&packet).await;
        let data = packet.message.data().unwrap_or_default();
        tracing::debug!(
            zone = packet.zone,
            client = packet.client_id,
            broadcast = packet.broadcast,
            event = packet.message.event().unwrap_or("message"),
            bytes = data.len(),
            reached = sent.as_ref().map_or(0, |sent| sent.reached),
            error = sent.as_ref().err().map(tracing::field::display),
            data = self.inner.options.log_payloads.then_some(data),
            "packet"
        );
        self.inner.counters.packets.increment(1);
        sent
    }

    async fn route(&self, packet: &Packet) -> Result<Sent, SendError> {
        let message = message(packet)?;
        match Target::parse(packet)? {
            Target::All => self.to_all(message).await,
            Target::Zone(zone) => self.to_zone(zone.as_str(), message).await,
            Target::Client(zone, id) => self.to_client(&zone, &id, message).await,
        }
    }

    /// One append a zone: a client that comes back to any of them is given it.
    async fn to_all(&self, message: Message) -> Result<Sent, SendError> {
        let mut zones = self.broker().topics();
        zones.retain(|zone| self.keeps_history(zone) || self.inner.clients.has_zone(zone));
        let (mut reached, mut published, mut failed) = (0, 0, None);
        for zone in zones {
            match self.publish(&zone, message.clone()).await {
                Ok(count) => (reached, published) = (reached + count, published + 1),
                Err(error) => {
                    tracing::warn!(%error, zone = &*zone, "a packet to all was not sent here");
                    failed = Some(error);
                }
            }
        }
        // Sending it again would repeat it where it was sent: only a complete failure is one.
        match failed {
            Some(error) if published == 0 => Err(error),
            _ => Ok(Sent { reached }),
        }
    }

    async fn to_zone(&self, zone: &str, message: Message) -> Result<Sent, SendError> {
        if !self.keeps_history(zone) && !self.inner.clients.has_zone(zone) {
            return Err(match self.broker().knows(zone) {
                true => SendError::no_connections(zone),
                false => SendError::unknown_zone(zone),
            });
        }
        Ok(Sent { reached: self.publish(zone, message).await? })
    }

    async fn to_client(
        &self,
        zone: &Zone,
        client: &ClientId,
        message: Message,
    ) -> Result<Sent, SendError> {
        let (name, client) = (zone.as_str(), client.as_str());
        if self.inner.clients.of(name, client).is_empty() {
            let present = self.presence(zone).await.map_err(SendError::broker)?;
            if !present.iter().any(|present| present.id == client) {
                return Err(SendError::no_such_client(name, client));
            }
        }
        let message = message.to_client(client).map_err(SendError::broker)?;
        Ok(Sent { reached: self.publish(name, message).await? })
    }

    fn keeps_history(&self, zone: &str) -> bool {
        !self.broker().engine().bounds(zone).is_off()
    }

    async fn publish(&self, zone: &str, message: Message) -> Result<usize, SendError> {
        let receipt = self.broker().publish(zone, message).await;
        receipt.map(|receipt| receipt.reached()).map_err(SendError::broker)
    }
}

/// Where a packet goes.
enum Target {
    All,
    Zone(Zone),
    Client(Zone, ClientId),
}

impl Target {
    fn parse(packet: &Packet) -> Result<Self, SendError> {
        let zone = || Zone::new(&packet.zone).map_err(SendError::invalid_name);
        match (packet.zone.as_str(), packet.client_id.as_str(), packet.broadcast) {
            ("", "", true) => Ok(Self::All),
            (_, "", false) => Err(SendError::no_target()),
            ("", _, _) => Err(SendError::zone_needed()),
            (_, "", true) => Ok(Self::Zone(zone()?)),
            (_, id, _) => {
                let id = ClientId::new(id).map_err(SendError::invalid_name)?;
                Ok(Self::Client(zone()?, id))
            }
        }
    }
}

/// The packet's message as the broker takes it.
fn message(packet: &Packet) -> Result<Message, SendError> {
    let from = &packet.message;
    let mut message = match (from.data(), from.comment()) {
        (None, None) => return Err(SendError::empty_message()),
        (Some(data), comment) => {
            let message = Message::text(data.to_owned()).map_err(SendError::broker)?;
            comment.into_iter().fold(message, Message::with_comment)
        }
        (None, Some(comment)) => Message::comment(comment),
    };
    if let Some(event) = from.event() {
        message = message.with_event(event).map_err(SendError::broker)?;
    }
    if from.id().is_some_and(|id| id.parse::<CloseId>().is_ok()) {
        return Err(SendError::reserved_id());
    }
    if let Some(id) = from.id() {
        message = message.with_id(id).map_err(SendError::broker)?;
    }
    if let Some(retry) = from.retry() {
        message = message.with_retry(retry);
    }
    if !packet.except.is_empty() {
        let except = ClientId::new(&packet.except).map_err(SendError::invalid_name)?;
        message = message.except_client(except.as_str()).map_err(SendError::broker)?;
    }
    Ok(message)
}
