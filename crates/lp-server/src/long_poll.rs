//! The server itself: what a request is answered with.

use crate::golongpoll::{self, BadPublish, Publish};
use crate::hook::{Admission, PublishRequest};
use crate::options::LongPollBuilder;
use crate::query::Query;
use crate::service::LongPollService;
use crate::wait::Wait;
use crate::{Body, answer, cors, queue, single, strict, strict_poll};
use bytes::{Buf, Bytes};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use metrics::{Counter, counter};
use rt_broker::{Broker, Message};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Long polling over a [`Broker`]: in golongpoll's form, and in a stricter one beside it. A cheap
/// clone.
///
/// [`subscribe`](Self::subscribe) and [`publish`](Self::publish) answer inside any handler,
/// [`service`](Self::service) is both behind two paths.
#[derive(Clone)]
pub struct LongPoll {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: LongPollBuilder,
    pub(crate) wait: Wait,
    pub(crate) counters: Counters,
}

/// Made once: a look-up by name a delivery would cost more than the delivery's own work.
pub(crate) struct Counters {
    pub(crate) polls: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) gaps: Counter,
    pub(crate) refused: Counter,
}

/// A poll as its query has it, before any hook has run.
enum Asked {
    Plain(golongpoll::Poll),
    Strict(Box<strict::Poll>),
    /// Not a poll to wait for: an error, or the answer to a preflight.
    Answered(Response<Body>),
}

impl LongPoll {
    /// A server with all defaults, over a broker in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder(Broker::in_memory()).build()
    }

    /// A server over a broker.
    #[must_use]
    pub fn builder(broker: Broker) -> LongPollBuilder {
        LongPollBuilder::new(broker)
    }

    pub(crate) fn from_builder(options: LongPollBuilder) -> Self {
        let counters = Counters {
            polls: counter!("lp_server_polls_total"),
            deliveries: counter!("lp_server_deliveries_total"),
            timeouts: counter!("lp_server_timeouts_total"),
            gaps: counter!("lp_server_gaps_total"),
            refused: counter!("lp_server_refused_total"),
        };
        let wait = Wait::new(options.max_waiting);
        Self { inner: Arc::new(Inner { options, wait, counters }) }
    }

    /// The broker under it.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.inner.options.broker
    }

    /// Both paths as a [`tower_service::Service`].
    #[must_use]
    pub fn service(&self) -> LongPollService {
        LongPollService::new(self.clone())
    }

    /// How many polls wait now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.wait.count()
    }

    /// Answers every waiting poll as if it had timed out, with `Connection: close`, and each that
    /// comes later at once; publications are answered 503. Call it before a server is drained.
    pub fn shutdown(&self) {
        self.inner.wait.close();
        self.broker().wake_all();
    }

    /// Answers a poll, once there is something or its time is over. Any method will do.
    ///
    /// The future holds nothing of the request. It may be dropped at any moment: what it was not
    /// given is not lost.
    ///
    /// # Panics
    /// When it is polled outside a tokio runtime.
    pub fn subscribe(
        &self,
        request: &Parts,
    ) -> impl Future<Output = Response<Body>> + Send + use<> {
        let inner = self.inner.clone();
        inner.counters.polls.increment(1);
        let origin = self.origin(&request.headers);
        let preflight = cors::is_preflight(&request.method, &request.headers);
        let hook = inner.options.before_subscribe.as_ref().filter(|_| !preflight);
        let hook = hook.map(|hook| hook(request));
        let asked = match preflight {
            true => Asked::Answered(cors::preflight()),
            false => self.asked(request),
        };
        async move {
            let admission = match hook {
                None => Admission::default(),
                Some(hook) => match hook.await {
                    Ok(admission) => admission,
                    Err(refused) => {
                        inner.counters.refused.increment(1);
                        return inner.allow(origin.as_ref(), refused);
                    }
                },
            };
            let mut answer = match asked {
                Asked::Plain(poll) if inner.deletes(&poll.category) => {
                    Box::pin(queue::plain(&inner, poll)).await
                }
                Asked::Plain(poll) => single::answer(&inner, poll).await,
                // Boxed, so that golongpoll's form is no larger for them.
                Asked::Strict(poll) => match &poll.categories[..] {
                    [only] if inner.deletes(only) => Box::pin(queue::strict(&inner, *poll)).await,
                    _ => Box::pin(strict_poll::answer(&inner, *poll)).await,
                },
                Asked::Answered(response) => response,
            };
            admission.apply(&mut answer);
            inner.allow(origin.as_ref(), answer)
        }
    }

    fn asked(&self, request: &Parts) -> Asked {
        let options = &self.inner.options;
        let query = Query::new(request.uri.query());
        if strict::is_asked_for(&query, &request.headers) {
            let (timeout, events) = (options.max_timeout, options.max_events);
            let poll = strict::Poll::parse(&query, &request.headers, timeout, events);
            let poll = poll.and_then(|poll| {
                poll.categories.iter().try_for_each(|name| self.inner.check_category(name))?;
                Ok(poll)
            });
            return match poll {
                Ok(poll) => Asked::Strict(Box::new(poll)),
                Err(wrong) => {
                    Asked::Answered(answer::error_answer(StatusCode::BAD_REQUEST, &wrong))
                }
            };
        }
        match golongpoll::Poll::parse(&query, options.max_timeout) {
            Ok(poll) => match self.inner.check_category(&poll.category) {
                Ok(()) => Asked::Plain(poll),
                Err(wrong) => {
                    Asked::Answered(answer::error_answer(StatusCode::BAD_REQUEST, &wrong))
                }
            },
            Err(wrong) => {
                Asked::Answered(answer::bad_poll(&wrong.text(options.max_timeout.as_secs())))
            }
        }
    }

    /// Publishes what a request's body has: `{"category": …, "data": …}`. An `Idempotency-Key`
    /// makes it safe to repeat.
    pub async fn publish<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody,
        B::Data: Buf,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        if cors::is_preflight(&parts.method, &parts.headers) {
            return self.allowed(&parts.headers, cors::preflight());
        }
        let origin = self.origin(&parts.headers);
        let hook = self.inner.options.before_publish.as_ref().map(|hook| hook(&parts));
        let mut admission = Admission::default();
        let answer = async {
            if let Some(hook) = hook {
                admission = hook.await?;
            }
            self.published(parts, body).await
        };
        let mut answer = answer.await.unwrap_or_else(|refused| {
            self.inner.counters.refused.increment(1);
            refused
        });
        admission.apply(&mut answer);
        self.inner.allow(origin.as_ref(), answer)
    }

    async fn published<B>(&self, parts: Parts, body: B) -> Result<Response<Body>, Response<Body>>
    where
        B: HttpBody,
        B::Data: Buf,
        B::Error: Into<BoxError>,
    {
        if parts.method != Method::POST {
            return Err(bad_publish(BadPublish::Method));
        }
        if self.inner.wait.is_closed() {
            let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down");
            return Err(answer::closing(answer::busy(status, error, Duration::from_secs(1))));
        }
        let key = parts.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let body = read(body, self.inner.options.max_body).await?;
        let whole = body.clone();
        let Publish { category, data } = Publish::parse(body).map_err(bad_publish)?;
        self.inner
            .check_category(&category)
            .map_err(|wrong| answer::error_answer(StatusCode::BAD_REQUEST, &wrong))?;
        let mut admission = Admission::default();
        if let Some(hook) = &self.inner.options.check_publication {
            // The data was checked to be JSON, and so is UTF-8.
            let data = std::str::from_utf8(&data).map_err(|_| bad_publish(BadPublish::Json))?;
            let (head, category, body) = (&parts, category.as_str(), &whole[..]);
            let decision = hook(&PublishRequest { head, category, data, body });
            admission = decision.await?;
        }
        let failed = |error: rt_broker::Error| answer::broker_error(&error);
        let mut message = Message::json(data);
        if let Some(key) = key {
            message = message.with_idempotency_key(key);
        }
        self.broker().publish(&category, message).await.map_err(failed)?;
        tracing::debug!(category, "published");
        let mut answer = answer::published(golongpoll::PUBLISHED);
        admission.apply(&mut answer);
        Ok(answer)
    }

    /// The request's origin, where it matters.
    fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.inner.options.cors.as_ref().and_then(|_| headers.get(header::ORIGIN).cloned())
    }

    fn allowed(&self, request: &HeaderMap, response: Response<Body>) -> Response<Body> {
        self.inner.allow(self.origin(request).as_ref(), response)
    }
}

impl Inner {
    /// Checks a category's name by the rule that was set beside golongpoll's.
    fn check_category(&self, name: &str) -> Result<(), String> {
        self.options.category_rule.as_ref().map_or(Ok(()), |rule| rule(name))
    }

    pub(crate) fn deletes(&self, category: &str) -> bool {
        self.options.broker.deletes_after_retrieval(category)
    }

    fn allow(&self, origin: Option<&HeaderValue>, mut response: Response<Body>) -> Response<Body> {
        if let Some(cors) = &self.options.cors {
            cors.allow(origin, response.headers_mut());
        }
        response
    }
}

fn bad_publish(wrong: BadPublish) -> Response<Body> {
    let mut response = answer::published(format!(r#"{{"error": "{}"}}"#, wrong.text()).into());
    *response.status_mut() = wrong.status();
    if wrong == BadPublish::Method {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// The whole body, within a bound.
async fn read<B>(body: B, limit: usize) -> Result<Bytes, Response<Body>>
where
    B: HttpBody,
    B::Data: Buf,
    B::Error: Into<BoxError>,
{
    let read = Limited::new(body, limit).collect().await;
    read.map(|body| body.to_bytes()).map_err(|error| {
        let (status, error) = if error.is::<LengthLimitError>() {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
        } else {
            (status_of(&error), error.to_string())
        };
        answer::error_answer(status, &error)
    })
}

#[cfg(feature = "server")]
fn status_of(error: &BoxError) -> StatusCode {
    match error.downcast_ref::<rt_serve::BodyError>() {
        Some(error) if error.is_too_large() => StatusCode::PAYLOAD_TOO_LARGE,
        Some(error) if error.is_timeout() => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(not(feature = "server"))]
fn status_of(_: &BoxError) -> StatusCode {
    StatusCode::BAD_REQUEST
}

impl fmt::Debug for LongPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongPoll").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
