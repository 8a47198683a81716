//! A transport of our own for `http://`: HTTP/1.1 over TCP, driven by the caller of the request.
//!
//! No task is spawned: the caller that awaits the head, or reads the body, polls the connection. So an
//! exchange wakes no other task, and it ends when the caller drops it. The README has the measurement
//! that decided for it, beside hyper-util's client.
mod connect;
mod connection;
mod exchange;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri};

use crate::error::HttpError;
use crate::http_client::{HttpClient, SendFuture, Transport};
use pool::Pool;

/// Default bound on the time to make a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl HttpClient {
    /// A client for `http://` URLs alone: HTTP/1.1 over TCP, with idle connections that are kept.
    /// There is no TLS (`https://` is refused), no proxy, and no HTTP/2.
    ///
    /// It is the cheapest way to a server nearby. [`HttpClient::builder`] uses it by itself where
    /// it can.
    ///
    /// A connection must be made within 10 seconds; at most 256 idle ones are kept for each host
    /// and port, each for at most 50 seconds. They belong to the runtime that made them, and they are
    /// closed only when the client is used again.
    ///
    /// A connection that the server has closed meanwhile is not used. If it closes at the very moment
    /// of a request, the request is sent again on a new connection, provided that nothing of it was
    /// written or that its method is idempotent.
    pub fn plain() -> Self {
        Self::from_transport(PlainTransport::new(Some(CONNECT_TIMEOUT), None))
    }
}

#[derive(Clone)]
pub(crate) struct PlainTransport {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<Pool>,
    connect_timeout: Option<Duration>,
    user_agent: Option<HeaderValue>,
}

impl PlainTransport {
    pub(crate) fn new(connect_timeout: Option<Duration>, user_agent: Option<HeaderValue>) -> Self {
        let pool = Arc::new(Pool::default());
        Self { inner: Arc::new(Inner { pool, connect_timeout, user_agent }) }
    }
}

impl Transport for PlainTransport {
    fn send(&self, mut request: Request<Bytes>) -> SendFuture {
        let this = Arc::clone(&self.inner);
        Box::pin(async move {
            let authority = this.prepare(&mut request)?;
            let mut request = request.map(connection::OutgoingBody::new);
            while let Some(connection) = this.pool.take(&authority) {
                // The server may close it at this very moment, and take nothing of the request. Boxed,
                // because most requests have no spare, and long polls wait with this future.
                let spare = request.method().is_idempotent().then(|| Box::new(request.clone()));
                let failed = match exchange::send(connection, &this.pool, request).await {
                    Ok(response) => return Ok(response),
                    Err(failed) => failed,
                };
                match (failed.unsent, spare) {
                    // Nothing was written: the next connection is as good as a new one.
                    (Some(unsent), _) => request = *unsent,
                    (None, Some(spare)) if failed.connection_died => {
                        request = *spare;
                        break;
                    }
                    _ => return Err(failed.error),
                }
            }
            // Boxed: what it needs is large, and needed once a connection.
            let stream = Box::pin(connect::to(&authority, this.connect_timeout)).await?;
            let connection = connection::Connection::new(authority, stream).await?;
            exchange::send(connection, &this.pool, request).await.map_err(|failed| failed.error)
        })
    }
}

impl Inner {
    /// Makes of the request what goes over the connection, and says where to.
    fn prepare(&self, request: &mut Request<Bytes>) -> Result<Authority, HttpError> {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        let Some(authority) = uri.authority else {
            return Err(HttpError::invalid_request("the URL has no host"));
        };
        if uri.scheme != Some(Scheme::HTTP) {
            return Err(HttpError::invalid_request("only http:// is spoken here"));
        }
        let path = match uri.path_and_query.take() {
            Some(path) => ascii(path)?,
            None => PathAndQuery::from_static("/"),
        };
        *request.uri_mut() = Uri::from(path);
        let headers = request.headers_mut();
        if !headers.contains_key(HOST) {
            let host = match authority.port_u16() {
                Some(80) => authority.host(),
                _ => authority.as_str(),
            };
            headers.insert(HOST, HeaderValue::from_str(host).map_err(HttpError::invalid_request)?);
        }
        if let Some(user_agent) = &self.user_agent
            && !headers.contains_key(USER_AGENT)
        {
            headers.insert(USER_AGENT, user_agent.clone());
        }
        Ok(authority)
    }
}

/// `Uri` lets other bytes through, which servers read in different ways.
fn ascii(path: PathAndQuery) -> Result<PathAndQuery, HttpError> {
    if path.as_str().is_ascii() {
        return Ok(path);
    }
    let encoded = percent_encoding::utf8_percent_encode(path.as_str(), percent_encoding::CONTROLS);
    encoded.to_string().parse().map_err(HttpError::invalid_request)
}
