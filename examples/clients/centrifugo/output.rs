//! What is printed: JSON, a line a result.
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};

use centrifugo_api::legacy::{self, Advice};
use centrifugo_api::{
    BroadcastResult, ClientInfo, Error, HistoryResult, InfoResult, PublishResult, RawValue,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// Prints a result.
pub fn line(result: &(impl Serialize + ?Sized)) -> Result<(), Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::server(format!("no output: {error}"));
    let mut text = serde_json::to_string(result).map_err(|error| broken(&error))?;
    // JSON that somebody else wrote may have several lines; a line break is never part of a string.
    if text.contains(['\n', '\r']) {
        text = text.replace(['\n', '\r'], " ");
    }
    text.push('\n');
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Nobody reads any more, as with `| head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|error| broken(&error)),
    }
}

/// That it was done, where there is nothing to tell.
pub fn done() -> Result<(), Failure> {
    line(&json!({}))
}

/// An error, as the server's answers have it.
pub fn error(error: &Error) -> Value {
    let message = error.message().map_or_else(|| error.to_string(), str::to_owned);
    let mut told = json!({"message": message});
    if let Some(code) = error.code() {
        told["code"] = code.number().into();
    }
    match error.advice() {
        Some(Advice::Fix) => told["advice"] = "fix".into(),
        Some(Advice::Retry) => told["advice"] = "retry".into(),
        Some(Advice::Other(other)) => told["advice"] = other.as_str().into(),
        _ => {}
    }
    json!({"error": told})
}

pub fn published(result: &PublishResult) -> Value {
    match result.position() {
        Some(at) => json!({"offset": at.offset, "epoch": at.epoch}),
        None => json!({}),
    }
}

/// A response a channel.
pub fn broadcast(result: &BroadcastResult) -> Value {
    let response = |response: &Result<PublishResult, Error>| match response {
        Ok(result) => json!({"result": published(result)}),
        Err(failed) => error(failed),
    };
    json!({"responses": result.responses.iter().map(response).collect::<Vec<_>>()})
}

/// A connection, of either API.
#[derive(Serialize)]
pub struct Connection<'a> {
    user: &'a str,
    client: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_info: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chan_info: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_info: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_info: Option<&'a RawValue>,
}

impl<'a> From<&'a ClientInfo> for Connection<'a> {
    fn from(info: &'a ClientInfo) -> Self {
        Self {
            user: &info.user,
            client: &info.client,
            conn_info: info.conn_info.as_deref(),
            chan_info: info.chan_info.as_deref(),
            default_info: None,
            channel_info: None,
        }
    }
}

impl<'a> From<&'a legacy::ClientInfo> for Connection<'a> {
    fn from(info: &'a legacy::ClientInfo) -> Self {
        Self {
            user: &info.user,
            client: &info.client,
            conn_info: None,
            chan_info: None,
            default_info: info.default_info.as_deref(),
            channel_info: info.channel_info.as_deref(),
        }
    }
}

/// Who is there, by the connection's id.
#[derive(Serialize)]
pub struct Presence<'a> {
    presence: BTreeMap<&'a str, Connection<'a>>,
}

impl<'a> Presence<'a> {
    pub fn new<C>(there: &'a BTreeMap<String, C>) -> Self
    where
        Connection<'a>: From<&'a C>,
    {
        let named = there.iter().map(|(id, info)| (id.as_str(), info.into()));
        Self { presence: named.collect() }
    }
}

#[derive(Serialize)]
pub struct History<'a> {
    publications: Vec<Publication<'a>>,
    offset: u64,
    epoch: &'a str,
}

#[derive(Serialize)]
struct Publication<'a> {
    offset: u64,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Connection<'a>>,
}

impl<'a> From<&'a HistoryResult> for History<'a> {
    fn from(result: &'a HistoryResult) -> Self {
        let publications = result.publications.iter().map(|publication| Publication {
            offset: publication.offset,
            data: &publication.data,
            tags: &publication.tags,
            info: publication.info.as_ref().map(Connection::from),
        });
        let publications = publications.collect();
        Self { publications, offset: result.offset, epoch: &result.epoch }
    }
}

pub fn info(result: &InfoResult) -> Value {
    let nodes = result.nodes.iter().map(|node| {
        let mut told = json!({
            "uid": node.uid,
            "name": node.name,
            "version": node.version,
            "num_clients": node.num_clients,
            "num_users": node.num_users,
            "num_subs": node.num_subs,
            "num_channels": node.num_channels,
            "uptime": node.uptime,
        });
        if let Some(metrics) = &node.metrics {
            told["metrics"] = json!({"interval": metrics.interval, "items": metrics.items});
        }
        if let Some(process) = &node.process {
            told["process"] = json!({"cpu": process.cpu, "rss": process.rss});
        }
        told
    });
    json!({"nodes": nodes.collect::<Vec<_>>()})
}
