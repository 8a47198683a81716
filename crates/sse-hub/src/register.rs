//! A request becomes an event stream.

use crate::body::Body;
use crate::clients::{ConnectionLimits, Refused};
use crate::close_id::CloseId;
use crate::closing::{at_limit, retry_soon};
use crate::{ClientId, CloseReason, Grant, Hub, InvalidName, Zone, json_error};
use http::{HeaderValue, Request, Response, StatusCode, header};
use rt_broker::{Position, Start, SubscribeOptions};
use std::net::SocketAddr;

/// What is longer is no id that this hub gave out; only as much of it comes back in a gap.
const MAX_LAST_EVENT_ID: usize = 1024;

impl Hub {
    /// Responds to a request with the event stream of a zone, for a client with the id that `id`
    /// gives: [`random_id`](crate::random_id) makes one for each request.
    ///
    /// The stream resumes after the request's `Last-Event-ID`, or after `lastEventId` or
    /// `last_event_id` in its query. The response is 400 for a zone or id that cannot be used and
    /// 204 for a client that was closed and comes back. A limit is an event `limit` and the end of
    /// the stream with a long `retry`, since a browser would take an error status for the end of
    /// all tries.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn register<B, Z, I>(
        &self,
        request: &Request<B>,
        zone: Z,
        id: impl FnOnce() -> I,
    ) -> Response<Body>
    where
        Z: TryInto<Zone>,
        I: TryInto<ClientId>,
        InvalidName: From<Z::Error> + From<I::Error>,
    {
        self.accept(request, Grant::new(zone).id(id()))
    }

    /// [Registers](Self::register) a client with all that its [`Grant`] says.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn accept<B>(&self, request: &Request<B>, grant: Grant) -> Response<Body> {
        let (zone, id) = match (&grant.zone, &grant.id) {
            (Ok(zone), Ok(id)) => (zone, id),
            (Err(wrong), _) | (_, Err(wrong)) => {
                self.inner.counters.refused.increment(1);
                return json_error(StatusCode::BAD_REQUEST, &wrong.to_string());
            }
        };
        let header = last_event_id_header(request);
        let closed = header.as_deref().and_then(|id| id.parse::<CloseId>().ok());
        // Only the header: a browser sends it when it comes back by itself, and a page that is
        // opened afresh cannot.
        if closed
            .is_some_and(|closed| closed.was_issued_to(&self.inner.options.close_key, zone, id))
        {
            let mut away = Response::new(Body::once(bytes::Bytes::new()));
            *away.status_mut() = StatusCode::NO_CONTENT;
            return away;
        }
        let given = |name| query(request, name).filter(|id| !id.is_empty());
        let last_event_id = match &grant.last_event_id {
            Some(id) => Some(id.clone()),
            None => header
                .filter(|id| !id.is_empty())
                // What polyfills and wrappers of EventSource append, which cannot set the header.
                .or_else(|| given("lastEventId"))
                .or_else(|| given("last_event_id")),
        };
        let last_event_id = last_event_id.filter(|id| !id.is_empty());
        let peer = request.extensions().get::<SocketAddr>().map(SocketAddr::ip);
        let address = grant.address.or(peer).map(|address| address.to_canonical());
        let options = &self.inner.options;
        let limits = ConnectionLimits {
            all: options.max_connections,
            zone: options.max_per_zone,
            address: options.max_per_address,
        };
        let clients = &self.inner.clients;
        let since = options.broker.engine().history().now();
        let added = clients.add(zone, id, since, address, limits, options.same_id);
        let (client, replaced) = match added {
            Ok(added) => added,
            Err(refused) => return self.refuse(&refused),
        };
        self.inner.counters.connections.increment(1);
        let start = last_event_id.as_deref().map_or(Start::Live, resume_after);
        let mut from = SubscribeOptions::new(start).client(client.id().shared().clone());
        if let Some(bytes) = grant.max_lag {
            from = from.max_lag(bytes);
        }
        let subscription = match options.broker.subscribe(zone.as_str(), from) {
            Ok(subscription) => subscription,
            Err(error) => {
                if clients.remove(&client) {
                    self.inner.counters.connections.decrement(1);
                }
                return self.refuse_broker(&error);
            }
        };
        self.inner.end_all(replaced, &CloseReason::Replaced);
        let canceller = subscription.canceller();
        if !clients.set_canceller(&client, canceller.clone()) {
            canceller.cancel();
        }
        self.inner.presence.start(&self.inner);
        self.inner.presence.changed(&client);
        // From here on the body's end takes the client out again, even where the callback panics.
        let body = Body::stream(self.inner.clone(), client.clone(), subscription, &grant);
        self.inner.connected(&client);
        stream(body)
    }

    fn refuse(&self, refused: &Refused) -> Response<Body> {
        self.inner.counters.refused.increment(1);
        match refused {
            Refused::Limit(what) => stream(Body::once(at_limit(what))),
            Refused::SameId => {
                stream(Body::once(at_limit("a client with this id is connected already")))
            }
            Refused::ShuttingDown => stream(Body::once(retry_soon())),
        }
    }

    fn refuse_broker(&self, error: &rt_broker::Error) -> Response<Body> {
        self.inner.counters.refused.increment(1);
        tracing::warn!(%error, "a client was refused");
        if error.is_invalid() {
            json_error(StatusCode::BAD_REQUEST, &error.to_string())
        } else if error.is_full() {
            stream(Body::once(at_limit("the server has as many zones as it allows")))
        } else {
            stream(Body::once(retry_soon()))
        }
    }
}

/// Returns where a client with this last event id resumes. The id of an event is its position, or
/// else the message's own id, which never has the form of a position.
fn resume_after(id: &str) -> Start {
    let closed = id.parse::<CloseId>().ok().and_then(|closed| closed.position());
    if let Some(position) = closed.or_else(|| id.parse::<Position>().ok()) {
        return Start::After(position);
    }
    let mut ends = (0..=id.len().min(MAX_LAST_EVENT_ID)).rev();
    let end = ends.find(|&end| id.is_char_boundary(end)).unwrap_or(0);
    Start::LastId(id[..end].into())
}

/// The id that a browser sends when it comes back.
fn last_event_id_header<B>(request: &Request<B>) -> Option<String> {
    let header = request.headers().get("last-event-id");
    let given = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    given.filter(|id| !id.is_empty())
}

/// The first value of a parameter of the request's query.
pub(crate) fn query<B>(request: &Request<B>, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn stream(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        // nginx and those that follow it hold a stream back otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
