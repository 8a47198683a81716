//! Who is there, and what was published.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;
use serde_json::value::RawValue;

/// `history_size` of the recorded server.
const HISTORY: usize = 10;

#[derive(Debug, Default)]
pub(super) struct State {
    // In the order of their first subscriber.
    channels: Vec<(String, BTreeMap<String, ClientInfo>)>,
    history: HashMap<String, VecDeque<Message>>,
    published: usize,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ClientInfo {
    user: String,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_info: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_info: Option<Box<RawValue>>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Message {
    uid: String,
    channel: String,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "String::is_empty")]
    client: String,
}

/// What a channel can do.
pub(super) enum Namespace {
    /// The namespace `public`.
    Public,
    /// No namespace: neither presence nor history.
    Plain,
    Unknown,
}

pub(super) fn namespace(channel: &str) -> Namespace {
    match channel.strip_prefix('$').unwrap_or(channel).split_once(':') {
        Some(("public", _)) => Namespace::Public,
        Some(_) => Namespace::Unknown,
        None => Namespace::Plain,
    }
}

impl State {
    pub(super) fn subscribe(
        &mut self,
        channel: &str,
        client: &str,
        user: &str,
        default_info: &str,
        channel_info: &str,
    ) {
        let json = |text: &str| {
            (!text.is_empty()).then(|| RawValue::from_string(text.to_owned()).expect("JSON"))
        };
        let info = ClientInfo {
            user: user.to_owned(),
            client: client.to_owned(),
            default_info: json(default_info),
            channel_info: json(channel_info),
        };
        let at = self.channels.iter().position(|(name, _)| name == channel);
        let at = at.unwrap_or_else(|| {
            self.channels.push((channel.to_owned(), BTreeMap::new()));
            self.channels.len() - 1
        });
        self.channels[at].1.insert(client.to_owned(), info);
    }

    /// Takes a user out of a channel, or out of all.
    pub(super) fn unsubscribe(&mut self, channel: Option<&str>, user: &str) {
        for (name, clients) in &mut self.channels {
            if channel.is_none_or(|channel| channel == name) {
                clients.retain(|_, info| info.user != user);
            }
        }
        self.channels.retain(|(_, clients)| !clients.is_empty());
    }

    /// The channels that have subscribers.
    pub(super) fn channels(&self) -> Vec<&str> {
        self.channels.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn presence(&self, channel: &str) -> BTreeMap<String, ClientInfo> {
        let found = self.channels.iter().find(|(name, _)| name == channel);
        found.map(|(_, clients)| clients.clone()).unwrap_or_default()
    }

    pub(super) fn publish(&mut self, channel: &str, data: &RawValue, client: &str, uid: &str) {
        self.published += 1;
        if !matches!(namespace(channel), Namespace::Public) {
            return;
        }
        let uid = match uid {
            "" => format!("{:022}", self.published),
            given => given.to_owned(),
        };
        let history = self.history.entry(channel.to_owned()).or_default();
        let (channel, client) = (channel.to_owned(), client.to_owned());
        history.push_front(Message { uid, channel, data: data.to_owned(), client });
        history.truncate(HISTORY);
    }

    /// The messages of a channel, newest first.
    pub(super) fn history(&self, channel: &str) -> Vec<Message> {
        self.history.get(channel).map(|list| list.iter().cloned().collect()).unwrap_or_default()
    }

    /// What the one node says about itself.
    pub(super) fn node(&self) -> String {
        let (published, channels) = (self.published, self.channels.len());
        format!(
            r#"{{"uid":"c8754980-8ec7-49f8-9fa9-679615e37a5d","version":"1.8.0","name":"testnode","started_at":1795230143,"metrics":{{"node_num_channels":{channels},"node_num_client_msg_published":{published},"node_uptime_seconds":57}}}}"#
        )
    }
}
