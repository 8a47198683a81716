//! The HTTP client handle that the protocol crates take, and its streaming body.
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::error::{BoxError, HttpError, classify};

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

    /// Sends a request and waits for the head of its answer, whatever its status. Dropping the
    /// future, or the response's body, gives the exchange up and closes what belongs to it.
    ///
    /// # Errors
    /// When there is no answer: the connection, TLS or the exchange failed, or the request cannot
    /// be sent as it is.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        userinfo::to_header(&mut request)?;
        let method = request.method().clone();
        let url = request.uri().to_string();
        tracing::trace!(%method, url = %crate::redact_url(&url), "request");
        self.transport.send(request).await.map_err(|error| error.with_target(&method, &url))
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

/// The streaming body of a response: an [`http_body::Body`] of [`Bytes`] and [`HttpError`].
/// Dropping it closes the connection (with HTTP/2: resets the stream), unless it has ended.
pub struct Body {
    inner: Pin<Box<dyn http_body::Body<Data = Bytes, Error = HttpError> + Send>>,
}

impl Body {
    /// Wraps another body; its errors become [`HttpError::body_failed`], unless they are
    /// [`HttpError`]s already.
    pub fn new<R>(body: R) -> Self
    where
        R: http_body::Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let body = body
            .map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            .map_err(|error| match error.into().downcast::<HttpError>() {
                Ok(error) => *error,
                Err(error) => HttpError::body_failed(error),
            });
        Self { inner: Box::pin(body) }
    }

    /// The whole body, if it is at most `limit` bytes.
    ///
    /// # Errors
    /// When the body breaks off, or is larger than `limit`.
    pub async fn collect_within(mut self, limit: usize) -> Result<Bytes, HttpError> {
        if self.inner.size_hint().lower() > limit as u64 {
            return Err(HttpError::too_large(limit));
        }
        let mut whole = BytesMut::new();
        while let Some(data) = self.next_data().await? {
            if data.len() > limit - whole.len() {
                return Err(HttpError::too_large(limit));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }

    /// The first bytes of the body, at most `limit` of them and only what arrives within
    /// `patience`; for telling what an unexpected answer says. A failure ends it quietly.
    pub async fn prefix(mut self, limit: usize, patience: Duration) -> Bytes {
        let mut start = BytesMut::new();
        let read = async {
            while start.len() < limit
                && let Ok(Some(data)) = self.next_data().await
            {
                start.extend_from_slice(&data[..data.len().min(limit - start.len())]);
            }
        };
        // What came before the time was up is kept.
        let _ = tokio::time::timeout(patience, read).await;
        start.freeze()
    }

    /// The next piece of data; trailers are passed over. `None` at the end.
    ///
    /// # Errors
    /// When the body breaks off.
    pub async fn next_data(&mut self) -> Result<Option<Bytes>, HttpError> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// [`Body::next_data`] for hand-written futures.
    ///
    /// # Errors
    /// When the body breaks off.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, HttpError>> {
        loop {
            match ready!(self.inner.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.inner.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
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

/// Basic credentials from the URL (RFC 7617).
mod userinfo {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use http::header::{AUTHORIZATION, HeaderValue};
    use http::{Request, Uri};
    use percent_encoding::percent_decode_str;

    use crate::error::HttpError;

    /// Moves the URL's userinfo to `Authorization`; a header that is there already wins.
    pub(super) fn to_header(request: &mut Request<Bytes>) -> Result<(), HttpError> {
        let Some((userinfo, host)) =
            request.uri().authority().and_then(|authority| authority.as_str().rsplit_once('@'))
        else {
            return Ok(());
        };
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let mut pair: Vec<u8> = percent_decode_str(user).collect();
        pair.push(b':');
        pair.extend(percent_decode_str(password));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
            .map_err(HttpError::invalid_request)?;
        value.set_sensitive(true);

        let mut parts = request.uri().clone().into_parts();
        parts.authority = Some(host.parse().map_err(HttpError::invalid_request)?);
        *request.uri_mut() = Uri::from_parts(parts).map_err(HttpError::invalid_request)?;
        request.headers_mut().entry(AUTHORIZATION).or_insert(value);
        Ok(())
    }
}
