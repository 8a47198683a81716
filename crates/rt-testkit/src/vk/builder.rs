//! How the stand-in is set up.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Vk;

/// What a [`Vk`] is like; made by [`Vk::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    config: Config,
}

#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) no_scheme: bool,
    pub(super) me: i64,
    /// The tokens, and whose they are; every token is good if none was set.
    pub(super) tokens: Option<Vec<(String, Option<i64>)>>,
    pub(super) limits: Option<Duration>,
    pub(super) wait_scale: Duration,
    pub(super) versions: RangeInclusive<i64>,
    pub(super) first_ts: u64,
    pub(super) first_pts: u64,
    pub(super) failed_ts_text: bool,
    pub(super) rows_a_poll: usize,
    pub(super) keep_for_polls: u64,
    pub(super) keep_in_all: usize,
    pub(super) history_events: usize,
    pub(super) history_messages: usize,
    pub(super) history_by_ts: u64,
    pub(super) types_off: bool,
    pub(super) faults: Option<(u64, u32)>,
    pub(super) patience: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        let config = Config {
            tls: false,
            host: "127.0.0.1".to_owned(),
            no_scheme: false,
            me: 1,
            tokens: None,
            limits: None,
            wait_scale: Duration::from_secs(1),
            versions: 0..=19,
            first_ts: 1_000,
            first_pts: 50_000,
            failed_ts_text: false,
            rows_a_poll: usize::MAX,
            keep_for_polls: u64::MAX,
            keep_in_all: usize::MAX,
            history_events: usize::MAX,
            history_messages: usize::MAX,
            // As the real one.
            history_by_ts: 256,
            types_off: false,
            faults: None,
            patience: Duration::from_secs(10),
        };
        Self { config }
    }
}

impl Builder {
    /// Starts it.
    pub fn start(self) -> Vk {
        Vk::with(self.config)
    }

    /// Calls and polls go over TLS; see [`Vk::certificate_pem`].
    pub fn tls(mut self) -> Self {
        self.config.tls = true;
        self
    }

    /// The name that addresses are told with: `127.0.0.1` (the default) or `localhost`.
    pub fn host(mut self, host: &str) -> Self {
        self.config.host = host.to_owned();
        self
    }

    /// `server` of the user long poll comes without `https://` or `http://`. By default it has it.
    pub fn server_without_scheme(mut self) -> Self {
        self.config.no_scheme = true;
        self
    }

    /// The id of the user whose events these are; 1 by default.
    pub fn me(mut self, id: i64) -> Self {
        self.config.me = id;
        self
    }

    /// A token of the user. Once a token is set, any other is refused with error 5; else each is
    /// the user's.
    pub fn token(mut self, token: &str) -> Self {
        self.config.tokens.get_or_insert_default().push((token.to_owned(), None));
        self
    }

    /// A token of a community.
    pub fn group_token(mut self, token: &str, group: i64) -> Self {
        self.config.tokens.get_or_insert_default().push((token.to_owned(), Some(group)));
        self
    }

    /// More than 3 calls within this time with a user's token, or 20 with a community's, give error
    /// 6. VK's own time is a second; a little less forgives the way from the client to here.
    pub fn rate_limits(mut self, within: Duration) -> Self {
        self.config.limits = Some(within);
        self
    }

    /// How long a second of a poll's `wait` is; a second by default.
    pub fn wait_scale(mut self, second: Duration) -> Self {
        self.config.wait_scale = second;
        self
    }

    /// The versions of the user long poll that are known; 0 to 19 by default.
    pub fn versions(mut self, known: RangeInclusive<i64>) -> Self {
        self.config.versions = known;
        self
    }

    /// The `ts` that all accounts begin with; 1,000 by default.
    pub fn first_ts(mut self, ts: u64) -> Self {
        self.config.first_ts = ts;
        self
    }

    /// The `pts` that all accounts begin with; 50,000 by default.
    pub fn first_pts(mut self, pts: u64) -> Self {
        self.config.first_pts = pts;
        self
    }

    /// The new `ts` of failed 1 is a string; by default it is a number.
    pub fn failed_ts_as_text(mut self) -> Self {
        self.config.failed_ts_text = true;
        self
    }

    /// An answer to a poll has at most this many rows; no bound by default.
    pub fn rows_a_poll(mut self, rows: usize) -> Self {
        assert!(rows > 0, "a poll that never gets anything");
        self.config.rows_a_poll = rows;
        self
    }

    /// Polls from more than this many rows ago get failed 1; no bound by default.
    pub fn keep_for_polls(mut self, rows: u64) -> Self {
        self.config.keep_for_polls = rows;
        self
    }

    /// The history reaches back this many rows, and error 907 lies before; no bound by default.
    pub fn keep_history(mut self, rows: usize) -> Self {
        self.config.keep_in_all = rows;
        self
    }

    /// A page of the history has at most this many rows and this many messages, even if more were
    /// asked for.
    pub fn history_page(mut self, events: usize, messages: usize) -> Self {
        assert!(events > 0 && messages > 0, "a page that never gets on");
        (self.config.history_events, self.config.history_messages) = (events, messages);
        self
    }

    /// How many events the history reaches back by `ts` alone; 256 by default.
    pub fn history_by_ts(mut self, events: u64) -> Self {
        self.config.history_by_ts = events;
        self
    }

    /// The types of bots' events are off until groups.setLongPollSettings switches them on. By
    /// default they are on until it switches them off.
    pub fn types_off(mut self) -> Self {
        self.config.types_off = true;
        self
    }

    /// As [`Vk::faults`], from the start.
    pub fn faults(mut self, seed: u64, every_nth: u32) -> Self {
        self.config.faults = (every_nth > 0).then_some((seed, every_nth));
        self
    }

    /// How long [`Vk::wait_for_polls`] and its like wait before they panic; 10 seconds by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.config.patience = patience;
        self
    }
}
