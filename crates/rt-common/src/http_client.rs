//! The HTTP client handle that the protocol crates take.
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tower_service::Service;

use crate::body::Body;
use crate::error::{BoxError, HttpError, MAX_HEADER_KIB, MAX_HEADER_LINES, classify};

/// Turns an `http::Request<Bytes>` into a response with a streaming [`Body`].
///
/// A cheap clone over whatever does the work: [reqwest](HttpClient::builder) by default, a
/// [reqwest client of one's own](HttpClient::from_reqwest), or any
/// [tower service](HttpClient::from_service). It follows no redirect and has no deadline of its
/// own: the first is the caller's business, the second the request's
/// ([`HttpClient::fetch`], [`HttpClient::send_within`]).
///
/// A user name and password in the URL are sent as basic credentials, whatever the transport.
#[derive(Clone)]
pub struct HttpClient {
    transport: Arc<dyn Transport>,
}

impl HttpClient {
    /// A client over a tower service; its errors are sorted by their causes (`io::Error`s mostly),
    /// and an [`HttpError`] among them stays what it is.
    ///
    /// `B` is the service's request body: anything made from [`Bytes`], such as
    /// `http_body_util::Full<Bytes>`.
    ///
    /// ```
    /// use http_body_util::Full;
    /// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    /// use rt_common::HttpClient;
    ///
    /// let hyper = Client::builder(TokioExecutor::new()).build_http();
    /// let client = HttpClient::from_service::<Full<bytes::Bytes>, _, _>(hyper);
    /// ```
    pub fn from_service<B, S, R>(service: S) -> Self
    where
        B: From<Bytes> + Send + 'static,
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        Self::from_transport(TowerTransport {
            service: Mutex::new(service),
            body: Default::default(),
        })
    }

    /// The client that a protocol crate makes when its user gives none: that of
    /// [`HttpClient::builder`], with this user agent for requests that bring none.
    ///
    /// ```
    /// use rt_common::HttpClient;
    ///
    /// let client = HttpClient::default_for(concat!("ticker/", "1.2"));
    /// # #[cfg(feature = "reqwest")]
    /// # client?;
    /// # Ok::<(), rt_common::HttpError>(())
    /// ```
    ///
    /// # Errors
    /// When the client cannot be made, because a proxy in the environment is not understood, say; and
    /// without the feature `reqwest`.
    pub fn default_for(user_agent: &str) -> Result<Self, HttpError> {
        #[cfg(feature = "reqwest")]
        return Self::builder().user_agent(user_agent).build();
        #[cfg(not(feature = "reqwest"))]
        {
            let _ = user_agent;
            let why = "pass one with `http_client`, or enable the feature `reqwest`";
            Err(HttpError::invalid_client(why))
        }
    }

    /// Sends a request and waits for the head of its answer, whatever its status. Dropping the
    /// future, or the response's body, gives the exchange up and closes what belongs to it.
    ///
    /// # Errors
    /// When there is no answer: the connection, TLS or the exchange failed, or the request cannot
    /// be sent as it is.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        crate::userinfo::to_header(&mut request)?;
        let method = request.method().clone();
        let uri = request.uri().clone();
        tracing::trace!(%method, url = %crate::redact_url(&uri.to_string()), "request");
        let named = |error: HttpError| error.with_target(&method, &uri.to_string());
        let response = self.transport.send(request).await.map_err(named)?;
        match is_head_too_large(response.headers()) {
            true => Err(named(HttpError::head_too_large())),
            false => Ok(response),
        }
    }

    /// [`HttpClient::send`] with a deadline for the head of the answer; the body may take longer.
    ///
    /// # Errors
    /// As [`HttpClient::send`], and a time-out.
    pub async fn send_within(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Response<Body>, HttpError> {
        let method = request.method().clone();
        let uri = request.uri().clone();
        match tokio::time::timeout(deadline, self.send(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::timed_out().with_target(&method, &uri.to_string())),
        }
    }

    /// Sends a request and takes the whole answer, whatever its status: head and body within
    /// `deadline`, the body at most `max_body` bytes.
    ///
    /// # Errors
    /// As [`HttpClient::send`], a time-out, a body that breaks off or is larger than `max_body`.
    pub async fn fetch(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
        max_body: usize,
    ) -> Result<Response<Bytes>, HttpError> {
        let method = request.method().clone();
        let uri = request.uri().clone();
        let exchange = async {
            let (head, body) = self.send(request).await?.into_parts();
            Ok(Response::from_parts(head, body.collect_within(max_body).await?))
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::timed_out()),
        }
        .map_err(|error| error.with_target(&method, &uri.to_string()))
    }

    pub(crate) fn from_transport(transport: impl Transport) -> Self {
        Self { transport: Arc::new(transport) }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// The transports have bounds of their own, which are higher, or on the lines or on the bytes alone.
fn is_head_too_large(headers: &HeaderMap) -> bool {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    headers.len() > MAX_HEADER_LINES || bytes.sum::<usize>() > MAX_HEADER_KIB * 1024
}

pub(crate) type SendFuture =
    Pin<Box<dyn Future<Output = Result<Response<Body>, HttpError>> + Send>>;

/// The erased async function behind an [`HttpClient`].
pub(crate) trait Transport: Send + Sync + 'static {
    fn send(&self, request: Request<Bytes>) -> SendFuture;
}

struct TowerTransport<B, S> {
    // A mutex and not `S: Sync`: many boxed services are not, and it is held for a clone only.
    service: Mutex<S>,
    body: std::marker::PhantomData<fn() -> B>,
}

impl<B, S, R> Transport for TowerTransport<B, S>
where
    B: From<Bytes> + Send + 'static,
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    R: http_body::Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    fn send(&self, request: Request<Bytes>) -> SendFuture {
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            let failed = |error: S::Error| classify(error.into());
            std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
            let answer = service.call(request.map(B::from)).await.map_err(failed)?;
            Ok(answer.map(Body::new))
        })
    }
}
