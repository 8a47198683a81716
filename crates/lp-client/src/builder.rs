//! How a client is described.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rt_common::{HttpClient, Redactor, Secret};
use url::Url;

use crate::poll::{PARAMETERS, check_timeout};
use crate::{Client, Error, RetryPolicy};

/// Describes a [`Client`]; see [`Client::builder`].
///
/// ```no_run
/// # fn main() -> Result<(), lp_client::Error> {
/// use std::time::Duration;
/// use lp_client::{Client, RetryPolicy};
///
/// let client = Client::builder("https://example.org/events")
///     .publish_url("https://example.org/publish")
///     .basic_auth("ann", std::env::var("PASSWORD").unwrap_or_default())
///     .poll_timeout(Duration::from_secs(90))
///     .retry(RetryPolicy::new().max_retries(10))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    events_url: Option<String>,
    publish_url: Option<String>,
    headers: HeaderMap,
    http: Option<HttpClient>,
    poll_timeout: Duration,
    margin: Duration,
    publish_timeout: Duration,
    max_answer_bytes: usize,
    retry: RetryPolicy,
    // The first mistake; told by `build`, so that the calls chain.
    mistake: Option<Arc<str>>,
}

/// What each request needs to know.
pub(crate) struct Config {
    pub(crate) events_url: Option<Url>,
    pub(crate) publish_url: Option<Url>,
    pub(crate) headers: HeaderMap,
    /// Secrets that errors must not quote.
    pub(crate) secrets: Redactor,
    pub(crate) http: HttpClient,
    pub(crate) poll_timeout: Duration,
    pub(crate) margin: Duration,
    pub(crate) publish_timeout: Duration,
    pub(crate) max_answer_bytes: usize,
    pub(crate) retry: RetryPolicy,
}

impl ClientBuilder {
    pub(crate) fn new(events_url: Option<String>, publish_url: Option<String>) -> Self {
        Self {
            events_url,
            publish_url,
            headers: HeaderMap::new(),
            http: None,
            poll_timeout: Duration::from_secs(45),
            margin: Duration::from_secs(10),
            publish_timeout: Duration::from_secs(30),
            max_answer_bytes: 16 * 1024 * 1024,
            retry: RetryPolicy::new(),
            mistake: None,
        }
    }

    /// The `http` or `https` URL to publish to.
    pub fn publish_url(mut self, url: impl Into<String>) -> Self {
        self.publish_url = Some(url.into());
        self
    }

    /// A user name (without a colon) and a password, sent with each request. They may also stand in
    /// the URL.
    pub fn basic_auth(mut self, name: &str, password: impl Into<Secret>) -> Self {
        if name.contains(':') {
            self.note("a user name for basic authorization has no colon".into());
            return self;
        }
        let pair = STANDARD.encode(format!("{name}:{}", password.into().expose()));
        match HeaderValue::try_from(format!("Basic {pair}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(header::AUTHORIZATION, value);
            }
            Err(_) => self.note("the user name and password do not fit in a header".into()),
        }
        self
    }

    /// Sets a header of each request, in place of one of that name. Its value is never shown.
    /// A poll's `Accept`, which asks for both forms, and its `Cache-Control: no-cache` are sent
    /// unless they are set here.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            // The value may be a secret: it is not repeated.
            (Ok(name), Err(_)) => self.note(format!("the value of the header {name} is not valid")),
            (Err(_), _) => self.note("a header's name is not valid".into()),
        }
        self
    }

    /// Sets several headers, each in place of those of its name, and one name with several values as
    /// often as it is in the map; see [`header`](Self::header).
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers.into_iter().map(|(name, mut value)| {
            value.set_sensitive(true);
            (name, value)
        }));
        self
    }

    /// The HTTP client to use (default: a new one over reqwest). All requests of this client and of
    /// its clones share its connections.
    ///
    /// It must not follow redirects itself; see `HttpClient::from_reqwest`.
    pub fn http_client(mut self, http: HttpClient) -> Self {
        self.http = Some(http);
        self
    }

    /// How long the server may wait for an event before it answers without one, in whole seconds
    /// (default: 45 s). Stay below the limits of proxies on the way, and of the server (110 s
    /// unless it is set otherwise).
    pub fn poll_timeout(mut self, timeout: Duration) -> Self {
        self.poll_timeout = timeout;
        self
    }

    /// How much longer than the poll's timeout an answer may take, connecting and its body included
    /// (default: 10 s): a poll in which nothing happens is answered at its timeout, and that answer
    /// has to arrive.
    pub fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// How long a publication may take in all (default: 30 s).
    pub fn publish_timeout(mut self, timeout: Duration) -> Self {
        self.publish_timeout = timeout;
        self
    }

    /// The bound on one answer, in bytes (default: 16 MiB). A larger one is an error
    /// ([`Error::is_too_large`]) and ends a follower: it would be as large the next time.
    pub fn max_answer_bytes(mut self, max: usize) -> Self {
        self.max_answer_bytes = max;
        self
    }

    /// How a follower tries again.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the description is not valid, with [`Error::is_builder`]; or when there is no
    /// [`HttpClient`] and none can be made.
    pub fn build(self) -> Result<Client, Error> {
        if let Some(mistake) = &self.mistake {
            return Err(Error::builder(&**mistake));
        }
        check_timeout(self.poll_timeout)?;
        let events_url = self.events_url.as_deref().map(parse_url).transpose()?;
        let publish_url = self.publish_url.as_deref().map(parse_url).transpose()?;
        let secrets =
            Redactor::for_client(&self.headers, events_url.iter().chain(publish_url.iter()));
        Ok(Client::from_config(Config {
            secrets,
            events_url: events_url.map(without_our_parameters),
            publish_url,
            headers: self.headers,
            http: self.http.map_or_else(default_client, Ok)?,
            poll_timeout: self.poll_timeout,
            margin: self.margin,
            publish_timeout: self.publish_timeout,
            max_answer_bytes: self.max_answer_bytes,
            retry: self.retry,
        }))
    }

    fn note(&mut self, mistake: String) {
        self.mistake.get_or_insert_with(|| mistake.into());
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(rt_common::redact_url);
        f.debug_struct("ClientBuilder")
            .field("events_url", &shown(&self.events_url))
            .field("publish_url", &shown(&self.publish_url))
            // Names only: the values may be credentials.
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("poll_timeout", &self.poll_timeout)
            .field("margin", &self.margin)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

fn parse_url(url: &str) -> Result<Url, Error> {
    let shown = || rt_common::redact_url(url);
    let mut parsed = Url::parse(url)
        .map_err(|error| Error::builder_from(format!("{:?} is not a valid URL", shown()), error))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(Error::builder(format!("{:?} is not an http or https URL", shown())));
    }
    parsed.set_fragment(None);
    Ok(parsed)
}

/// A URL is often pasted with a query that was tried out; of two of a name golongpoll takes the
/// first.
fn without_our_parameters(mut url: Url) -> Url {
    let ours = |name: &str| PARAMETERS.contains(&name);
    if url.query_pairs().any(|(name, _)| ours(&name)) {
        let rest = url.clone();
        let rest = rest.query_pairs().filter(|(name, _)| !ours(name));
        url.query_pairs_mut().clear().extend_pairs(rest);
    }
    if url.query() == Some("") {
        url.set_query(None);
    }
    url
}

/// The default `User-Agent` of requests.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

fn default_client() -> Result<HttpClient, Error> {
    Ok(HttpClient::default_for(USER_AGENT)?)
}
