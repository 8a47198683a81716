//! The client: polls, publications, and followers of a category.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

use crate::answer::Content;
use crate::builder::Config;
use crate::exchange::{Reply, exchange};
use crate::parse::{self, Said};
use crate::policy::SHORTEST_WAIT;
use crate::poll::check_category;
use crate::{Answer, ClientBuilder, Error, Follow, Poll, Position};

/// What a poll accepts; golongpoll does not look at it.
const BOTH_FORMS: &str = "application/vnd.longpoll+json, application/json;q=0.9";

/// A client of one server's long polling; a cheap clone, with the connections shared.
///
/// ```no_run
/// # async fn run() -> Result<(), lp_client::Error> {
/// use lp_client::{Client, Poll, Position};
///
/// let client = Client::builder("http://127.0.0.1:8080/events")
///     .publish_url("http://127.0.0.1:8080/publish")
///     .build()?;
/// client.publish("news", &serde_json::json!({"n": 1})).await?;
///
/// let answer = client.subscribe(Poll::new("news").position(Position::oldest())).await?;
/// for event in answer.events() {
///     println!("{}", event.data);
/// }
/// let next = Poll::new("news").position(answer.position().clone());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    config: Arc<Config>,
}

/// The answer to a publication that was taken.
#[derive(Clone)]
#[non_exhaustive]
pub struct Published {
    /// The status, 200.
    pub status: StatusCode,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The answer's body.
    pub body: Bytes,
}

impl Client {
    /// A client of the server with this subscribe endpoint, such as
    /// `http://127.0.0.1:8080/events`.
    ///
    /// # Errors
    /// When the URL is not valid, with [`Error::is_builder`], or there is no HTTP client.
    pub fn new(events_url: impl Into<String>) -> Result<Self, Error> {
        Self::builder(events_url).build()
    }

    /// Describes a client of the server with this subscribe endpoint. Parameters of a poll in its
    /// query (`timeout`, `category`, …) are left out, others are sent.
    pub fn builder(events_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(Some(events_url.into()), None)
    }

    /// Describes a client that only publishes, to this URL.
    pub fn publisher(publish_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(None, Some(publish_url.into()))
    }

    /// Makes one poll: waits until there are events, or the poll's timeout is over. Dropping the
    /// future gives the request up.
    ///
    /// # Errors
    /// When the poll is not valid, no answer came in time, it was an error (also one with status
    /// 200, as golongpoll's are), too large or not what long polling says.
    pub async fn subscribe(&self, poll: impl Into<Poll>) -> Result<Answer, Error> {
        let poll = poll.into();
        poll.check()?;
        let timeout = poll.timeout.unwrap_or(self.config.poll_timeout);
        let mut position = poll.position.clone();
        loop {
            let start = Instant::now();
            let (reply, content) = self.ask(&poll, &position, timeout).await?;
            if poll.categories.len() > 1 && !content.strict {
                return Err(Error::one_category());
            }
            if let Some(without) = position.without_cursor_after(&content) {
                position = without;
                continue;
            }
            let waited = start.elapsed() >= SHORTEST_WAIT;
            let position = position.advanced(&content, waited);
            return Ok(Answer { status: reply.status, headers: reply.headers, content, position });
        }
    }

    /// Publishes data, anything but null, to a category. It is never sent twice.
    ///
    /// # Errors
    /// When there is no publish URL, the category or the data is not valid, no answer came in time
    /// (the event may have been taken all the same), or it was not `{"success": true}`.
    pub async fn publish<T: Serialize + ?Sized>(
        &self,
        category: &str,
        data: &T,
    ) -> Result<Published, Error> {
        let url =
            self.config.publish_url.as_ref().ok_or_else(|| {
                Error::builder("no URL to publish to: give one with `publish_url`")
            })?;
        let body = publication(category, data)?;
        let mut request = self.request(Method::POST, url.as_str(), body)?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().entry(header::CONTENT_TYPE).or_insert(json);
        let Reply { status, headers, body } =
            exchange(&self.config, request, self.config.publish_timeout).await?;
        if let Some(text) = parse::refusal(&body) {
            return Err(Error::refused(&Method::POST, text).redacted(&self.config.secrets));
        }
        #[derive(Deserialize)]
        struct Success {
            success: bool,
        }
        match serde_json::from_slice(&body) {
            Ok(Success { success: true }) => Ok(Published { status, headers, body }),
            Ok(_) => Err(Error::answer("the server says that the publication was no success")),
            Err(error) => {
                let what = "the answer does not say whether the publication was a success";
                Err(Error::answer_from(what, error).redacted(&self.config.secrets))
            }
        }
    }

    /// Polls for ever: a `Stream` of what is published from the poll's position on. It asks when it
    /// is first polled, which must be within a Tokio runtime with its time enabled.
    ///
    /// # Errors
    /// When the poll is not valid, with [`Error::is_builder`].
    pub fn follow(&self, poll: impl Into<Poll>) -> Result<Follow, Error> {
        let poll = poll.into();
        poll.check()?;
        self.events_url()?;
        Ok(Follow::new(self.clone(), poll))
    }

    pub(crate) fn from_config(config: Config) -> Self {
        Self { config: Arc::new(config) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// One poll, whatever position the follower is at.
    pub(crate) async fn ask(
        &self,
        poll: &Poll,
        position: &Position,
        timeout: Duration,
    ) -> Result<(Reply, Content), Error> {
        let url = self.events_url()?;
        let mut text = String::from(url.as_str());
        text.push(if url.query().is_some() { '&' } else { '?' });
        text.push_str(&poll.query(position, timeout));
        let mut request = self.request(Method::GET, &text, Bytes::new())?;
        let headers = request.headers_mut();
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static(BOTH_FORMS));
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
        let deadline = timeout.saturating_add(self.config.margin);
        let reply = exchange(&self.config, request, deadline).await?;
        match parse::read(reply.status, &reply.headers, &reply.body) {
            Ok(Said::Content(content)) => Ok((reply, content)),
            Ok(Said::Refusal(text)) => Err(Error::refused(&Method::GET, text)),
            Err(error) => Err(error),
        }
        .map_err(|error| error.redacted(&self.config.secrets))
    }

    fn events_url(&self) -> Result<&Url, Error> {
        let url = self.config.events_url.as_ref();
        url.ok_or_else(|| Error::builder("no URL to poll: this client only publishes"))
    }

    fn request(&self, method: Method, url: &str, body: Bytes) -> Result<Request<Bytes>, Error> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().map_err(|error: http::uri::InvalidUri| {
            let shown = rt_common::redact_url(url);
            Error::builder_from(format!("{shown:?} is not a valid URL"), error)
        })?;
        request.headers_mut().clone_from(&self.config.headers);
        Ok(request)
    }
}

fn publication<T: Serialize + ?Sized>(category: &str, data: &T) -> Result<Bytes, Error> {
    #[derive(Serialize)]
    struct Publication<'a, T: ?Sized> {
        category: &'a str,
        data: &'a T,
    }
    check_category(category)?;
    let body = serde_json::to_vec(&Publication { category, data })
        .map_err(|error| Error::builder_from("the data cannot be written as JSON", error))?;
    match body.ends_with(br#","data":null}"#) {
        true => Err(Error::builder("the data is null, which is no data")),
        false => Ok(body.into()),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<Url>| url.as_ref().map(|url| rt_common::redact_url(url.as_str()));
        f.debug_struct("Client")
            .field("events_url", &shown(&self.config.events_url))
            .field("publish_url", &shown(&self.config.publish_url))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &self.body)
            .finish()
    }
}
