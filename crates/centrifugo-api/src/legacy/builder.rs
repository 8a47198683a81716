//! How a legacy client is described.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rt_common::{HttpClient, Redactor, Secret};

use super::Client;
use super::client::{Config, SIGN};
use crate::builder::default_client;
use crate::exchange::Exchange;
use crate::{Error, endpoint};

/// Describes a [`Client`]; see [`Client::builder`].
///
/// ```no_run
/// # fn main() -> Result<(), centrifugo_api::Error> {
/// use std::time::Duration;
/// use centrifugo_api::legacy::Client;
///
/// let client = Client::builder("http://localhost:8000")
///     .secret(std::env::var("CENTRIFUGO_SECRET").unwrap_or_default())
///     .timeout(Duration::from_secs(5))
///     .header("x-forwarded-proto", "https")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    endpoint: String,
    signing: Signing,
    timeout: Duration,
    headers: HeaderMap,
    http: Option<HttpClient>,
    max_answer_bytes: usize,
    max_buffer_bytes: usize,
    // The first mistake; told by `build`, so that the calls chain.
    mistake: Option<Arc<str>>,
}

#[derive(Clone)]
enum Signing {
    Unsaid,
    With(Secret),
    Insecure,
}

impl ClientBuilder {
    pub(super) fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            signing: Signing::Unsaid,
            timeout: Duration::from_secs(10),
            headers: HeaderMap::new(),
            http: None,
            max_answer_bytes: 16 * 1024 * 1024,
            max_buffer_bytes: 16 * 1024 * 1024,
            mistake: None,
        }
    }

    /// The secret of the project; each request is signed with it.
    pub fn secret(mut self, secret: impl Into<Secret>) -> Self {
        self.signing = Signing::With(secret.into());
        self
    }

    /// Sends no sign: for a server with `insecure_api`, whose endpoint a firewall protects.
    pub fn insecure(mut self) -> Self {
        self.signing = Signing::Insecure;
        self
    }

    /// How long a request may take in all, connecting and the answer included (default: 10 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets a header of each request, in place of one of that name. Its value is never shown. The
    /// content type and the sign are the client's own.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), _) if name == SIGN || name == header::CONTENT_TYPE => {
                self.note(format!("the header {name} is set by the client"));
            }
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

    /// The HTTP client to use (default: a new one over reqwest), and so its connections: clients
    /// that are given clones of one share them.
    ///
    /// It must not follow redirects itself; see `HttpClient::from_reqwest`.
    pub fn http_client(mut self, http: HttpClient) -> Self {
        self.http = Some(http);
        self
    }

    /// The bound on one answer, in bytes (default: 16 MiB). A larger one is an error
    /// ([`Error::is_too_large`]).
    pub fn max_answer_bytes(mut self, max: usize) -> Self {
        self.max_answer_bytes = max;
        self
    }

    /// The bound on the body of one request, and so on the buffer (default: 16 MiB). A command
    /// that does not fit is not added ([`Error::is_full`]): while the server cannot be reached, the
    /// buffer stops growing there.
    pub fn max_buffer_bytes(mut self, max: usize) -> Self {
        self.max_buffer_bytes = max;
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the description is not valid, with [`Error::is_builder`]: an endpoint that is no `http`
    /// or `https` URL, an empty secret, neither a secret nor [`insecure`](ClientBuilder::insecure);
    /// or when there is no [`HttpClient`] and none can be made.
    pub fn build(self) -> Result<Client, Error> {
        if let Some(mistake) = &self.mistake {
            return Err(Error::builder(&**mistake));
        }
        let secret = match self.signing {
            Signing::Insecure => None,
            Signing::With(secret) if !secret.is_empty() => Some(secret),
            Signing::With(_) => return Err(no_secret("the secret is empty")),
            Signing::Unsaid => return Err(no_secret("there is no secret")),
        };
        if self.timeout.is_zero() {
            return Err(Error::builder("a timeout of zero leaves no time for a request"));
        }
        let mut headers = self.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let http = self.http.map_or_else(default_client, Ok)?;
        Ok(Client::from_config(Config {
            uri: uri(&self.endpoint)?,
            secret,
            timeout: self.timeout,
            max_buffer_bytes: self.max_buffer_bytes,
            exchange: Exchange {
                http,
                secrets: Redactor::for_client(&headers, [&self.endpoint]),
                headers,
                max_answer_bytes: self.max_answer_bytes,
            },
        }))
    }

    fn note(&mut self, mistake: String) {
        self.mistake.get_or_insert_with(|| mistake.into());
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("endpoint", &rt_common::redact_url(&self.endpoint))
            .field("signed", &matches!(self.signing, Signing::With(_)))
            .field("timeout", &self.timeout)
            // Names only: the values may be credentials.
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn no_secret(what: &str) -> Error {
    Error::builder(format!(
        "{what}: give the project's, or use `insecure` where the server wants no sign"
    ))
}

/// The server redirects a path without the last slash, and the body would be lost.
fn uri(endpoint: &str) -> Result<Uri, Error> {
    let mut url = endpoint::parse(endpoint)?;
    url.set_path(&format!("{}/", url.path()));
    url.as_str().parse().map_err(|error| {
        Error::builder_from(format!("{:?} is not usable", rt_common::redact_url(endpoint)), error)
    })
}
