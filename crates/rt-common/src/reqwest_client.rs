//! A transport over reqwest. Only this file and `proxy.rs` name reqwest.
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::uri::Scheme;
use http::{Request, Response};
use hyper_util::client::proxy::matcher::Matcher;

use crate::body::Body;
use crate::causes::chain;
use crate::error::{HttpError, MAX_HEADER_KIB, MAX_HEADER_LINES, is_head_too_large, tls_cause};
use crate::http_client::{HttpClient, SendFuture, Transport};
use crate::plain::{self, PlainTransport};
use crate::proxy::{Proxies, ProxyChoice};

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
/// Proxies from the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, or in lower
/// case; in a CGI program without `HTTP_PROXY`, which a request's header sets) are used unless [`proxy`](HttpClientBuilder::proxy) or
/// [`no_proxy`](HttpClientBuilder::no_proxy) is called. A proxy that is not understood is an error of
/// [`build`](HttpClientBuilder::build): it is never dropped, because then requests would go directly.
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
    proxy: ProxyChoice,
    connect_timeout: Option<Duration>,
    user_agent: Option<String>,
    roots_pem: Vec<Vec<u8>>,
    only_own_roots: bool,
    http2_prior_knowledge: bool,
}

impl Default for HttpClientBuilder {
    fn default() -> Self {
        Self {
            proxy: ProxyChoice::Environment,
            connect_timeout: Some(plain::CONNECT_TIMEOUT),
            user_agent: None,
            roots_pem: Vec::new(),
            only_own_roots: false,
            http2_prior_knowledge: false,
        }
    }
}

impl HttpClientBuilder {
    /// Sends everything over this proxy: `http://` (the default scheme) or `https://`, `socks5://`
    /// (names are resolved here; `socks://` is the same) or `socks5h://` (names are resolved by the
    /// proxy), with `user:password@` if the proxy asks for them; `socks4://` or `socks4a://`.
    ///
    /// Without a port it is 80 for `http`, 443 for `https` and 1080 for SOCKS.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = ProxyChoice::Url(url.into());
        self
    }

    /// Uses no proxy, not even one from the environment.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxyChoice::None;
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
    /// When a proxy (the environment's too), the user agent or a certificate is not valid, when
    /// [`only_own_roots`](HttpClientBuilder::only_own_roots) leaves no root, or when TLS cannot be set
    /// up (for instance because the system has no root certificates).
    pub fn build(self) -> Result<HttpClient, HttpError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .http1_max_headers(MAX_HEADER_LINES)
            .http2_max_header_list_size(HTTP2_HEADER_LIST)
            // Some other crate in the build may have turned these features on.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            // A peer that vanished answers no ping: its connection is not used again.
            .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
            .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
            .http2_keep_alive_while_idle(true);
        let proxies = Proxies::new(&self.proxy)?;
        builder = proxies.apply(builder).map_err(unbuildable)?;
        if let Some(timeout) = self.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(user_agent) = &self.user_agent {
            builder = builder.user_agent(user_agent.as_str());
        }
        let mut roots = Vec::new();
        for pem in &self.roots_pem {
            roots.extend(certificates(pem)?);
        }
        if self.only_own_roots {
            if roots.is_empty() {
                let why = "only_own_roots without add_root_certificate_pem trusts no server";
                return Err(HttpError::invalid_client(why));
            }
            builder = builder.tls_certs_only(roots);
        } else if !roots.is_empty() {
            builder = builder.tls_certs_merge(roots);
        }
        if self.http2_prior_knowledge {
            builder = builder.http2_prior_knowledge();
        }
        let reqwest = ReqwestTransport { client: builder.build().map_err(unbuildable)? };
        if self.http2_prior_knowledge || matches!(self.proxy, ProxyChoice::Url(_)) {
            return Ok(HttpClient::from_transport(reqwest));
        }
        let user_agent = self.user_agent.map(HeaderValue::try_from).transpose();
        let user_agent = user_agent.map_err(HttpError::invalid_client)?;
        let plain = PlainTransport::new(self.connect_timeout, user_agent);
        let matcher = proxies.http_matcher();
        Ok(HttpClient::from_transport(Either { plain, reqwest, matcher }))
    }
}

/// The certificates in a PEM text, which must have nothing else in it: a private key, or a certificate
/// in the form that only OpenSSL knows, would be dropped.
fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, HttpError> {
    let found = reqwest::Certificate::from_pem_bundle(pem).map_err(unbuildable)?;
    let blocks = pem.windows(11).filter(|window| window == b"-----BEGIN ").count();
    if found.is_empty() || found.len() != blocks {
        return Err(HttpError::invalid_client(format!(
            "the PEM text of a root certificate must hold `CERTIFICATE` blocks and nothing else: {} of \
             its {blocks} blocks are certificates",
            found.len()
        )));
    }
    Ok(found)
}

/// The cheaper transport where it can do what is asked.
struct Either {
    plain: PlainTransport,
    reqwest: ReqwestTransport,
    /// Which requests over plain HTTP go over a proxy.
    matcher: Option<Matcher>,
}

impl Transport for Either {
    fn send(&self, request: Request<Bytes>) -> SendFuture {
        let uri = request.uri();
        let proxied = |matcher: &Matcher| matcher.intercept(uri).is_some();
        if uri.scheme() == Some(&Scheme::HTTP) && !self.matcher.as_ref().is_some_and(proxied) {
            return self.plain.send(request);
        }
        self.reqwest.send(request)
    }
}

/// Twice the bound on header lines, because HTTP/2 adds 32 bytes to each. Beyond its default of 16 KiB
/// hyper would reset the stream, which looks like a failure of the network.
const HTTP2_HEADER_LIST: u32 = 2 * 1024 * MAX_HEADER_KIB as u32;
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

struct ReqwestTransport {
    client: reqwest::Client,
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request<Bytes>) -> SendFuture {
        let client = self.client.clone();
        Box::pin(async move {
            let mut request = reqwest::Request::try_from(request).map_err(invalid)?;
            let is_idempotent = request.method().is_idempotent();
            let mut spare = is_idempotent.then(|| request.try_clone()).flatten().map(Box::new);
            // One place that waits, so that the future holds one exchange.
            let response = loop {
                match (client.execute(request).await, spare.take()) {
                    // Most likely the connection was idle, and the server closed it at this very
                    // moment. reqwest itself sends again only what was not written at all.
                    (Err(error), Some(spare)) if connection_died(&error) => request = *spare,
                    (response, _) => break response.map_err(failed)?,
                }
            };
            let (head, body) = Response::from(response).into_parts();
            let body = http_body_util::BodyExt::map_err(body, failed_body);
            Ok(Response::from_parts(head, Body::new(body)))
        })
    }
}

fn invalid(error: reqwest::Error) -> HttpError {
    // The URL may hold secrets; the caller names the request, without them.
    HttpError::invalid_request(error.without_url())
}

/// A setting of the client that reqwest does not take.
fn unbuildable(error: reqwest::Error) -> HttpError {
    HttpError::invalid_client(error.without_url())
}

/// Whether an established connection ended before a response began.
fn connection_died(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind as K;
    let reset = [K::ConnectionReset, K::ConnectionAborted, K::BrokenPipe];
    !error.is_connect()
        && chain(Some(error)).any(|cause| {
            let http = cause.downcast_ref().is_some_and(hyper::Error::is_incomplete_message);
            http || cause
                .downcast_ref()
                .is_some_and(|io: &std::io::Error| reset.contains(&io.kind()))
        })
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
    if is_head_too_large(&error) {
        return HttpError::head_too_large();
    }
    if error.is_builder() {
        return HttpError::invalid_request(error);
    }
    // Only reqwest knows whether the connection was there: the causes look alike later on, when
    // the request may have been sent.
    match (error.is_connect(), error.is_timeout()) {
        (true, timed_out) => match tls_cause(&error) {
            Some(rustls::Error::InvalidCertificate(_)) => HttpError::tls_failed(true, error),
            Some(_) => HttpError::tls_failed(false, error),
            None if timed_out => HttpError::connect_timed_out(error),
            None => HttpError::connect_failed(error),
        },
        (false, true) => HttpError::timed_out_by(error),
        (false, false) => HttpError::transport_failed(error),
    }
}
