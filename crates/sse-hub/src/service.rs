//! The hub as a service, with a place for authorisation.

use crate::register::query;
use crate::{Body, Grant, Hub, json_error};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Authorize = Arc<dyn Fn(&Parts) -> BoxFuture<Result<Grant, Refusal>> + Send + Sync>;

/// A [`Service`] that answers each GET with an event stream.
///
/// Without [`authorize`](Self::authorize) anyone may join the zone that the query's `zone` names,
/// under a random id.
#[derive(Clone)]
pub struct HubService {
    hub: Hub,
    authorize: Option<Authorize>,
}

/// A request that is not let in: a status and what was wrong, answered as JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    status: StatusCode,
    error: String,
}

impl Refusal {
    /// A refusal; a browser's EventSource does not try again.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into() }
    }
}

impl HubService {
    pub(crate) fn new(hub: Hub) -> Self {
        Self { hub, authorize: None }
    }

    /// Lets `hook` decide on each request: it gives the client's zone, its id and when its stream
    /// ends, or refuses it.
    ///
    /// ```
    /// use http::StatusCode;
    /// use sse_hub::{Grant, Hub, Refusal};
    ///
    /// let service = Hub::in_memory().service().authorize(|request| {
    ///     let user = request.headers.get("x-user").and_then(|user| user.to_str().ok());
    ///     let grant = user.map(|user| Grant::new("news").id(user));
    ///     async { grant.ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "say who you are")) }
    /// });
    /// ```
    #[must_use]
    pub fn authorize<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Grant, Refusal>> + Send + 'static,
    {
        self.authorize = Some(Arc::new(move |parts| Box::pin(hook(parts))));
        self
    }
}

impl<B> Service<Request<B>> for HubService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() != Method::GET {
            let error = "an event stream is asked for with GET";
            let mut response = json_error(StatusCode::METHOD_NOT_ALLOWED, error);
            response.headers_mut().insert("allow", http::HeaderValue::from_static("GET"));
            return Box::pin(std::future::ready(Ok(response)));
        }
        // The body is dropped here, the head when the stream begins: neither is held while it runs.
        let (parts, _) = request.into_parts();
        let hub = self.hub.clone();
        let Some(authorize) = self.authorize.clone() else {
            let request = Request::from_parts(parts, ());
            let zone = query(&request, "zone").unwrap_or_default();
            return Box::pin(std::future::ready(Ok(hub.accept(&request, Grant::new(zone)))));
        };
        let decision = authorize(&parts);
        Box::pin(async move {
            Ok(match decision.await {
                Ok(grant) => hub.accept(&Request::from_parts(parts, ()), grant),
                Err(refusal) => json_error(refusal.status, &refusal.error),
            })
        })
    }
}

impl fmt::Debug for HubService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorized = self.authorize.is_some();
        f.debug_struct("HubService").field("authorized", &authorized).finish_non_exhaustive()
    }
}
