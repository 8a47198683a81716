//! A client handle made from reqwest; the only file that knows it.
use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::uri::Scheme;
use http::{Request, Response};
use hyper_util::client::proxy::matcher::Matcher;

use crate::body::Body;
use crate::error::HttpError;
use crate::http_client::{HttpClient, SendFuture, Transport};
use crate::plain::{self, PlainTransport};

impl HttpClient {
    /// Describes a client over reqwest, with TLS by rustls. What needs neither TLS nor a proxy nor
    /// HTTP/2 goes the cheaper way of [`HttpClient::plain`].
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder::default()
    }

    /// A handle over a reqwest client of one's own.
    ///
    /// Its own settings stay in force, and nothing here can see them. So build it
    ///
    /// - with `redirect(Policy::none())`: else it follows redirects itself, also from https to
    ///   http, and the rules of the crates that use the handle do not apply;
    /// - without `default_headers` that hold a secret, and without a cookie store: it adds them to
    ///   every request, also to one that follows a redirect to another origin;
    /// - without `timeout` and `read_timeout`: streams live long;
    /// - with `no_gzip()`, `no_brotli()`, `no_deflate()` and `no_zstd()`, where these features are
    ///   on: decompressed here, events may be held back;
    /// - with `http2_keep_alive_interval` and `http2_keep_alive_while_idle(true)`: else requests
    ///   go on over an HTTP/2 connection whose peer has vanished.
    ///
    /// [`HttpClient::builder`] does all that.
    pub fn from_reqwest(client: reqwest::Client) -> Self {
        Self::from_transport(ReqwestTransport { client })
    }
}

/// How to make an [`HttpClient`]; see [`HttpClient::builder`].
///
/// Proxies from the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) are used
/// unless [`proxy`](HttpClientBuilder::proxy) or [`no_proxy`](HttpClientBuilder::no_proxy) is
/// called.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use rt_common::HttpClient;
///
/// let client = HttpClient::builder()
///     .proxy("socks5h://127.0.0.1:1080")
///     .connect_timeout(Duration::from_secs(5))
///     .user_agent("ticker/1.2")
///     .add_root_certificate_pem(std::fs::read("company-root.pem")?)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpClientBuilder {
    proxy: Proxy,
    connect_timeout: Option<Duration>,
    user_agent: Option<String>,
    roots_pem: Vec<Vec<u8>>,
    only_own_roots: bool,
    http2_prior_knowledge: bool,
}

#[derive(Clone)]
enum Proxy {
    Environment,
    None,
    Url(String),
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::None => f.write_str("none"),
            Self::Url(url) => f.write_str(&crate::redact_url(url)),
        }
    }
}

impl Default for HttpClientBuilder {
    fn default() -> Self {
        Self {
            proxy: Proxy::Environment,
            connect_timeout: Some(plain::CONNECT_TIMEOUT),
            user_agent: None,
            roots_pem: Vec::new(),
            only_own_roots: false,
            http2_prior_knowledge: false,
        }
    }
}

impl HttpClientBuilder {
    /// Sends everything over this proxy: `http://`, `https://`, `socks5://` (names resolved here)
    /// or `socks5h://` (resolved by the proxy), with `user:password@` where it asks for them.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Proxy::Url(url.into());
        self
    }

    /// Uses no proxy, not even one from the environment.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxy::None;
        self
    }

    /// How long making a connection may take, TLS included (default: 10 seconds; `None`: as long
    /// as the system lets it).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// The `User-Agent` of requests that bring none (default: none is sent).
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Trusts the certificates in this PEM text (one or several), beside the system's.
    #[must_use]
    pub fn add_root_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots_pem.push(pem.into());
        self
    }

    /// Trusts only the certificates given here, not the system's.
    #[must_use]
    pub fn only_own_roots(mut self) -> Self {
        self.only_own_roots = true;
        self
    }

    /// Speaks HTTP/2 from the first byte, also without TLS. (With TLS the two sides agree on
    /// HTTP/2 or HTTP/1.1 by themselves.)
    #[must_use]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.http2_prior_knowledge = true;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// When the proxy's URL, the user agent or a certificate is not valid, or TLS cannot be set
    /// up (for instance because the system has no root certificates).
    pub fn build(self) -> Result<HttpClient, HttpError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // Some other crate in the build may have turned these features on.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            // A peer that vanished answers no ping: its connection is not used again.
            .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
            .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
            .http2_keep_alive_while_idle(true);
        match &self.proxy {
            Proxy::Environment => {}
            Proxy::None => builder = builder.no_proxy(),
            Proxy::Url(url) => {
                let proxy = reqwest::Proxy::all(url.as_str()).map_err(invalid)?;
                builder = builder.no_proxy().proxy(proxy);
            }
        }
        if let Some(timeout) = self.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(user_agent) = &self.user_agent {
            builder = builder.user_agent(user_agent.as_str());
        }
        let mut roots = Vec::new();
        for pem in &self.roots_pem {
            let found = reqwest::Certificate::from_pem_bundle(pem).map_err(invalid)?;
            if found.is_empty() {
                return Err(HttpError::invalid_request("no certificate in the PEM text given"));
            }
            roots.extend(found);
        }
        if self.only_own_roots {
            builder = builder.tls_certs_only(roots);
        } else if !roots.is_empty() {
            builder = builder.tls_certs_merge(roots);
        }
        if self.http2_prior_knowledge {
            builder = builder.http2_prior_knowledge();
        }
        let reqwest = ReqwestTransport { client: builder.build().map_err(invalid)? };
        let proxies = match self.proxy {
            _ if self.http2_prior_knowledge => return Ok(HttpClient::from_transport(reqwest)),
            Proxy::Url(_) => return Ok(HttpClient::from_transport(reqwest)),
            Proxy::None => None,
            // As reqwest asks it.
            Proxy::Environment => Some(Matcher::from_system()),
        };
        let user_agent = self.user_agent.map(HeaderValue::try_from).transpose();
        let user_agent = user_agent.map_err(HttpError::invalid_request)?;
        let plain = PlainTransport::new(self.connect_timeout, user_agent);
        Ok(HttpClient::from_transport(Either { plain, reqwest, proxies }))
    }
}

/// The cheaper transport where it can do what is asked.
struct Either {
    plain: PlainTransport,
    reqwest: ReqwestTransport,
    proxies: Option<Matcher>,
}

impl Transport for Either {
    fn send(&self, request: Request<Bytes>) -> SendFuture {
        let uri = request.uri();
        let proxied = |proxies: &Matcher| proxies.intercept(uri).is_some();
        if uri.scheme() == Some(&Scheme::HTTP) && !self.proxies.as_ref().is_some_and(proxied) {
            return self.plain.send(request);
        }
        self.reqwest.send(request)
    }
}

const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

struct ReqwestTransport {
    client: reqwest::Client,
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request<Bytes>) -> SendFuture {
        let client = self.client.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(invalid)?;
            let answer = client.execute(request).await.map_err(failed)?;
            let (head, body) = Response::from(answer).into_parts();
            let body = http_body_util::BodyExt::map_err(body, failed_body);
            Ok(Response::from_parts(head, Body::new(body)))
        })
    }
}

fn invalid(error: reqwest::Error) -> HttpError {
    // The URL may hold secrets; the caller names the request, without them.
    HttpError::invalid_request(error.without_url())
}

fn failed_body(error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    match error.is_timeout() {
        true => HttpError::timed_out_by(error),
        false => HttpError::body_failed(error),
    }
}

fn failed(error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    if error.is_builder() {
        return HttpError::invalid_request(error);
    }
    // Only reqwest knows whether the connection was there: the causes look alike later on, when
    // the request may have been sent.
    match (error.is_connect(), error.is_timeout()) {
        (true, timed_out) => match tls_cause(&error) {
            Some(certificate) => HttpError::tls_failed(certificate, error),
            None if timed_out => HttpError::connect_timed_out(error),
            None => HttpError::connect_failed(error),
        },
        (false, true) => HttpError::timed_out_by(error),
        (false, false) => HttpError::transport_failed(error),
    }
}

/// Whether the failure is one of TLS, and then whether the certificate is the reason.
fn tls_cause(error: &(dyn StdError + 'static)) -> Option<bool> {
    let mut cause = Some(error);
    while let Some(this) = cause {
        // An `io::Error` hides the error it wraps from `source()`.
        let inner = this
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .map(|inner| inner as &(dyn StdError + 'static));
        for candidate in [Some(this), inner].into_iter().flatten() {
            if let Some(tls) = candidate.downcast_ref::<rustls::Error>() {
                return Some(matches!(tls, rustls::Error::InvalidCertificate(_)));
            }
        }
        cause = inner.or_else(|| this.source());
    }
    None
}
