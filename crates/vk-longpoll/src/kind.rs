//! What a loop for users and one for bots have of their own.
use std::borrow::Cow;
use std::time::Duration;

use rt_common::BoxError;

use crate::server::Server;
use crate::{Api, Error, Failed, MalformedParts, Position};

/// What was answered.
#[derive(Debug)]
pub enum Answer<E> {
    /// A server, and where it is.
    Server { server: Server, position: Position },
    /// A page of the history, up to `pts`.
    History { events: Vec<E>, pts: Option<i64>, more: bool },
    /// What happened, up to `ts`.
    Updates { ts: i64, pts: Option<i64>, events: Vec<E> },
    /// No events.
    Failed(Failed),
}

/// What an event must say of itself.
pub trait Event: Send + Sync + 'static {
    /// What is the same in an event that is read from the history and in one that is polled.
    fn identity(&self) -> Option<String>;

    /// Whether the history has events of its kind.
    fn is_in_history(&self) -> bool;

    /// The conversation that it belongs to: its events stay in their order.
    fn peer(&self) -> Option<i64>;

    /// The number of its kind, where kinds have numbers.
    fn code(&self) -> Option<i64>;

    /// The name of its kind.
    fn name(&self) -> Cow<'static, str>;

    /// Its type or code, and the reason, where the whole of it cannot be read.
    fn malformed(&self) -> Option<(String, String)>;

    /// What of it cannot be read.
    fn malformed_parts(&self) -> &MalformedParts;
}

/// A long poll: [`User`](crate::user::User) or [`Bots`](crate::bots::Bots).
pub trait Kind: Clone + Send + Sync + 'static {
    /// What happens in it.
    type Event: Event;

    /// Whether what was missed can be read from a history.
    const HISTORY: bool;

    /// Checks what was described.
    fn check(&self) -> Result<(), Error>;

    /// Asks for a server: an [`Answer::Server`].
    fn find_server(
        self,
        api: Api,
    ) -> impl Future<Output = Result<Answer<Self::Event>, Error>> + Send;

    /// Asks for a page of the history: an [`Answer::History`].
    fn read_history(
        self,
        api: Api,
        from: Position,
    ) -> impl Future<Output = Result<Answer<Self::Event>, Error>> + Send;

    /// The parameters of a poll.
    fn poll(&self, ts: i64, wait: Duration) -> Vec<(&'static str, i64)>;

    /// Reads the answer to a poll.
    fn decode(body: &[u8]) -> Result<Answer<Self::Event>, BoxError>;
}
