//! A long poll server's options.

use crate::cors::Cors;
use crate::hook::{Admission, BoxFuture, Decision, Hook, PublishHook, PublishRequest};
use crate::{Body, LongPoll};
use http::Response;
use http::request::Parts;
use rt_broker::Broker;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Says why a category's name is refused.
pub(crate) type CategoryRule = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What a strict poll is answered whose position is no longer held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Gone {
    /// What is held, with the gap named beside it.
    #[default]
    Gap,
    /// 410, and nothing else.
    Status,
}

/// Sets up a [`LongPoll`].
#[derive(Clone)]
pub struct LongPollBuilder {
    pub(crate) broker: Broker,
    pub(crate) max_timeout: Duration,
    pub(crate) max_events: usize,
    pub(crate) max_bytes: usize,
    pub(crate) max_body: usize,
    pub(crate) max_waiting: usize,
    pub(crate) gone: Gone,
    pub(crate) cors: Option<Cors>,
    pub(crate) before_subscribe: Option<Hook>,
    pub(crate) before_publish: Option<Hook>,
    pub(crate) check_publication: Option<PublishHook>,
    pub(crate) category_rule: Option<CategoryRule>,
    pub(crate) subscribe_path: Arc<str>,
    pub(crate) publish_path: Arc<str>,
}

impl LongPollBuilder {
    pub(crate) fn new(broker: Broker) -> Self {
        Self {
            broker,
            max_timeout: Duration::from_secs(110),
            max_events: 1_000,
            max_bytes: 1 << 20,
            max_body: 1 << 20,
            max_waiting: 100_000,
            gone: Gone::default(),
            cors: None,
            before_subscribe: None,
            before_publish: None,
            check_publication: None,
            category_rule: None,
            subscribe_path: "/events".into(),
            publish_path: "/publish".into(),
        }
    }

    /// The longest that a poll may ask to wait (default 110 s, whole seconds, at least one).
    #[must_use]
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.max_timeout = Duration::from_secs(timeout.as_secs().max(1));
        self
    }

    /// The most events in one answer of the strict form (default 1,000); golongpoll's gives all
    /// that is held.
    #[must_use]
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events.max(1);
        self
    }

    /// The most bytes of events in one answer of the strict form (default 1 MiB); one event is
    /// given whatever its size.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The largest body of a publication (default 1 MiB); a larger one is answered 413.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The most polls that wait at once (default 100,000); one more is answered 429.
    #[must_use]
    pub fn max_waiting(mut self, polls: usize) -> Self {
        self.max_waiting = polls;
        self
    }

    /// What a strict poll is answered whose position is gone (default: a gap beside the events).
    #[must_use]
    pub fn gone(mut self, gone: Gone) -> Self {
        self.gone = gone;
        self
    }

    /// Lets pages of these origins poll and publish (default: none; `*` is any, without
    /// credentials).
    #[must_use]
    pub fn allow_origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.cors = Some(Cors::new(origins.into_iter().map(Into::into)));
        self
    }

    /// Runs `hook` on the head of each poll before it is looked at. Its `Err` is the response instead;
    /// its `Ok` may hold headers for the response ([`Admission`]).
    ///
    /// ```
    /// use http::StatusCode;
    /// use lp_server::{LongPoll, error_answer};
    ///
    /// let polls = LongPoll::builder(rt_broker::Broker::in_memory()).before_subscribe(|request| {
    ///     let known = request.headers.contains_key("x-user");
    ///     async move {
    ///         match known {
    ///             true => Ok(()),
    ///             false => Err(error_answer(StatusCode::UNAUTHORIZED, "say who you are")),
    ///         }
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn before_subscribe<F, Fut, A>(mut self, hook: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Response<Body>>> + Send + 'static,
        A: Into<Admission>,
    {
        self.before_subscribe = Some(boxed(hook));
        self
    }

    /// Runs `hook` on the head of each publication before its body is read, as
    /// [`before_subscribe`](Self::before_subscribe) does for polls. This is the place to check who
    /// publishes: a stranger's body is never read.
    #[must_use]
    pub fn before_publish<F, Fut, A>(mut self, hook: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Response<Body>>> + Send + 'static,
        A: Into<Admission>,
    {
        self.before_publish = Some(boxed(hook));
        self
    }

    /// Runs `hook` on each publication that has been read and is well-formed, before it is published.
    /// It sees the category, the data and the whole body: the place to validate or to log. Its `Err` is
    /// the response instead; its `Ok` may hold headers for the response ([`Admission`]).
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use lp_server::{LongPoll, error_answer};
    ///
    /// let polls = LongPoll::builder(rt_broker::Broker::in_memory()).check_publication(|request| {
    ///     let is_known = ["news", "sport"].contains(&request.category);
    ///     println!("{}: {}", request.category, request.data);
    ///     async move {
    ///         let mut headers = HeaderMap::new();
    ///         headers.insert("x-checked", "yes".parse().expect("a valid header"));
    ///         match is_known {
    ///             true => Ok(headers),
    ///             false => Err(error_answer(StatusCode::FORBIDDEN, "no such category")),
    ///         }
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn check_publication<F, Fut, A>(mut self, hook: F) -> Self
    where
        F: Fn(&PublishRequest<'_>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Response<Body>>> + Send + 'static,
        A: Into<Admission>,
    {
        self.check_publication = Some(Arc::new(move |request| decision(hook(request))));
        self
    }

    /// Refuses names of categories that golongpoll allows, for polls and publications alike.
    ///
    /// golongpoll takes any name of 1 to 1,024 bytes, and so does this server by default. Where a
    /// category is something else as well, such as a zone of a hub over the same broker, its names
    /// follow that rule too. A refused name is a 400 with the text that `rule` gives, in both forms.
    ///
    /// ```
    /// use lp_server::LongPoll;
    ///
    /// let broker = rt_broker::Broker::in_memory();
    /// let polls = LongPoll::builder(broker).category_rule(|name| {
    ///     match name.chars().any(char::is_control) {
    ///         true => Err("the category has a control character".to_owned()),
    ///         false => Ok(()),
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn category_rule(
        mut self,
        rule: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.category_rule = Some(Arc::new(rule));
        self
    }

    /// The two paths of [`LongPoll::service`] (default `/events` and `/publish`), below whatever
    /// prefix a router has taken off.
    #[must_use]
    pub fn paths(mut self, subscribe: impl Into<Arc<str>>, publish: impl Into<Arc<str>>) -> Self {
        self.subscribe_path = subscribe.into();
        self.publish_path = publish.into();
        self
    }

    /// The server.
    #[must_use]
    pub fn build(self) -> LongPoll {
        LongPoll::from_builder(self)
    }
}

fn boxed<F, Fut, A>(hook: F) -> Hook
where
    F: Fn(&Parts) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Response<Body>>> + Send + 'static,
    A: Into<Admission>,
{
    Arc::new(move |head| decision(hook(head)))
}

fn decision<A: Into<Admission>>(
    hook: impl Future<Output = Result<A, Response<Body>>> + Send + 'static,
) -> BoxFuture<Decision> {
    Box::pin(async move { hook.await.map(Into::into) })
}

impl fmt::Debug for LongPollBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongPollBuilder")
            .field("max_timeout", &self.max_timeout)
            .field("max_waiting", &self.max_waiting)
            .field("subscribe_path", &self.subscribe_path)
            .field("publish_path", &self.publish_path)
            .finish_non_exhaustive()
    }
}
