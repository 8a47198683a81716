//! Why a packet was not sent, and errors as an HTTP answer.

use crate::InvalidName;
use http::{HeaderValue, Response, StatusCode, header};
use std::fmt;

/// Why [`Hub::send`](crate::Hub::send) did nothing.
#[derive(Debug)]
pub struct SendError {
    kind: Kind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Debug)]
enum Kind {
    EmptyMessage,
    NoTarget,
    ZoneNeeded,
    ReservedId,
    UnknownZone(String),
    NoConnections(String),
    NoSuchClient(String, String),
    Invalid,
    Engine,
}

impl SendError {
    fn new(kind: Kind) -> Self {
        Self { kind, source: None }
    }

    pub(crate) fn empty_message() -> Self {
        Self::new(Kind::EmptyMessage)
    }

    pub(crate) fn no_target() -> Self {
        Self::new(Kind::NoTarget)
    }

    pub(crate) fn zone_needed() -> Self {
        Self::new(Kind::ZoneNeeded)
    }

    pub(crate) fn reserved_id() -> Self {
        Self::new(Kind::ReservedId)
    }

    pub(crate) fn unknown_zone(zone: &str) -> Self {
        Self::new(Kind::UnknownZone(shown(zone)))
    }

    pub(crate) fn no_connections(zone: &str) -> Self {
        Self::new(Kind::NoConnections(shown(zone)))
    }

    pub(crate) fn no_such_client(zone: &str, client: &str) -> Self {
        Self::new(Kind::NoSuchClient(shown(zone), shown(client)))
    }

    pub(crate) fn invalid_name(error: InvalidName) -> Self {
        Self { kind: Kind::Invalid, source: Some(Box::new(error)) }
    }

    pub(crate) fn broker(error: rt_broker::Error) -> Self {
        let kind = if error.is_invalid() { Kind::Invalid } else { Kind::Engine };
        Self { kind, source: Some(Box::new(error)) }
    }

    /// There is nobody to send it to: the zone is not known, is empty, or has no such client.
    #[must_use]
    pub fn is_nobody_there(&self) -> bool {
        matches!(self.kind, Kind::UnknownZone(_) | Kind::NoConnections(_) | Kind::NoSuchClient(..))
    }

    /// The status that a server answers with: 400 where the packet is at fault, 404 where nobody
    /// is there, 503 where the engine cannot take it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::UnknownZone(_) | Kind::NoConnections(_) | Kind::NoSuchClient(..) => {
                StatusCode::NOT_FOUND
            }
            Kind::Engine => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::EmptyMessage => f.write_str("the message has neither data nor a comment"),
            Kind::NoTarget => {
                f.write_str("the packet has no target: set broadcast, or a zone and a client_id")
            }
            Kind::ZoneNeeded => f.write_str("a client_id needs the zone that its client is in"),
            Kind::ReservedId => f.write_str("the message's id is reserved (`…~closed~…` is the id of a close event): choose another"),
            Kind::UnknownZone(zone) => write!(f, "the zone {zone:?} does not exist"),
            Kind::NoConnections(zone) => write!(f, "the zone {zone:?} has no connections"),
            Kind::NoSuchClient(zone, client) => {
                write!(f, "the zone {zone:?} has no client {client:?}")
            }
            Kind::Invalid => f.write_str("the packet cannot be sent"),
            Kind::Engine => f.write_str("the packet could not be stored; try again later"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

/// Names come from outside: what is shown of them is short.
fn shown(name: &str) -> String {
    match name.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// An answer `{"error": "…"}` with this status, over any body made from a string.
pub fn json_error<B: From<String>>(status: StatusCode, error: &str) -> Response<B> {
    let mut response = Response::new(B::from(serde_json::json!({ "error": error }).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
