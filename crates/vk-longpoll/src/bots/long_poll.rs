//! The loop of a community's long poll.
use std::borrow::Cow;
use std::time::Duration;

use rt_common::{BoxError, Secret};
use serde_json::{Map, Value, json};

use super::{Event, EventKind, EventType, answer};
use crate::api::find_server;
use crate::builder::Builder;
use crate::kind::{self, Answer, Kind};
use crate::poller::Poller;
use crate::{Api, Error, MalformedParts, Position};

/// What is asked of a community's long poll. It is described with a [`LongPollBuilder`].
#[derive(Clone, Debug)]
pub struct Bots {
    group_id: i64,
}

/// A community's long poll; see [`Poller`] for what it does.
///
/// A bot of several communities runs one for each. There is no history to read: what was missed
/// because the server forgot it is reported as an [`Item::Gap`](crate::Item::Gap).
///
/// ```no_run
/// # async fn run(token: String) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use vk_longpoll::Item;
/// use vk_longpoll::bots::{EventKind, EventType, LongPoll};
///
/// let mut long_poll = LongPoll::builder(token, 123).build()?;
/// long_poll.switch_on([EventType::MessageNew, EventType::GroupJoin]).await?;
/// while let Some(item) = long_poll.next().await {
///     let Item::Event(event) = item? else { continue };
///     match &event.kind {
///         EventKind::MessageNew(new) => println!("{:?}", new.message.text),
///         _ => println!("{}", event.raw()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub type LongPoll = Poller<Bots>;

/// Describes a [`LongPoll`].
pub type LongPollBuilder = Builder<Bots>;

/// Calls a second with a community's token.
const CALLS_PER_SECOND: u32 = 20;

impl Poller<Bots> {
    /// Describes a loop with a community's token, and the community's id.
    pub fn builder(token: impl Into<Secret>, group_id: i64) -> LongPollBuilder {
        let api = Api::builder(token).calls_per_second(CALLS_PER_SECOND);
        Builder::new(Bots { group_id }).with_token(api)
    }

    /// Describes a loop that asks with this API, whose limit and connections it shares, and the
    /// community's id.
    pub fn with_api(api: Api, group_id: i64) -> LongPollBuilder {
        Builder::new(Bots { group_id }).api(api)
    }

    /// Switches these types of events on, and the long poll itself; others stay as they are.
    ///
    /// # Errors
    /// Those of [`Api`].
    pub async fn switch_on(&self, types: impl IntoIterator<Item = EventType>) -> Result<(), Error> {
        self.switch(types, 1).await
    }

    /// Switches these types of events off; others stay as they are.
    ///
    /// # Errors
    /// Those of [`Api`].
    pub async fn switch_off(
        &self,
        types: impl IntoIterator<Item = EventType>,
    ) -> Result<(), Error> {
        self.switch(types, 0).await
    }

    async fn switch(
        &self,
        types: impl IntoIterator<Item = EventType>,
        to: u8,
    ) -> Result<(), Error> {
        let api = self.api().ok_or_else(Error::no_token)?;
        let mut params = Map::new();
        for one in types {
            params.insert(one.name().to_owned(), to.into());
        }
        params.insert("group_id".into(), self.kind.group_id.into());
        params.insert("enabled".into(), 1.into());
        params.insert("api_version".into(), api.version().into());
        api.call::<Value>("groups.setLongPollSettings", &params).await.map(drop)
    }
}

impl Kind for Bots {
    type Event = Event;

    const HISTORY: bool = false;

    fn check(&self) -> Result<(), Error> {
        match self.group_id {
            ..=0 => Err(Error::builder("a community's id is above zero")),
            _ => Ok(()),
        }
    }

    async fn find_server(self, api: Api) -> Result<Answer<Event>, Error> {
        let params = json!({"group_id": self.group_id});
        find_server(&api, "groups.getLongPollServer", &params).await
    }

    async fn read_history(self, _: Api, _: Position) -> Result<Answer<Event>, Error> {
        Ok(Answer::History { events: Vec::new(), pts: None, more: false })
    }

    fn poll(&self, ts: i64, wait: Duration) -> Vec<(&'static str, i64)> {
        vec![("ts", ts), ("wait", i64::try_from(wait.as_secs()).unwrap_or(25))]
    }

    fn decode(body: &[u8]) -> Result<Answer<Event>, BoxError> {
        Ok(match answer::Answer::decode(body)? {
            answer::Answer::Updates(it) => {
                Answer::Updates { ts: it.ts, pts: None, events: it.events }
            }
            answer::Answer::Failed(failed) => Answer::Failed(failed),
        })
    }
}

impl kind::Event for Event {
    fn identity(&self) -> Option<String> {
        self.event_id.clone()
    }

    fn is_in_history(&self) -> bool {
        false
    }

    fn peer(&self) -> Option<i64> {
        self.peer_id()
    }

    fn code(&self) -> Option<i64> {
        None
    }

    fn name(&self) -> Cow<'static, str> {
        self.kind.name().to_owned().into()
    }

    fn malformed(&self) -> Option<(String, String)> {
        let EventKind::Malformed(malformed) = &self.kind else { return None };
        let kind = malformed.event_type.as_ref().map_or("no type", EventType::name);
        Some((kind.to_owned(), malformed.reason.to_string()))
    }

    fn malformed_parts(&self) -> &MalformedParts {
        self.malformed_parts()
    }
}
