//! The description of a stream.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use rt_common::{BoxError, HttpClient};
use url::Url;

use crate::config::{Attempt, Config};
use crate::content_type::{self, ContentTypes};
use crate::end_rules::{EndRules, Rule};
use crate::redirect::LAST_EVENT_ID;
use crate::{Error, Event, EventStream, Reconnect, RetryPolicy};

/// Describes an [`EventStream`]; see [`EventStream::builder`].
///
/// ```no_run
/// # fn main() -> Result<(), sse_client::Error> {
/// use std::time::Duration;
/// use sse_client::{EventStream, RetryPolicy};
///
/// let stream = EventStream::builder("https://example.org/events")
///     .header("authorization", "Bearer 123")
///     .last_event_id("41")
///     .idle_timeout(Duration::from_secs(45))
///     .retry(RetryPolicy::new().max_retries(10))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct EventStreamBuilder {
    url: String,
    config: Config,
    // The first mistake; `build` reports it, so that the calls chain.
    mistake: Option<Arc<str>>,
}

impl EventStream {
    /// Describes a stream of the events at this `http` or `https` URL.
    pub fn builder(url: impl Into<String>) -> EventStreamBuilder {
        EventStreamBuilder {
            url: url.into(),
            config: Config {
                uri: Uri::default(),
                method: None,
                headers: HeaderMap::new(),
                body: Bytes::new(),
                reconnect: None,
                client: None,
                last_event_id: String::new(),
                response_timeout: Some(Duration::from_secs(60)),
                idle_timeout: None,
                retry: RetryPolicy::new(),
                max_redirects: 10,
                max_event_bytes: sse_codec::DEFAULT_MAX_EVENT_BYTES,
                content_types: ContentTypes::Also(Vec::new()),
                end_rules: EndRules::default(),
                hook: None,
            },
            mistake: None,
        }
    }
}

impl EventStreamBuilder {
    /// The request's method (default: GET, or POST if there is a body).
    pub fn method(mut self, method: Method) -> Self {
        self.config.method = Some(method);
        self
    }

    /// Sets a header, in place of one of that name. `Accept: text/event-stream` and
    /// `Cache-Control: no-cache` are sent unless they are set here. `Last-Event-ID` is the id to
    /// start from, as by [`last_event_id`](EventStreamBuilder::last_event_id).
    ///
    /// When the server redirects to another origin, headers set here are not sent there, but for
    /// `Accept`, `Accept-Encoding`, `Cache-Control`, `Content-Type` and `User-Agent`, and the last
    /// event id: put no secret into these.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) if name == LAST_EVENT_ID => {
                return self.last_event_id_header(&value);
            }
            (Ok(name), Ok(value)) => drop(self.config.headers.insert(name, value)),
            // The value may be a secret: it is not repeated.
            (Ok(name), Err(_)) => self.note(format!("the value of the header {name} is not valid")),
            (Err(_), _) => self.note("a header's name is not valid".into()),
        }
        self
    }

    /// Sets several headers, each in place of those of its name; see
    /// [`header`](EventStreamBuilder::header).
    pub fn headers(mut self, mut headers: HeaderMap) -> Self {
        let last_event_id = headers.remove(LAST_EVENT_ID);
        self.config.headers.extend(headers);
        match last_event_id {
            Some(value) => self.last_event_id_header(&value),
            None => self,
        }
    }

    /// The request's body. Unless [`reconnect`](EventStreamBuilder::reconnect) says otherwise, it is
    /// sent again until a response has opened, and never afterwards
    /// ([`Reconnect::UntilOpened`]).
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.config.body = body.into();
        self
    }

    /// A JSON body, with its `Content-Type`.
    #[cfg(feature = "json")]
    pub fn json_body(mut self, value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.config.body = body.into(),
            Err(error) => self.note(format!("the body cannot be written as JSON: {error}")),
        }
        self.header(http::header::CONTENT_TYPE, "application/json")
    }

    /// When to make another request after one that failed or ended (default:
    /// [`Reconnect::UntilOpened`] if the request has a body, also one that the
    /// [hook](EventStreamBuilder::before_attempt) gives it; otherwise [`Reconnect::Always`]).
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.config.reconnect = Some(reconnect);
        self
    }

    /// The HTTP client to use (default: a new one over reqwest).
    pub fn http_client(mut self, client: HttpClient) -> Self {
        self.config.client = Some(client);
        self
    }

    /// The last event id to start from, as an earlier stream had it
    /// ([`EventStream::last_event_id`]).
    ///
    /// An id with a control character other than the tab, a server's too, cannot be written into
    /// a header: then the request goes out without `Last-Event-ID`. A
    /// [hook](EventStreamBuilder::before_attempt) gets it all the same.
    pub fn last_event_id(mut self, id: impl Into<String>) -> Self {
        self.config.last_event_id = id.into();
        if self.config.last_event_id.contains(['\0', '\r', '\n']) {
            self.note("the last event id has a line break or a NUL".into());
        }
        self
    }

    /// How long an attempt may take until the head of its response, redirects and the hook included
    /// (default: 60 s; `None`: without end). An attempt that takes longer has failed.
    pub fn response_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.config.response_timeout = timeout.into();
        self
    }

    /// How long nothing at all may come, neither event nor comment, before the connection is
    /// given up and made again (default: `None`, without end). Choose somewhat more than the
    /// server's heartbeat.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.config.idle_timeout = timeout.into();
        self
    }

    /// How long to wait before another attempt, and how many to make.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.config.retry = retry;
        self
    }

    /// How many redirects one attempt follows (default: 10).
    pub fn max_redirects(mut self, max: u32) -> Self {
        self.config.max_redirects = max;
        self
    }

    /// The bound on one event, in bytes, after decompression (default: 16 MiB, at most 1 GiB). A
    /// larger one is reported as [`StreamItem::TooLarge`](crate::StreamItem::TooLarge) and skipped.
    pub fn max_event_bytes(mut self, max: usize) -> Self {
        self.config.max_event_bytes = max;
        self
    }

    /// Accepts this content type of a response, too, such as `text/plain`; parameters and case do not
    /// matter. `text/event-stream` is always accepted. Several calls add up.
    ///
    /// The request still asks for `text/event-stream`; set another `Accept` with
    /// [`header`](EventStreamBuilder::header).
    pub fn content_type(mut self, content_type: impl AsRef<str>) -> Self {
        if let ContentTypes::Also(types) = &mut self.config.content_types {
            types.push(content_type::normalize(content_type.as_ref()));
        }
        self
    }

    /// Accepts responses of any content type, and those that name none.
    pub fn any_content_type(mut self) -> Self {
        self.config.content_types = ContentTypes::Any;
        self
    }

    /// Ends the stream at the event with this data, `[DONE]` for the APIs that follow OpenAI's chat
    /// completions. That event itself is not handed out.
    ///
    /// Where the stream makes no other attempt ([`Reconnect`]), a body that ends before it is an
    /// error with [`Error::is_truncated`].
    pub fn sentinel(mut self, data: impl Into<String>) -> Self {
        self.config.end_rules.sentinel = Some(data.into());
        self
    }

    /// Ends the stream after the first event of this type, such as `message_stop`. The event is handed
    /// out, and [`StreamItem::Ended`](crate::StreamItem::Ended) follows it. Several calls add up.
    ///
    /// A body that ends before it is treated as with a
    /// [sentinel](EventStreamBuilder::sentinel).
    ///
    /// ```
    /// use sse_client::EventStream;
    ///
    /// let builder = EventStream::builder("https://example.org/v1/responses")
    ///     .end_event("response.completed")
    ///     .end_event("response.incomplete")
    ///     .error_event("response.failed")
    ///     .error_event("error");
    /// ```
    pub fn end_event(mut self, event_type: impl Into<String>) -> Self {
        self.config.end_rules.ends.push(Rule::Type(event_type.into()));
        self
    }

    /// Ends the stream with the first event for which `predicate` is true, as
    /// [`end_event`](EventStreamBuilder::end_event) does.
    pub fn end_when(mut self, predicate: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.config.end_rules.ends.push(Rule::When(Arc::new(predicate)));
        self
    }

    /// Fails the stream at the first event of this type, such as `error`: the `Err` holds the event
    /// ([`Error::event`]). Several calls add up.
    pub fn error_event(mut self, event_type: impl Into<String>) -> Self {
        self.config.end_rules.errors.push(Rule::Type(event_type.into()));
        self
    }

    /// Ends the stream with an error at the first event for which `predicate` is true, as
    /// [`error_event`](EventStreamBuilder::error_event) does.
    ///
    /// ```
    /// use sse_client::EventStream;
    ///
    /// // A model server that reports a failure as an event like any other.
    /// let builder = EventStream::builder("https://example.org/v1/chat/completions")
    ///     .error_when(|event| event.data().starts_with("{\"error\":"));
    /// ```
    pub fn error_when(
        mut self,
        predicate: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.config.end_rules.errors.push(Rule::When(Arc::new(predicate)));
        self
    }

    /// Calls `hook` before each attempt with its request, which it may change in any way: a fresh
    /// token, a recovery position in the URL. An error counts as a failed attempt.
    ///
    /// ```
    /// use sse_client::EventStream;
    /// # async fn fresh_token() -> Result<String, std::io::Error> { Ok("t".into()) }
    ///
    /// let builder = EventStream::builder("https://example.org/events").before_attempt(
    ///     |mut request, attempt| async move {
    ///         let token = format!("Bearer {}", fresh_token().await?);
    ///         request.headers_mut().insert("authorization", token.parse()?);
    ///         let uri = format!("https://example.org/events?after={}", attempt.last_event_id);
    ///         *request.uri_mut() = uri.parse()?;
    ///         Ok(request)
    ///     },
    /// );
    /// ```
    pub fn before_attempt<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Request<Bytes>, Attempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Request<Bytes>, BoxError>> + Send + 'static,
    {
        self.config.hook = Some(Arc::new(move |request, attempt| Box::pin(hook(request, attempt))));
        self
    }

    /// Makes the stream. It connects when it is first polled, which must be within a Tokio
    /// runtime with its time enabled.
    ///
    /// # Errors
    /// When the description is not valid, with [`Error::is_builder`]; or when there is no
    /// [`HttpClient`] and none can be made.
    pub fn build(self) -> Result<EventStream, Error> {
        let uri = self.check()?;
        let mut config = self.config;
        config.uri = uri;
        if config.client.is_none() {
            config.client = Some(default_client()?);
        }
        Ok(EventStream::new(config))
    }

    fn last_event_id_header(mut self, value: &HeaderValue) -> Self {
        match std::str::from_utf8(value.as_bytes()) {
            Ok(id) => self.last_event_id(id),
            Err(_) => {
                self.note("the last event id is not UTF-8".into());
                self
            }
        }
    }

    /// The URL, if the description is valid.
    pub(crate) fn check(&self) -> Result<Uri, Error> {
        match &self.mistake {
            Some(mistake) => Err(Error::builder(&**mistake)),
            None => parse_url(&self.url),
        }
    }

    fn note(&mut self, mistake: String) {
        self.mistake.get_or_insert_with(|| mistake.into());
    }
}

impl fmt::Debug for EventStreamBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStreamBuilder")
            .field("url", &rt_common::redact_url(&self.url))
            .field("method", &self.config.method)
            // Names only (`Keys` itself would show the values): they may be credentials.
            .field("headers", &self.config.headers.keys().collect::<Vec<_>>())
            .field("body_bytes", &self.config.body.len())
            .field("retry", &self.config.retry)
            .finish_non_exhaustive()
    }
}

fn parse_url(url: &str) -> Result<Uri, Error> {
    let shown = || rt_common::redact_url(url);
    let mut parsed = Url::parse(url)
        .map_err(|error| Error::builder_from(format!("{:?} is not a valid URL", shown()), error))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(Error::builder(format!("{:?} is not an http or https URL", shown())));
    }
    parsed.set_fragment(None);
    parsed
        .as_str()
        .parse()
        .map_err(|error| Error::builder_from(format!("{:?} is not a valid URL", shown()), error))
}

/// The default `User-Agent` of requests.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

fn default_client() -> Result<HttpClient, Error> {
    let client = HttpClient::default_for(USER_AGENT);
    client.map_err(|error| Error::builder_from(error.to_string(), error))
}
