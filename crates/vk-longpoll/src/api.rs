//! VK's API, as far as the loops need it, and any other method by its name.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Request, StatusCode, Uri};
use rt_common::{HttpClient, HttpError, Secret};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::error::Kept;
use crate::json::Typed;
use crate::kind::Answer;
use crate::server::Trust;
use crate::{Error, Position};

mod builder;
mod error;
mod execute;
mod limiter;
mod params;
mod send_message;

pub use builder::ApiBuilder;
pub use error::{ApiError, Captcha, CaptchaAnswer};
pub use execute::{Execute, ExecuteReplies};
pub use send_message::{SendError, SendMessage, Sent};

use builder::AskCaptcha;
pub(crate) use builder::{default_client, user_agent};
use limiter::Limiter;

/// How often one call is sent at most, when VK says that it was one too many in its second.
const MAX_TURNS: u32 = 5;
/// How many captchas one call asks for.
const MAX_CAPTCHAS: u32 = 3;

/// VK's API with one token. Clones are cheap, and share their connections and their limit. VK counts
/// the calls of a token, wherever they come from: use clones of one, in the loops too
/// ([`Builder::api`](crate::Builder::api)), rather than several with the same token.
///
/// ```no_run
/// # async fn run(token: String) -> Result<(), vk_longpoll::Error> {
/// use serde_json::{Value, json};
/// use vk_longpoll::{Api, SendMessage};
///
/// let api = Api::new(token)?;
/// let users: Value = api.call("users.get", &json!({"user_ids": [1, 2], "fields": "online"})).await?;
/// let id = api.send_message(&SendMessage::text(42, "hello")).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors of each call
/// - [`Error::api`]: VK's own, with its number. Error 6 (too many calls a second) is waited out here,
///   and 14 is put to the [captcha callback](ApiBuilder::on_captcha).
/// - [`Error::is_malformed`], [`Error::is_timeout`], [`Error::is_connect`], [`Error::status`] and what else
///   goes wrong on the way.
/// - [`Error::is_builder`]: the method's name or a parameter cannot be sent.
/// - [`Error::is_data`]: the answer is not of the type that was asked for.
#[derive(Clone)]
pub struct Api {
    config: Arc<Config>,
}

struct Config {
    /// Up to and with `/method/`.
    base: String,
    trust: Trust,
    version: String,
    headers: HeaderMap,
    /// It is in the headers, too.
    /// The token, which errors must not show.
    token: Secret,
    http: HttpClient,
    timeout: Duration,
    max_answer_bytes: usize,
    limiter: Limiter,
    captcha: Option<AskCaptcha>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "present")]
    response: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
    execute_errors: Option<Box<RawValue>>,
}

/// A response of `null` is one.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

/// An answer, and the errors of the calls in an `execute`.
struct Answered {
    response: Box<RawValue>,
    errors: Vec<ApiError>,
}

impl Api {
    /// The API with this token, of a user or of a community; three calls a second, which is what a
    /// user's may.
    ///
    /// # Errors
    /// Those of [`ApiBuilder::build`].
    pub fn new(token: impl Into<Secret>) -> Result<Self, Error> {
        Self::builder(token).build()
    }

    /// Describes an API that needs more than [`Api::new`] says.
    pub fn builder(token: impl Into<Secret>) -> ApiBuilder {
        ApiBuilder::new(token.into())
    }

    /// Calls a method by its name, and takes its `response`. It is sent once, unless nothing of it
    /// was done.
    ///
    /// The parameters are a map or a struct: lists become comma-separated, `true` and `false` become 1
    /// and 0, objects JSON; what is null is left out. The token and the version are added.
    ///
    /// # Errors
    /// Those of [`Api`].
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
    ) -> Result<T, Error> {
        let answered = self.ask(method, params).await?;
        serde_json::from_str(answered.response.get())
            .map_err(|error| Error::data("the response", error))
    }

    async fn ask(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
    ) -> Result<Answered, Error> {
        let uri = self.uri(method)?;
        let mut more = vec![("v".to_owned(), self.config.version.clone())];
        let (mut turns, mut captchas) = (1, 0);
        loop {
            let pairs: Vec<_> = more.iter().map(|(name, value)| (&**name, &**value)).collect();
            let form = params::form(params, &pairs)?;
            self.config.limiter.turn().await;
            let error = match self.once(&uri, form).await {
                Ok(answered) => return Ok(answered),
                Err(error) => error,
            };
            let Some(refused) = error.api() else { return Err(error) };
            match (refused.code(), refused.captcha(), &self.config.captcha) {
                // Another program spends the same token's calls; if it waits as long, they meet again.
                (ApiError::TOO_MANY_PER_SECOND, ..) if turns < MAX_TURNS => {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(1_000..=1_500))).await;
                    turns += 1;
                }
                (ApiError::CAPTCHA, Some(captcha), Some(callback)) if captchas < MAX_CAPTCHAS => {
                    let sid = captcha.sid.clone();
                    let Some(answer) = callback(captcha).await else { return Err(error) };
                    captchas += 1;
                    more.truncate(1);
                    match answer {
                        CaptchaAnswer::Key(key) => {
                            more.push(("captcha_sid".into(), sid));
                            more.push(("captcha_key".into(), key));
                        }
                        CaptchaAnswer::SuccessToken(token) => {
                            more.push(("success_token".into(), token));
                        }
                    }
                }
                _ => return Err(error),
            }
        }
    }

    fn uri(&self, method: &str) -> Result<Uri, Error> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_');
        if method.is_empty() || method.len() > 100 || !method.bytes().all(plain) {
            return Err(Error::builder(format!(
                "{method:?} is not the name of a method: write \"users.get\""
            )));
        }
        format!("{}{method}", self.config.base)
            .parse()
            .map_err(|error| Error::builder_from("the API's address is not usable", error))
    }

    async fn once(&self, uri: &Uri, form: String) -> Result<Answered, Error> {
        let config = &*self.config;
        // Here the key of a long poll is asked for, in an `execute` perhaps.
        let names_server = |text: &str| text.contains("LongPollServer");
        let kept = match names_server(uri.path()) || names_server(&form) {
            true => Kept::Nothing,
            false => Kept::Without(&config.token),
        };
        let mut request = Request::post(uri.clone())
            .body(Bytes::from(form))
            .map_err(HttpError::invalid_request)?;
        request.headers_mut().clone_from(&config.headers);
        let (head, body) =
            fetch(&config.http, request, config.timeout, config.max_answer_bytes, kept).await?;
        // Somebody's odd text must not hide the answer.
        let text = String::from_utf8_lossy(&body);
        let malformed = |source| {
            let what = "the answer is not one of VK's API";
            Error::answer(what, (head.status, &head.headers), &kept.of(&body), source)
        };
        let envelope: Envelope =
            // An error about a value quotes it.
            serde_json::from_str(&text)
                .map_err(|error| malformed((!error.is_data()).then(|| error.into())))?;
        match (envelope.error, envelope.response) {
            (Some(error), _) => match ApiError::read(error.get()) {
                Some(error) => Err(Error::from_api(error)),
                None => Err(malformed(None)),
            },
            (None, Some(response)) => {
                let errors = envelope.execute_errors.as_deref().map(RawValue::get);
                Ok(Answered { response, errors: errors.map_or_else(Vec::new, ApiError::read_all) })
            }
            (None, None) => Err(malformed(None)),
        }
    }

    pub(crate) fn version(&self) -> &str {
        &self.config.version
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.config.http
    }
}

/// Asks this method for a long poll server.
pub(crate) async fn find_server<E>(
    api: &Api,
    method: &str,
    params: &serde_json::Value,
) -> Result<Answer<E>, Error> {
    #[derive(Deserialize)]
    struct Found {
        server: String,
        key: String,
        ts: Box<RawValue>,
        #[serde(default)]
        pts: Option<Box<RawValue>>,
    }
    let found: Found = api.call(method, params).await.map_err(|error| match error.is_data() {
        // A bad moment of VK's, like a page that is not JSON.
        true => Error::unreadable("VK named no long poll server"),
        false => error,
    })?;
    let ts = i64::typed(found.ts.get());
    let ts = ts.ok_or_else(|| Error::unreadable("VK named a long poll server without a ts"))?;
    let pts = found.pts.and_then(|pts| i64::typed(pts.get()));
    let server = api.config.trust.server(&found.server, found.key.into())?;
    Ok(Answer::Server { server, position: Position { pts, ..Position::new(ts) } })
}

/// The whole answer, if its status is one of success; otherwise an error with what may be kept of it.
pub(crate) async fn fetch(
    http: &HttpClient,
    request: Request<Bytes>,
    deadline: Duration,
    max: usize,
    kept: Kept<'_>,
) -> Result<(http::response::Parts, Bytes), Error> {
    let (method, url) = (request.method().clone(), request.uri().to_string());
    let (head, body) = http.fetch(request, deadline, max).await?.into_parts();
    if head.status == StatusCode::OK {
        return Ok((head, body));
    }
    if head.status.is_redirection()
        && let Some(location) = head.headers.get(header::LOCATION)
    {
        let location = String::from_utf8_lossy(location.as_bytes());
        return Err(Error::redirect(head.status, &url, &location));
    }
    let error = HttpError::from_status(head.status, &head.headers, kept.of(&body));
    Err(error.with_target(&method, &url).into())
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("base", &rt_common::redact_url(&self.config.base))
            .field("version", &self.config.version)
            .finish_non_exhaustive()
    }
}
