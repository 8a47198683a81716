//! Both paths as a tower service.

use crate::{Body, LongPoll, error_answer};
use bytes::Buf;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A [`Service`] that answers polls and publications at the two
/// [paths](crate::LongPollBuilder::paths), and 404 elsewhere. Below a prefix, have the router take
/// it off, as axum's `nest_service` does.
#[derive(Clone)]
pub struct LongPollService {
    long_poll: LongPoll,
}

impl LongPollService {
    pub(crate) fn new(long_poll: LongPoll) -> Self {
        Self { long_poll }
    }
}

impl<B> Service<Request<B>> for LongPollService
where
    B: HttpBody + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let options = &self.long_poll.inner.options;
        let path = request.uri().path();
        Answering(if *path == *options.subscribe_path {
            // The body is dropped here, and the head before the poll waits.
            let (parts, _) = request.into_parts();
            Box::pin(self.long_poll.subscribe(&parts))
        } else if *path == *options.publish_path {
            let long_poll = self.long_poll.clone();
            Box::pin(async move { long_poll.publish(request).await })
        } else {
            let (subscribe, publish) = (&options.subscribe_path, &options.publish_path);
            let error = format!("nothing is here; try {subscribe} or {publish}");
            Box::pin(std::future::ready(error_answer(StatusCode::NOT_FOUND, &error)))
        })
    }
}

/// An answer that is under way.
pub struct Answering(Pin<Box<dyn Future<Output = Response<Body>> + Send>>);

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for LongPollService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongPollService").field("long_poll", &self.long_poll).finish()
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}
