//! What a server takes for a service, said once.

use crate::RequestBody;
use http::{Request, Response};
use http_body::Body;
use std::future::Future;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A tower service that a [`Server`](crate::Server) can serve: from requests with a
/// [`RequestBody`] to responses with any body. Every service of that form is one.
pub trait Serves:
    Service<
        Request<RequestBody>,
        Response = Response<Self::ResponseBody>,
        Error: Into<BoxError>,
        Future: Future + Send + 'static,
    > + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type ResponseBody: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> Serves for S
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type ResponseBody = B;
}
