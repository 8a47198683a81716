//! The loop of a user's long poll.
use std::borrow::Cow;
use std::time::Duration;

use rt_common::{BoxError, Secret};

use super::history;
use super::{Event, EventKind, Mode, answer};
use crate::api::find_server;
use crate::builder::{Builder, Given};
use crate::kind::{self, Answer, Kind};
use crate::poller::Poller;
use crate::{Api, Error, MalformedParts, Position};

/// What is asked of a user's long poll. It is described with a [`LongPollBuilder`].
#[derive(Clone, Debug)]
pub struct User {
    mode: Mode,
    version: u32,
    pub(super) group_id: Option<i64>,
}

/// A user's long poll, or that of a community's messages; see [`Poller`] for what it does.
///
/// ```no_run
/// # async fn run(token: String) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use vk_longpoll::Item;
/// use vk_longpoll::user::{EventKind, LongPoll};
///
/// let saved = std::fs::read("position.json").ok();
/// let saved = saved.map(|json| serde_json::from_slice(&json)).transpose()?;
/// let mut long_poll = LongPoll::builder(token).position(saved).build()?;
/// while let Some(item) = long_poll.next().await {
///     match item? {
///         Item::Event(event) => match &event.kind {
///             EventKind::NewMessage(message) => println!("{:?}", message.text_decoded()),
///             _ => println!("{}", event.raw()),
///         },
///         Item::Answered(answered) => {
///             std::fs::write("position.json", serde_json::to_vec(&answered.position)?)?;
///         }
///         Item::Gap(gap) => eprintln!("after {} lost: {:?}", gap.from.ts, gap.missing),
///         Item::Disconnected(lost) => eprintln!("{}, again in {:?}", lost.error, lost.retry_in),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub type LongPoll = Poller<User>;

/// Describes a [`LongPoll`].
pub type LongPollBuilder = Builder<User>;

/// A long poll server with its key, and where it is: enough to poll without a token, until VK wants
/// a new key to be asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// The server's address, with or without a scheme.
    pub server: String,
    /// What lets one poll there.
    pub key: Secret,
    /// The number of the last event.
    pub ts: i64,
    /// The number of the last change in the account's history.
    pub pts: Option<i64>,
}

impl Session {
    /// A session as `messages.getLongPollServer` gives it.
    pub fn new(server: impl Into<String>, key: impl Into<Secret>, ts: i64) -> Self {
        Self { server: server.into(), key: key.into(), ts, pts: None }
    }

    /// The same, with its place in the account's history.
    #[must_use]
    pub fn with_pts(mut self, pts: i64) -> Self {
        self.pts = Some(pts);
        self
    }

    fn position(&self) -> Position {
        Position { pts: self.pts, ..Position::new(self.ts) }
    }
}

impl Poller<User> {
    /// Describes a loop with the token of a user, or of a community.
    pub fn builder(token: impl Into<Secret>) -> LongPollBuilder {
        Builder::new(User::new()).with_token(Api::builder(token))
    }

    /// Describes a loop that asks with this API, whose limit and connections it shares.
    pub fn with_api(api: Api) -> LongPollBuilder {
        Builder::new(User::new()).api(api)
    }

    /// Describes a loop that begins with a session. Without a token it runs until VK wants a new key;
    /// [`Builder::api`] gives it one.
    pub fn with_session(session: Session) -> LongPollBuilder {
        let position = session.position();
        let Session { server, key, .. } = session;
        Builder::new(User::new()).with_session(Given { server, key, position })
    }

    /// The session that is polled, at the [position](Poller::position) of what was handed out; `None`
    /// while there is none.
    pub fn session(&self) -> Option<Session> {
        let (server, at) = (self.policy.server()?, self.policy.position()?);
        let (server, key) = (server.url.to_string(), server.key.clone());
        Some(Session { server, key, ts: at.ts, pts: at.pts })
    }

    /// Polls this session from now on, in place of what is under way and of what was not handed out.
    ///
    /// # Errors
    /// With [`Error::is_foreign_server`], when its server is not an address.
    pub fn set_session(&mut self, session: Session) -> Result<(), Error> {
        let position = session.position();
        let server = crate::server::Trust::given().server(&session.server, session.key)?;
        self.policy.set_session(server, position);
        self.drop_request();
        Ok(())
    }
}

impl Builder<User> {
    /// What answers have in them (default: [`Mode::ALL`]). [`Mode::PTS`] is always asked for: without
    /// it, what was missed could not be read.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.kind.mode = mode | Mode::PTS;
        self
    }

    /// The version of the protocol (default: 3). Others are asked for as they are; their events are read
    /// as those of version 3.
    pub fn version(mut self, version: u32) -> Self {
        self.kind.version = version;
        self
    }

    /// The community whose messages these are, with a user's token.
    pub fn group_id(mut self, group_id: i64) -> Self {
        self.kind.group_id = Some(group_id);
        self
    }
}

impl User {
    fn new() -> Self {
        Self { mode: Mode::ALL, version: 3, group_id: None }
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }
}

impl Kind for User {
    type Event = Event;

    const HISTORY: bool = true;

    fn check(&self) -> Result<(), Error> {
        match self.group_id {
            Some(..=0) => Err(Error::builder("a community's id is above zero")),
            _ => Ok(()),
        }
    }

    async fn find_server(self, api: Api) -> Result<Answer<Event>, Error> {
        let params = serde_json::json!({
            "need_pts": 1,
            "lp_version": self.version,
            "group_id": self.group_id,
        });
        find_server(&api, "messages.getLongPollServer", &params).await
    }

    async fn read_history(self, api: Api, from: Position) -> Result<Answer<Event>, Error> {
        history::page(&self, &api, from).await
    }

    fn poll(&self, ts: i64, wait: Duration) -> Vec<(&'static str, i64)> {
        let wait = i64::try_from(wait.as_secs()).unwrap_or(25);
        vec![
            ("ts", ts),
            ("wait", wait),
            ("mode", self.mode.bits()),
            ("version", i64::from(self.version)),
        ]
    }

    fn decode(body: &[u8]) -> Result<Answer<Event>, BoxError> {
        Ok(match answer::Answer::decode(body)? {
            answer::Answer::Updates(it) => {
                Answer::Updates { ts: it.ts, pts: it.pts, events: it.events }
            }
            answer::Answer::Failed(failed) => Answer::Failed(failed),
        })
    }
}

impl kind::Event for Event {
    fn identity(&self) -> Option<String> {
        // The history has the first four values of a row. A new message is told by its id alone: its
        // flags may have changed meanwhile.
        let row = crate::json::split(self.raw().get())?;
        let values = if self.code() == Some(4) { 2 } else { 4 };
        Some(row[..row.len().min(values)].join(","))
    }

    fn is_in_history(&self) -> bool {
        self.code().is_some_and(EventKind::is_in_history)
    }

    fn peer(&self) -> Option<i64> {
        self.peer_id()
    }

    fn code(&self) -> Option<i64> {
        self.code()
    }

    fn name(&self) -> Cow<'static, str> {
        self.kind.name().into()
    }

    fn malformed(&self) -> Option<(String, String)> {
        let EventKind::Malformed(malformed) = &self.kind else { return None };
        let code = malformed.code.map_or_else(|| "no code".into(), |code| format!("code {code}"));
        Some((code, malformed.reason.to_string()))
    }

    fn malformed_parts(&self) -> &MalformedParts {
        self.malformed_parts()
    }
}
