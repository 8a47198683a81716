//! Publications, gaps and the hub's own events as an event stream carries them.

use bytes::{Bytes, BytesMut};
use rt_broker::{Gap, Position, Publication};
use sse_codec::Fields;
use std::borrow::Cow;
use std::time::Duration;

/// A comment that keeps a silent stream alive and finds a peer that is gone. Without an empty line,
/// for which some clients report an empty event.
pub(crate) const HEARTBEAT: Bytes = Bytes::from_static(b":\n");

/// The heartbeat as an event, for pages: they cannot see a comment. It has no id, so that no position
/// moves. Its data says how often it comes, in milliseconds.
pub(crate) fn heartbeat_event(interval: Duration) -> Bytes {
    let data = serde_json::json!({ "interval": interval.as_millis() as u64 }).to_string();
    to_bytes(&Fields::new().event("heartbeat").data(&data))
}

/// Encodes a publication as an event: comment, data, event, retry and the id last (see
/// [`Fields`]). The id is the message's own, or else its position.
#[must_use]
pub fn encode(publication: &Publication) -> Bytes {
    let id = match publication.id() {
        Some(id) => Cow::from(id),
        None => publication.position().to_string().into(),
    };
    let mut fields = Fields::new();
    // A comment alone is no event and leaves the client's position as it is.
    if let Some(data) = publication.data() {
        fields = fields.id(&id).data(data);
    }
    if let Some(event) = publication.event() {
        fields = fields.event(event);
    }
    if let Some(retry) = publication.retry() {
        fields = fields.retry(retry);
    }
    if let Some(comment) = publication.comment() {
        fields = fields.comment(comment);
    }
    to_bytes(&fields)
}

/// `event: gap` with what was lost, and the position to go on from as its id.
pub(crate) fn gap(gap: &Gap) -> Bytes {
    let resume = gap.resume().to_string();
    let from = gap.from();
    let data = serde_json::json!({
        "reason": gap.reason().as_str(), "from": from, "resume": resume,
    });
    to_bytes(&Fields::new().id(&resume).event("gap").data(&data.to_string()))
}

/// The connect event; without an id where a gap is told next, so that a client that is cut off
/// between the two is told again.
pub(crate) fn connected(
    zone: &str,
    id: &str,
    position: Option<Position>,
    retry: Duration,
) -> Bytes {
    let position = position.map(|position| position.to_string());
    let data = format!("{zone}->{id} Connection Successful!");
    let mut fields = Fields::new().event("ping").data(&data).retry(retry);
    if let Some(position) = &position {
        fields = fields.id(position);
    }
    to_bytes(&fields)
}

/// An id without an event: a first cursor for a client that is sent no connect event.
pub(crate) fn cursor(position: Position) -> Bytes {
    to_bytes(&Fields::new().id(&position.to_string()))
}

/// The last event of a stream that the hub ends.
pub(crate) fn last(event: &str, id: Option<&str>, data: &str, retry: Duration) -> Bytes {
    let mut fields = Fields::new().event(event).data(data).retry(retry);
    if let Some(id) = id {
        fields = fields.id(id);
    }
    to_bytes(&fields)
}

/// A reconnection time alone, for a stream that ends.
pub(crate) fn retry(retry: Duration) -> Bytes {
    to_bytes(&Fields::new().retry(retry))
}

fn to_bytes(fields: &Fields<'_>) -> Bytes {
    let mut bytes = BytesMut::with_capacity(fields.encoded_len());
    match fields.encode_into(&mut bytes) {
        Ok(()) => bytes.freeze(),
        // Types and ids were checked when the message was made, so this is a fault of ours.
        Err(error) => {
            tracing::error!(%error, "an event could not be encoded and is left out");
            HEARTBEAT
        }
    }
}
