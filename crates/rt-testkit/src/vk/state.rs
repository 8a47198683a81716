//! All that the stand-in knows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::builder::Config;
use super::faults::Faults;
use super::log::Log;
use super::seen::{Account, Call, Params, Poll};
use super::step::{ApiError, Step};

pub(super) type Method = Arc<dyn Fn(&Params) -> Result<Value, ApiError> + Send + Sync>;

pub(super) struct State {
    pub(super) config: Config,
    /// Scheme and authority of this server: `http://127.0.0.1:4000`.
    pub(super) base: String,
    /// What is told in place of our own address.
    pub(super) server: Option<String>,
    logs: HashMap<Account, Log>,
    keys: HashMap<String, Key>,
    keys_given: u64,
    pub(super) polls: Vec<Poll>,
    pub(super) calls: Vec<Call>,
    pub(super) waiting: usize,
    /// Those for all polls, and those for one account's.
    pub(super) poll_steps: HashMap<Option<Account>, VecDeque<Step>>,
    pub(super) call_steps: HashMap<String, VecDeque<Step>>,
    pub(super) faults: Option<Faults>,
    pub(super) methods: HashMap<String, Method>,
    /// What groups.setLongPollSettings was given, by group.
    pub(super) settings: HashMap<i64, HashMap<String, String>>,
    /// The ids of what was sent, by sender, peer and random_id.
    pub(super) sent: HashMap<(i64, i64, i64), i64>,
    /// Objects of messages that the test gave itself.
    pub(super) objects: HashMap<i64, Value>,
    pub(super) messages: i64,
    /// The numbers of messages within their conversations, and the rows that edited them.
    pub(super) numbers: HashMap<(Account, i64), u64>,
    pub(super) edits: HashMap<(Account, i64), Value>,
    /// How many messages each conversation has, by account and peer.
    pub(super) conversations: HashMap<(Account, i64), u64>,
    pub(super) events: u64,
    /// When the calls of each token were let through.
    pub(super) spent: HashMap<String, VecDeque<Instant>>,
    pub(super) closing: bool,
}

struct Key {
    account: Account,
    refused: Option<i64>,
}

/// What a key is worth.
pub(super) enum Access {
    Granted(Account),
    /// With this code under `failed`.
    Refused(i64),
}

impl State {
    pub(super) fn new(config: Config) -> Self {
        Self {
            base: String::new(),
            server: None,
            logs: HashMap::new(),
            keys: HashMap::new(),
            keys_given: 0,
            polls: Vec::new(),
            calls: Vec::new(),
            waiting: 0,
            poll_steps: HashMap::new(),
            call_steps: HashMap::new(),
            faults: config.faults.map(|(seed, nth)| Faults::new(seed, nth)),
            methods: HashMap::new(),
            settings: HashMap::new(),
            sent: HashMap::new(),
            objects: HashMap::new(),
            messages: 0,
            numbers: HashMap::new(),
            edits: HashMap::new(),
            conversations: HashMap::new(),
            events: 0,
            spent: HashMap::new(),
            closing: false,
            config,
        }
    }

    pub(super) fn log(&mut self, account: Account) -> &mut Log {
        let (ts, pts) = (self.config.first_ts, self.config.first_pts);
        self.logs.entry(account).or_insert_with(|| Log::new(ts, pts))
    }

    pub(super) fn push(&mut self, account: Account, row: Value, has_pts: bool) {
        let (for_polls, in_all) = (self.config.keep_for_polls, self.config.keep_in_all);
        let log = self.log(account);
        log.push(row, has_pts);
        log.shrink(for_polls, in_all);
    }

    /// A bots' event, if its type is switched on.
    pub(super) fn push_bot(&mut self, group: i64, kind: &str, object: Value) -> Option<String> {
        let set = self.settings.get(&group).and_then(|settings| settings.get(kind));
        if !set.map_or(!self.config.types_off, |value| value == "1") {
            return None;
        }
        self.events += 1;
        let event_id = scrambled(self.events);
        let event = json!({
            "type": kind, "event_id": event_id, "v": "5.199", "object": object, "group_id": group,
        });
        self.push(Account::Bots(group), event, false);
        Some(event_id)
    }

    pub(super) fn new_key(&mut self, account: Account) -> String {
        self.keys_given += 1;
        let key = scrambled(self.keys_given ^ 0xbeef_0000);
        self.keys.insert(key.clone(), Key { account, refused: None });
        key
    }

    pub(super) fn access(&self, key: &str) -> Access {
        match self.keys.get(key) {
            Some(Key { account, refused: None }) => Access::Granted(*account),
            Some(Key { refused: Some(code), .. }) => Access::Refused(*code),
            None => Access::Refused(2),
        }
    }

    pub(super) fn account_of(&self, key: &str) -> Option<Account> {
        self.keys.get(key).map(|key| key.account)
    }

    /// Refuses the keys so far, of one account or of all.
    pub(super) fn refuse_keys(&mut self, of: Option<Account>, code: i64) {
        for key in self.keys.values_mut().filter(|key| of.is_none_or(|of| of == key.account)) {
            key.refused = Some(code);
        }
    }

    /// Makes polls from before now too old, of one account or of all.
    pub(super) fn forget(&mut self, of: Option<Account>) {
        for (account, log) in &mut self.logs {
            if of.is_none_or(|of| of == *account) {
                log.forget();
            }
        }
    }

    pub(super) fn next_poll_step(&mut self, account: Option<Account>) -> Option<Step> {
        let own = self.poll_steps.get_mut(&account).and_then(VecDeque::pop_front);
        own.or_else(|| self.poll_steps.get_mut(&None)?.pop_front())
    }

    /// The address for polls, as an account is told it.
    pub(super) fn address(&self, account: Account) -> String {
        if let Some(server) = &self.server {
            return server.clone();
        }
        let base = &self.base;
        match account {
            Account::Bots(group) => format!("{base}/wh{group}"),
            _ if self.config.no_scheme => {
                let bare = base.split_once("://").map_or(base.as_str(), |(_, bare)| bare);
                format!("{bare}/nim123456")
            }
            _ => format!("{base}/nim123456"),
        }
    }
}

/// 40 hexadecimal digits that look like nothing, another for each number.
fn scrambled(number: u64) -> String {
    let mut random = fastrand::Rng::with_seed(number);
    format!("{:032x}{:08x}", random.u128(..), random.u32(..))
}
