//! How an API is described.
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use rt_common::{HttpClient, Secret};
use url::Url;

use super::limiter::Limiter;
use super::{Api, Captcha, CaptchaAnswer, Config};
use crate::Error;
use crate::server::Trust;

/// Asks whoever can read a captcha.
pub(super) type AskCaptcha = Arc<
    dyn Fn(Captcha) -> Pin<Box<dyn Future<Output = Option<CaptchaAnswer>> + Send>> + Send + Sync,
>;

/// Describes an [`Api`]; see [`Api::builder`].
///
/// ```no_run
/// # fn main() -> Result<(), vk_longpoll::Error> {
/// use std::time::Duration;
/// use vk_longpoll::{Api, CaptchaAnswer};
///
/// let api = Api::builder(std::env::var("VK_TOKEN").unwrap_or_default())
///     .calls_per_second(20) // A community's token.
///     .timeout(Duration::from_secs(5))
///     .on_captcha(|captcha| async move {
///         println!("what does {} say?", captcha.image);
///         let mut text = String::new();
///         std::io::stdin().read_line(&mut text).ok()?;
///         Some(CaptchaAnswer::Key(text.trim().into()))
///     })
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ApiBuilder {
    token: Secret,
    address: String,
    version: String,
    calls_per_second: u32,
    timeout: Duration,
    max_answer_bytes: usize,
    user_agent: Option<String>,
    http: Option<HttpClient>,
    captcha: Option<AskCaptcha>,
}

impl ApiBuilder {
    pub(super) fn new(token: Secret) -> Self {
        Self {
            token,
            address: "https://api.vk.com".into(),
            version: "5.199".into(),
            calls_per_second: 3,
            timeout: Duration::from_secs(10),
            max_answer_bytes: 8 * 1024 * 1024,
            user_agent: None,
            http: None,
            captcha: None,
        }
    }

    /// The API's address (default: `https://api.vk.com`; VK's other one is `https://api.vk.ru`).
    /// Methods are called at `{address}/method/NAME`.
    ///
    /// For an address that is not VK's (a gateway of your own, a server for tests) `http` is
    /// allowed, and the long poll servers that it names are followed wherever they are. The token goes
    /// there.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// The version of the API (default: 5.199).
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// How many calls a second VK takes with this token (default: 3, a user's; a community's is 20).
    /// Calls wait for their turn. 0 is no limit here.
    pub fn calls_per_second(mut self, calls_per_second: u32) -> Self {
        self.calls_per_second = calls_per_second;
        self
    }

    /// How long one request may take, from its turn on (default: 10 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The bound on one answer, in bytes (default: 8 MiB).
    pub fn max_answer_bytes(mut self, max: usize) -> Self {
        self.max_answer_bytes = max;
        self
    }

    /// The `User-Agent` of requests (default: none).
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// The HTTP client to use (default: a new one): with a proxy, say.
    ///
    /// It must not follow redirects itself; see `HttpClient::from_reqwest`.
    pub fn http_client(mut self, http: HttpClient) -> Self {
        self.http = Some(http);
        self
    }

    /// Asked when VK wants a captcha read (error 14); the call is made again with the answer. Without
    /// one, or when it gives `None`, the call fails with that error.
    pub fn on_captcha<F, R>(mut self, ask: F) -> Self
    where
        F: Fn(Captcha) -> R + Send + Sync + 'static,
        R: Future<Output = Option<CaptchaAnswer>> + Send + 'static,
    {
        self.captcha = Some(Arc::new(move |captcha| Box::pin(ask(captcha))));
        self
    }

    /// Makes the API. Nothing is sent yet.
    ///
    /// # Errors
    /// When the description is not valid, with [`Error::is_builder`]: an empty token, an address that
    /// is no URL, plain `http` to VK; or when there is no [`HttpClient`] and none can be made.
    pub fn build(self) -> Result<Api, Error> {
        if self.token.is_empty() {
            return Err(Error::builder("the token is empty"));
        }
        let mut headers = HeaderMap::new();
        let mut token = HeaderValue::try_from(format!("Bearer {}", self.token.expose()))
            .map_err(|_| Error::builder("the token does not fit in a header"))?;
        token.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, token);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(user_agent) = &self.user_agent {
            headers.insert(header::USER_AGENT, self::user_agent(user_agent)?);
        }
        let address = address(&self.address)?;
        Ok(Api {
            config: Arc::new(Config {
                base: format!("{}/method/", address.as_str().trim_end_matches('/')),
                trust: Trust::of_api(&address),
                version: self.version,
                headers,
                token: self.token,
                http: self.http.map_or_else(default_client, Ok)?,
                timeout: self.timeout,
                max_answer_bytes: self.max_answer_bytes,
                limiter: Limiter::new(self.calls_per_second),
                captcha: self.captcha,
            }),
        })
    }
}

fn address(text: &str) -> Result<Url, Error> {
    let shown = rt_common::redact_url(text);
    let url = Url::parse(text).map_err(|error| {
        let hint = "write \"https://api.vk.com\"";
        Error::builder_from(format!("the API's address {shown:?} is not a URL: {hint}"), error)
    })?;
    let fault = |what: &str| Err(Error::builder(format!("the API's address {shown:?} {what}")));
    match url.scheme() {
        "https" => {}
        "http" if Trust::is_vk(&url) => return fault("is VK's and takes the token: use https"),
        "http" => {}
        _ => return fault("is not an http or https URL"),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return fault("has more than a path");
    }
    Ok(url)
}

pub(crate) fn user_agent(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(text)
        .map_err(|_| Error::builder("the user agent does not fit in a header"))
}

impl fmt::Debug for ApiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiBuilder")
            .field("address", &rt_common::redact_url(&self.address))
            .field("version", &self.version)
            .field("calls_per_second", &self.calls_per_second)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The default `User-Agent` of requests.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

pub(crate) fn default_client() -> Result<HttpClient, Error> {
    Ok(HttpClient::default_for(USER_AGENT)?)
}
