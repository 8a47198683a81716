//! What the stand-in was asked.

use std::time::Instant;

use url::form_urlencoded;

/// Whose events a key, a poll or a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Account {
    /// The user, in the user long poll.
    User,
    /// A community's messages, in the user long poll (`group_id` of messages.getLongPollServer).
    Community(i64),
    /// A community, in Bots Long Poll.
    Bots(i64),
}

/// A poll that came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Poll {
    /// Whose key it is; none for a key that was never given out.
    pub account: Option<Account>,
    /// `ts` as it was written; empty if there was none.
    pub ts: String,
    /// `key`.
    pub key: String,
    /// `wait` in seconds; VK's own 25 if there was none.
    pub wait: u64,
    /// `mode`; 0 if there was none.
    pub mode: u64,
    /// `version`; 0 if there was none.
    pub version: i64,
    /// When the request had been read.
    pub at: Instant,
    /// The request target: path and query.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
}

/// A call that came; those within an `execute` are not told one by one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// The name: `messages.send`.
    pub method: String,
    /// The parameters of the query and of the form.
    pub params: Params,
    /// The token, from the header or from `access_token`; empty if there was none.
    pub token: String,
    /// Whether the token came in the header.
    pub token_in_header: bool,
    /// When the request had been read.
    pub at: Instant,
    /// The request target: path and query.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// The parameters of a call, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a form or a query.
    pub(super) fn read(&mut self, form: &[u8]) {
        self.0.extend(form_urlencoded::parse(form).into_owned());
    }

    pub(super) fn push(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    /// The value of a parameter; the first if there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The value of a parameter that is a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
