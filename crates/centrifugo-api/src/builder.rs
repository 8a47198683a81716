//! How a client is described.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rt_common::{HttpClient, Redactor, Secret};

use crate::client::Config;
use crate::exchange::Exchange;
use crate::idempotency::Keys;
use crate::uris::Uris;
use crate::{Client, Error, RetryPolicy, endpoint};

/// Describes a [`Client`]; see [`Client::builder`].
///
/// ```no_run
/// # fn main() -> Result<(), centrifugo_api::Error> {
/// use std::time::Duration;
/// use centrifugo_api::{Client, RetryPolicy};
///
/// let client = Client::builder("http://localhost:8000/api")
///     .key(std::env::var("CENTRIFUGO_KEY").unwrap_or_default())
///     .timeout(Duration::from_secs(3))
///     .idempotency_keys(true)
///     .retry(RetryPolicy::new().max_retries(4))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    endpoint: String,
    is_exact: bool,
    key: Key,
    key_header: KeyHeader,
    form: Form,
    transport_errors: bool,
    idempotency_keys: bool,
    headers: HeaderMap,
    http: Option<HttpClient>,
    timeout: Duration,
    max_answer_bytes: usize,
    retry: RetryPolicy,
    // The first mistake; told by `build`, so that the calls chain.
    mistake: Option<Arc<str>>,
}

#[derive(Clone)]
enum Key {
    Missing,
    Insecure,
    Given(Secret),
}

/// Where the key goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyHeader {
    /// `Authorization: apikey KEY`, which every version takes.
    #[default]
    Authorization,
    /// `X-API-Key: KEY`, from Centrifugo 5.0 on: for a proxy that keeps `Authorization` to itself.
    XApiKey,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// `POST /api/publish` with the request as body: from Centrifugo 4.1.3 on.
    #[default]
    Paths,
    /// `POST /api` with a command a line: for Centrifugo 3 and 4. A batch is several lines, done one
    /// after the other.
    Lines,
}

impl ClientBuilder {
    pub(crate) fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            is_exact: false,
            key: Key::Missing,
            key_header: KeyHeader::default(),
            form: Form::default(),
            transport_errors: false,
            idempotency_keys: false,
            headers: HeaderMap::new(),
            http: None,
            timeout: Duration::from_secs(10),
            max_answer_bytes: 64 * 1024 * 1024,
            retry: RetryPolicy::new(),
            mistake: None,
        }
    }

    /// Takes the endpoint's path as it is, without adding `/api`: for a server whose
    /// `api_handler_prefix` is another.
    pub fn exact_endpoint(mut self) -> Self {
        self.is_exact = true;
        self
    }

    /// The API key: `api_key` in the server's configuration (`http_api.key` from version 6 on).
    pub fn key(mut self, key: impl Into<Secret>) -> Self {
        self.key = Key::Given(key.into());
        self
    }

    /// Sends no key: for a server with `api_insecure`, behind a firewall.
    pub fn insecure(mut self) -> Self {
        self.key = Key::Insecure;
        self
    }

    /// Where the key goes (default: [`KeyHeader::Authorization`]).
    pub fn key_header(mut self, header: KeyHeader) -> Self {
        self.key_header = header;
        self
    }

    /// How requests are written (default: [`Form::Paths`]).
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Asks the server to answer errors with an HTTP status of their own, for proxies and their
    /// metrics (`X-Centrifugo-Error-Mode: transport`, from Centrifugo 5 on). Calls give the same
    /// errors; [`Error::status`] says which status it was. Default: no.
    pub fn transport_errors(mut self, transport_errors: bool) -> Self {
        self.transport_errors = transport_errors;
        self
    }

    /// Gives each publication and broadcast that brings no idempotency key one of its own, so that
    /// it can be tried again (default: no). The server must know these keys: from Centrifugo 5.2 on,
    /// with its memory or Redis engine. Who calls again by themselves after an error must bring a key
    /// of their own: a second call is given another one. In a batch it is [`Batch::with_idempotency_keys`] that
    /// does it.
    ///
    /// [`Batch::with_idempotency_keys`]: crate::Batch::with_idempotency_keys
    pub fn idempotency_keys(mut self, idempotency_keys: bool) -> Self {
        self.idempotency_keys = idempotency_keys;
        self
    }

    /// Sets a header of each request, in place of one of that name. Its value is never shown.
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

    /// The HTTP client to use (default: a new one). All calls of this client and of its clones share
    /// its connections.
    ///
    /// It must not follow redirects itself; see `HttpClient::from_reqwest`.
    pub fn http_client(mut self, http: HttpClient) -> Self {
        self.http = Some(http);
        self
    }

    /// How long a call may take in all, its retries included (default: 10 s).
    /// [`Client::with_timeout`] sets it for single calls.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The bound on one answer, in bytes (default: 64 MiB).
    pub fn max_answer_bytes(mut self, max: usize) -> Self {
        self.max_answer_bytes = max;
        self
    }

    /// How a call is tried again (default: [`RetryPolicy::new`]).
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the description is not valid, with [`Error::is_builder`]; or when there is no
    /// [`HttpClient`] and none can be made.
    pub fn build(mut self) -> Result<Client, Error> {
        let endpoint = match self.is_exact {
            true => endpoint::parse_as_it_is(&self.endpoint)?,
            false => endpoint::parse(&self.endpoint)?,
        };
        let has_user = !endpoint.username().is_empty() || endpoint.password().is_some();
        self.set_key(has_user);
        self.header_unless_there(header::CONTENT_TYPE, "application/json");
        if self.transport_errors {
            let name = HeaderName::from_static("x-centrifugo-error-mode");
            self.header_unless_there(name, "transport");
        }
        if let Some(mistake) = &self.mistake {
            return Err(Error::builder(&**mistake));
        }
        let http = match self.http {
            Some(http) => http,
            None => default_client()?,
        };
        Ok(Client::from_config(Config {
            exchange: Exchange {
                http,
                secrets: Redactor::for_client(&self.headers, [&endpoint]),
                headers: self.headers,
                max_answer_bytes: self.max_answer_bytes,
            },
            uris: Uris::new(&endpoint)?,
            endpoint,
            form: self.form,
            timeout: self.timeout,
            retry: self.retry,
            keys: self.idempotency_keys.then(Keys::new),
            proven: AtomicBool::new(false),
        }))
    }

    fn set_key(&mut self, has_user: bool) {
        let key = match &self.key {
            Key::Insecure => return,
            Key::Given(key) if !key.is_empty() => key.expose(),
            Key::Given(_) | Key::Missing => {
                return self.note(
                    "the API key is missing or empty: give one with `key`, \
                     or say `insecure` if the server asks for none"
                        .into(),
                );
            }
        };
        let (name, value) = match self.key_header {
            KeyHeader::Authorization => (header::AUTHORIZATION, format!("apikey {key}")),
            KeyHeader::XApiKey => (HeaderName::from_static("x-api-key"), key.to_owned()),
        };
        let is_taken = has_user || self.headers.contains_key(header::AUTHORIZATION);
        if self.key_header == KeyHeader::Authorization && is_taken {
            return self.note(
                "the key and another credential both want the header Authorization: \
                 send the key with `key_header(KeyHeader::XApiKey)`"
                    .into(),
            );
        }
        match HeaderValue::try_from(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            Err(_) => self.note("the API key does not fit in a header".into()),
        }
    }

    fn header_unless_there(&mut self, name: HeaderName, value: &'static str) {
        self.headers.entry(name).or_insert(HeaderValue::from_static(value));
    }

    fn note(&mut self, mistake: String) {
        self.mistake.get_or_insert_with(|| mistake.into());
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("endpoint", &rt_common::redact_url(&self.endpoint))
            .field("form", &self.form)
            // Names only: the values may be credentials.
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// The default `User-Agent` of requests.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

pub(crate) fn default_client() -> Result<HttpClient, Error> {
    Ok(HttpClient::default_for(USER_AGENT)?)
}
