//! Sending packets.

use crate::close_id::CloseId;
use crate::{ClientId, Hub, Packet, SendError, Sent, Zone};
use rt_broker::Message;

impl Hub {
    /// Sends a packet and returns how many connections to this node it was for.
    ///
    /// With history on, a zone without clients keeps the message for clients that resume: a success
    /// that reached 0. With history off it is an error. A packet for a client that is not connected
    /// to any node is always an error.
    ///
    /// # Errors
    /// When the packet has no target, no message or an id that cannot be used, when nobody is there
    /// ([`SendError::is_nobody_there`]), and when the engine cannot take the message.
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
        // Before any zone has it, and even if there is no zone.
        message.validate().map_err(SendError::broker)?;
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
        Ok(Sent { reached: self.publish(name, message.to_client(client)).await? })
    }

    fn keeps_history(&self, zone: &str) -> bool {
        !self.broker().engine().history().bounds(zone).is_off()
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

/// Returns the packet's message as the broker takes it.
fn message(packet: &Packet) -> Result<Message, SendError> {
    let from = &packet.message;
    if from.id().is_some_and(|id| id.parse::<CloseId>().is_ok()) {
        return Err(SendError::reserved_id());
    }
    let mut message = match (from.data(), from.comment()) {
        (None, None) => return Err(SendError::empty_message()),
        (None, Some(comment)) => Message::comment_only(comment),
        (Some(data), None) => Message::text(data.to_owned()),
        (Some(data), Some(comment)) => Message::text(data.to_owned()).with_comment(comment),
    };
    message = from.event().into_iter().fold(message, Message::with_event);
    message = from.id().into_iter().fold(message, Message::with_id);
    message = from.retry().into_iter().fold(message, Message::with_retry);
    if !packet.except.is_empty() {
        let except = ClientId::new(&packet.except).map_err(SendError::invalid_name)?;
        message = message.except_client(except.as_str());
    }
    Ok(message)
}
