//! What the server knows, and what each method does to it.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Recorded;
use super::channel::{Channel, ChannelOptions, Content};
use crate::{ErrorCode, Position, StatusCode};

/// All that [`State::command`] does.
pub(super) const METHODS: &[&str] = &[
    "publish",
    "broadcast",
    "subscribe",
    "unsubscribe",
    "disconnect",
    "refresh",
    "presence",
    "presence_stats",
    "history",
    "history_remove",
    "channels",
    "info",
    "rpc",
];

#[derive(Debug)]
pub(super) struct State {
    plain: ChannelOptions,
    namespaces: Vec<(String, ChannelOptions)>,
    channels: HashMap<String, Channel>,
    /// By client id.
    connections: BTreeMap<String, Connection>,
    requests: Vec<Recorded>,
    failures: Vec<(String, ErrorCode)>,
    answers: VecDeque<(StatusCode, String)>,
    rpc: HashMap<String, Value>,
}

#[derive(Debug)]
struct Connection {
    user: String,
    session: String,
    /// With what each subscription says of its subscriber.
    channels: BTreeMap<String, Option<Value>>,
}

/// Why a command has no result.
#[derive(Debug)]
pub(super) enum Failure {
    Code(ErrorCode),
    /// The request is not one of this method: the whole of it is refused.
    NotARequest,
    /// There is no such method.
    NoMethod,
    /// The result cannot be written as JSON: history with a publication of other bytes.
    NoResponse,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

type Outcome = Result<Value, Failure>;

/// The fields of all methods but publishing; what is not sent is zero.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Params {
    channel: String,
    channels: Vec<String>,
    user: String,
    client: String,
    session: String,
    whitelist: Vec<String>,
    info: Option<Value>,
    limit: i64,
    since: Option<Position>,
    reverse: bool,
    pattern: String,
    method: String,
    expired: bool,
    expire_at: i64,
}

#[derive(Deserialize)]
struct Publish {
    #[serde(default)]
    channel: String,
    #[serde(flatten)]
    content: Content,
}

#[derive(Deserialize)]
struct Broadcast {
    #[serde(default)]
    channels: Vec<String>,
    #[serde(flatten)]
    content: Content,
}

impl State {
    pub(super) fn new(plain: ChannelOptions, namespaces: Vec<(String, ChannelOptions)>) -> Self {
        Self {
            plain,
            namespaces,
            channels: HashMap::new(),
            connections: BTreeMap::new(),
            requests: Vec::new(),
            failures: Vec::new(),
            answers: VecDeque::new(),
            rpc: HashMap::new(),
        }
    }

    pub(super) fn published(&self, channel: &str) -> Vec<Value> {
        self.channels.get(channel).map(|channel| channel.published.clone()).unwrap_or_default()
    }

    pub(super) fn record(&mut self, request: Recorded) {
        self.requests.push(request);
    }

    pub(super) fn requests(&self) -> &[Recorded] {
        &self.requests
    }

    pub(super) fn connect(&mut self, user: &str, client: &str, channels: Vec<String>) {
        let channels = channels.into_iter().map(|channel| (channel, None)).collect();
        let session = format!("session-of-{client}");
        let connection = Connection { user: user.to_owned(), session, channels };
        self.connections.insert(client.to_owned(), connection);
    }

    pub(super) fn connections(&self) -> Vec<String> {
        self.connections.keys().cloned().collect()
    }

    pub(super) fn answer_rpc(&mut self, method: &str, data: Value) {
        self.rpc.insert(method.to_owned(), data);
    }

    pub(super) fn fail_next(&mut self, method: &str, code: ErrorCode) {
        self.failures.push((method.to_owned(), code));
    }

    pub(super) fn answer_next(&mut self, status: StatusCode, text: &str) {
        self.answers.push_back((status, text.to_owned()));
    }

    pub(super) fn next_answer(&mut self) -> Option<(StatusCode, String)> {
        self.answers.pop_front()
    }

    /// Does one command, and remembers it.
    pub(super) fn command(&mut self, method: &str, params: Value) -> Outcome {
        self.record(Recorded { method: method.to_owned(), params: params.clone() });
        if let Some(at) = self.failures.iter().position(|(failing, _)| failing == method) {
            return Err(self.failures.remove(at).1.into());
        }
        match method {
            "publish" => self.publish(params),
            "broadcast" => self.broadcast(params),
            _ => self.other(method, read(params)?),
        }
    }

    /// Whether a command has the parameters of its method; one that is unknown has any.
    pub(super) fn is_request(method: &str, params: &Value) -> bool {
        let params = params.clone();
        match method {
            "publish" => read::<Publish>(params).is_ok(),
            "broadcast" => read::<Broadcast>(params).is_ok(),
            known if METHODS.contains(&known) => read::<Params>(params).is_ok(),
            _ => true,
        }
    }

    fn publish(&mut self, params: Value) -> Outcome {
        let Publish { channel, content } = read(params)?;
        content.data()?;
        Ok(self.publish_to(&channel, &content)?)
    }

    fn broadcast(&mut self, params: Value) -> Outcome {
        let Broadcast { channels, content } = read(params)?;
        if channels.is_empty() {
            return Err(ErrorCode::BadRequest.into());
        }
        content.data()?;
        let response = |channel: &String| match self.publish_to(channel, &content) {
            Ok(result) => json!({ "result": result }),
            Err(code) => json!({ "error": error(code) }),
        };
        let responses: Vec<Value> = channels.iter().map(response).collect();
        Ok(json!({ "responses": responses }))
    }

    fn publish_to(&mut self, channel: &str, content: &Content) -> Result<Value, ErrorCode> {
        let options = self.options(channel)?;
        self.channel(channel).publish(content, options)
    }

    fn other(&mut self, method: &str, params: Params) -> Outcome {
        match method {
            "subscribe" => self.subscribe(&params)?,
            "unsubscribe" => self.unsubscribe(&params)?,
            "disconnect" => self.connections.retain(|client, connection| {
                !connection.is_meant(client, &params) || params.whitelist.contains(client)
            }),
            "refresh" => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let is_past = i64::try_from(now.as_secs()).is_ok_and(|now| params.expire_at <= now);
                if params.expired || (params.expire_at > 0 && is_past) {
                    self.connections.retain(|client, one| !one.is_meant(client, &params));
                }
            }
            "presence" => return Ok(json!({ "presence": self.presence(&params.channel)? })),
            "presence_stats" => {
                self.with_presence(&params.channel)?;
                let there: Vec<_> = self.subscribers(&params.channel).collect();
                let users: BTreeSet<_> = there.iter().map(|(_, one)| &one.user).collect();
                return Ok(json!({"num_clients": there.len(), "num_users": users.len()}));
            }
            "history" => {
                self.with_history(&params.channel)?;
                let channel = self.channel(&params.channel);
                return channel.history(params.limit, params.since, params.reverse);
            }
            "history_remove" => {
                self.with_history(&params.channel)?;
                self.channel(&params.channel).remove_history();
            }
            "channels" => return Ok(json!({ "channels": self.named(&params.pattern) })),
            "info" => return Ok(json!({ "nodes": [self.node()] })),
            "rpc" if params.method.is_empty() => return Err(ErrorCode::BadRequest.into()),
            "rpc" => {
                let data = self.rpc.get(&params.method).ok_or(ErrorCode::NotFound)?;
                return Ok(json!({ "data": data }));
            }
            _ => return Err(Failure::NoMethod),
        }
        Ok(json!({}))
    }

    fn subscribe(&mut self, params: &Params) -> Result<(), ErrorCode> {
        self.options(&params.channel)?;
        for (client, connection) in &mut self.connections {
            if connection.is_meant(client, params) {
                connection.channels.insert(params.channel.clone(), params.info.clone());
            }
        }
        Ok(())
    }

    fn unsubscribe(&mut self, params: &Params) -> Result<(), ErrorCode> {
        if !params.channel.is_empty() {
            self.options(&params.channel)?;
        }
        for (client, connection) in &mut self.connections {
            if connection.is_meant(client, params) {
                let is_it =
                    |channel: &String| params.channel.is_empty() || *channel == params.channel;
                connection.channels.retain(|channel, _| !is_it(channel));
            }
        }
        Ok(())
    }

    fn presence(&self, channel: &str) -> Result<BTreeMap<&String, Value>, ErrorCode> {
        self.with_presence(channel)?;
        let there = self.subscribers(channel).map(|(client, connection)| {
            let mut info = json!({"user": connection.user, "client": client});
            if let Some(Some(of_channel)) = connection.channels.get(channel) {
                info["chan_info"] = of_channel.clone();
            }
            (client, info)
        });
        Ok(there.collect())
    }

    fn named(&self, pattern: &str) -> BTreeMap<&str, Value> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for channel in self.connections.values().flat_map(|one| one.channels.keys()) {
            if pattern.is_empty() || matches(pattern.as_bytes(), channel.as_bytes()) {
                *counts.entry(channel).or_default() += 1;
            }
        }
        counts.into_iter().map(|(name, count)| (name, json!({ "num_clients": count }))).collect()
    }

    fn node(&self) -> Value {
        let users: BTreeSet<_> = self.connections.values().map(|one| &one.user).collect();
        let subs: usize = self.connections.values().map(|one| one.channels.len()).sum();
        json!({
            "uid": "00000000-0000-4000-8000-000000000000",
            "name": "test-server",
            "version": env!("CARGO_PKG_VERSION"),
            "num_clients": self.connections.len(),
            "num_users": users.len(),
            "num_subs": subs,
            "num_channels": self.named("").len(),
            "uptime": 1,
        })
    }

    fn subscribers(&self, channel: &str) -> impl Iterator<Item = (&String, &Connection)> {
        self.connections.iter().filter(move |(_, one)| one.channels.contains_key(channel))
    }

    fn channel(&mut self, name: &str) -> &mut Channel {
        self.channels.entry(name.to_owned()).or_insert_with(Channel::new)
    }

    fn with_presence(&self, channel: &str) -> Result<(), ErrorCode> {
        self.options(channel)?.presence.then_some(()).ok_or(ErrorCode::NotAvailable)
    }

    fn with_history(&self, channel: &str) -> Result<(), ErrorCode> {
        (self.options(channel)?.history > 0).then_some(()).ok_or(ErrorCode::NotAvailable)
    }

    fn options(&self, channel: &str) -> Result<ChannelOptions, ErrorCode> {
        if channel.is_empty() {
            return Err(ErrorCode::BadRequest);
        }
        match channel.split_once(':') {
            Some((namespace, _)) if !namespace.is_empty() => {
                let known = self.namespaces.iter().find(|(name, _)| name == namespace);
                known.map(|(_, options)| *options).ok_or(ErrorCode::UnknownChannel)
            }
            _ => Ok(self.plain),
        }
    }
}

impl Connection {
    /// Whether a request by user, client and session means it.
    fn is_meant(&self, client: &str, params: &Params) -> bool {
        self.user == params.user
            && (params.client.is_empty() || params.client == client)
            && (params.session.is_empty() || params.session == self.session)
    }
}

/// An error as answers have it.
pub(super) fn error(code: ErrorCode) -> Value {
    json!({"code": code.number(), "message": code.text()})
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, Failure> {
    serde_json::from_value(params).map_err(|_| Failure::NotARequest)
}

/// A pattern of the method `channels`: `*` is any text, `?` any character.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        (Some((b'?', rest)), Some((_, left))) => matches(rest, left),
        (Some((one, rest)), Some((other, left))) => one == other && matches(rest, left),
        _ => false,
    }
}
