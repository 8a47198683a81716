//! How a loop is described.
use std::fmt;
use std::time::Duration;

use http::header::{self, HeaderMap};
use rt_common::{HttpClient, Secret};

use crate::kind::Kind;
use crate::policy::{Means, Policy};
use crate::poller::{Link, Poller};
use crate::server::Trust;
use crate::{Api, ApiBuilder, Captcha, CaptchaAnswer, Error, Position, RetryPolicy, api};

/// The longest wait that VK takes.
const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// Describes a loop: [`user::LongPoll::builder`](crate::user::LongPoll) or
/// [`bots::LongPoll::builder`](crate::bots::LongPoll).
#[must_use]
pub struct Builder<K> {
    pub(crate) kind: K,
    means: Account,
    /// What was said of the API that is made of the token.
    of_token: Option<&'static str>,
    session: Option<Given>,
    position: Option<Position>,
    wait: Duration,
    max_answer_bytes: usize,
    user_agent: Option<String>,
    http: Option<HttpClient>,
    retry: RetryPolicy,
}

/// A server to begin with.
pub(crate) struct Given {
    pub(crate) server: String,
    pub(crate) key: Secret,
    pub(crate) position: Position,
}

enum Account {
    None,
    Token(Box<ApiBuilder>),
    Api(Api),
}

impl<K: Kind> Builder<K> {
    pub(crate) fn new(kind: K) -> Self {
        Self {
            kind,
            means: Account::None,
            of_token: None,
            session: None,
            position: None,
            wait: Duration::from_secs(25),
            max_answer_bytes: 8 * 1024 * 1024,
            user_agent: None,
            http: None,
            retry: RetryPolicy::new(),
        }
    }

    pub(crate) fn with_token(mut self, api: ApiBuilder) -> Self {
        self.means = Account::Token(Box::new(api));
        self
    }

    pub(crate) fn with_session(mut self, given: Given) -> Self {
        self.session = Some(given);
        self
    }

    /// The API to ask with, in place of one with the token: to share its limit and its connections.
    ///
    /// Each loop that is made of a token has an API of its own, with a limit of its own; VK counts the
    /// calls of the token. For several loops with one token, or a bot that calls methods, make one
    /// [`Api`] and give it to all.
    ///
    /// Its address, its `User-Agent`, its client and its captcha callback are its own: see
    /// [`Api::builder`].
    pub fn api(mut self, api: Api) -> Self {
        self.means = Account::Api(api);
        self
    }

    /// The API's address, where it is made of a token; see [`ApiBuilder::address`].
    pub fn api_address(self, address: impl Into<String>) -> Self {
        self.of_token("api_address", |api| api.address(address))
    }

    /// Asked when VK wants a captcha read, where the API is made of a token; see
    /// [`ApiBuilder::on_captcha`].
    pub fn on_captcha<F, R>(self, ask: F) -> Self
    where
        F: Fn(Captcha) -> R + Send + Sync + 'static,
        R: Future<Output = Option<CaptchaAnswer>> + Send + 'static,
    {
        self.of_token("on_captcha", |api| api.on_captcha(ask))
    }

    fn of_token(
        mut self,
        what: &'static str,
        change: impl FnOnce(ApiBuilder) -> ApiBuilder,
    ) -> Self {
        self.of_token = Some(what);
        if let Account::Token(api) = self.means {
            self.means = Account::Token(Box::new(change(*api)));
        }
        self
    }

    /// Resumes from here (default: from now on): what was missed comes first. The server is polled from
    /// this `ts`; what it has forgotten is read from the account's history.
    pub fn position(mut self, position: impl Into<Option<Position>>) -> Self {
        self.position = position.into();
        self
    }

    /// How long the server may hold a poll, in whole seconds (default: 25 s, at most 90 s). An answer
    /// is waited for 10 s longer.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The bound on one answer, in bytes (default: 8 MiB), to a poll or a call of the loop's own API.
    /// What is larger is read from the account's history, in pages.
    pub fn max_answer_bytes(mut self, max: usize) -> Self {
        self.max_answer_bytes = max;
        self
    }

    /// The `User-Agent` of polls and calls (default: none). An API [that is given](Builder::api) has
    /// its own, or none.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// The HTTP client to use for polls and calls (default: a new one): with a proxy, say. An API
    /// [that is given](Builder::api) has its own; without this, it is used for the polls, too.
    ///
    /// It must not follow redirects itself; see `HttpClient::from_reqwest`.
    pub fn http_client(mut self, http: HttpClient) -> Self {
        self.http = Some(http);
        self
    }

    /// How the loop goes on after a failure (default: [`RetryPolicy::new`]).
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Makes the loop. Nothing is sent yet.
    ///
    /// # Errors
    /// When the description is not valid, with [`Error::is_builder`]: a wait that VK does not take, or
    /// something said of an API that is not made here; or when there is no [`HttpClient`] and none can
    /// be made.
    pub fn build(self) -> Result<Poller<K>, Error> {
        self.kind.check()?;
        self.check_account()?;
        if self.wait > LONGEST_WAIT || self.wait < Duration::from_secs(1) {
            return Err(Error::builder(format!(
                "a wait of {:?}: VK takes 1 to 90 seconds",
                self.wait
            )));
        }
        let mut headers = HeaderMap::new();
        if let Some(user_agent) = &self.user_agent {
            headers.insert(header::USER_AGENT, api::user_agent(user_agent)?);
        }
        let given = self.http;
        let api = match self.means {
            Account::None => None,
            Account::Api(api) => Some(api),
            Account::Token(mut api) => {
                *api = api.max_answer_bytes(self.max_answer_bytes);
                if let Some(http) = &given {
                    *api = api.http_client(http.clone());
                }
                if let Some(user_agent) = self.user_agent {
                    *api = api.user_agent(user_agent);
                }
                Some(api.build()?)
            }
        };
        let http = match (given, &api) {
            (Some(http), _) => http,
            (None, Some(api)) => api.http().clone(),
            (None, None) => api::default_client()?,
        };
        let means = Means { token: api.is_some(), history: K::HISTORY };
        if api.is_none() && self.session.is_none() {
            return Err(Error::builder("there is neither a token nor a session to begin with"));
        }
        let (server, position) = match self.session {
            None => (None, self.position),
            Some(Given { server, key, position }) => {
                let server = Trust::given().server(&server, key)?;
                (Some(server), Some(self.position.unwrap_or(position)))
            }
        };
        let policy = Policy::new(means, server, position, self.retry);
        let max_answer_bytes = self.max_answer_bytes;
        let link = Link { http, headers, wait: self.wait, max_answer_bytes };
        Ok(Poller::new(self.kind, api, link, policy))
    }
}

impl<K> Builder<K> {
    /// What would have no effect is an error.
    fn check_account(&self) -> Result<(), Error> {
        let Some(what) = self.of_token else { return Ok(()) };
        let why = match self.means {
            Account::Token(_) => return Ok(()),
            Account::Api(_) => "the API that was given with `api` has its own: say it there",
            Account::None => "there is no token: give an API with `api`, and say it there",
        };
        let there = match what {
            "api_address" => "Api::builder(token).address(…)",
            _ => "Api::builder(token).on_captcha(…)",
        };
        Err(Error::builder(format!("`{what}` has no effect: {why}, `{there}`")))
    }
}

impl<K> fmt::Debug for Builder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("position", &self.position)
            .field("wait", &self.wait)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
