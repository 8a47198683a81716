//! The commands over the API of version 1.
use centrifugo_api::RawValue;
use centrifugo_api::legacy::{Client, Message, NodeInfo};
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::{Api, Failure};
use crate::options::{Command, Only, Publication, Server};
use crate::{batch, input, output, token};

pub async fn run(server: &Server, command: Command) -> Result<(), Failure> {
    let flags = [("--lines", server.lines), ("--transport-errors", server.transport_errors)];
    Failure::unless_absent(&flags, Api::Modern)?;
    let client = || client(server);
    match command {
        Command::Publish { channel, publication } => {
            let data = data(&publication)?;
            match &publication.client {
                Some(id) => client()?.publish_client(&channel, data, id).await?,
                None => client()?.publish(&channel, data).await?,
            }
            output::done()
        }
        Command::Broadcast { channels, publication } => {
            let data = data(&publication)?;
            match &publication.client {
                Some(id) => client()?.broadcast_client(&channels, data, id).await?,
                None => client()?.broadcast(&channels, data).await?,
            }
            output::done()
        }
        Command::Unsubscribe { user, channel, only } => {
            whole_user(&only)?;
            client()?.unsubscribe(&channel, &user).await?;
            output::done()
        }
        Command::Disconnect(options) => {
            whole_user(&options.only)?;
            let flags = [
                ("--whitelist", !options.whitelist.is_empty()),
                ("--code", options.code.is_some()),
            ];
            Failure::unless_absent(&flags, Api::Modern)?;
            client()?.disconnect(&options.user).await?;
            output::done()
        }
        Command::Presence { channel } => {
            let there = client()?.presence(&channel).await?;
            output::line(&output::Presence::new(&there))
        }
        Command::History(options) => {
            let flags = [
                ("--limit", options.limit.is_some()),
                ("--since", options.since.is_some()),
                ("--reverse", options.reverse),
            ];
            Failure::unless_absent(&flags, Api::Modern)?;
            let messages = client()?.history(&options.channel).await?;
            let messages: Vec<_> = messages.iter().map(Published::from).collect();
            output::line(&History { messages })
        }
        Command::Channels { pattern } => {
            Failure::unless_absent(&[("--pattern", pattern.is_some())], Api::Modern)?;
            output::line(&json!({"channels": client()?.channels().await?}))
        }
        Command::Stats => {
            let stats = client()?.stats().await?;
            let nodes: Vec<_> = stats.nodes.iter().map(node).collect();
            output::line(&json!({"nodes": nodes, "metrics_interval": stats.metrics_interval}))
        }
        Command::Node => output::line(&node(&client()?.node().await?)),
        Command::Batch { parallel } => {
            Failure::unless_absent(&[("--parallel", parallel)], Api::Modern)?;
            batch::legacy(&mut client()?).await
        }
        Command::Token(options) => token::legacy(server, &options),
        Command::Sign { client, channel, info, secret } => {
            token::sign(server, (&client, &channel), info.as_deref(), &secret)
        }
        Command::Subscribe(_) => Err(Failure::other_api("`subscribe`", Api::Modern)),
        Command::Refresh(_) => Err(Failure::other_api("`refresh`", Api::Modern)),
        Command::PresenceStats { .. } => Err(Failure::other_api("`presence-stats`", Api::Modern)),
        Command::HistoryRemove { .. } => Err(Failure::other_api("`history-remove`", Api::Modern)),
        Command::Info => Err(Failure::other_api("`info` (there: `stats`, `node`)", Api::Modern)),
        Command::Rpc { .. } => Err(Failure::other_api("`rpc`", Api::Modern)),
        Command::Call { .. } => Err(Failure::other_api("`call`", Api::Modern)),
    }
}

fn client(server: &Server) -> Result<Client, Failure> {
    let builder = Client::builder(&server.endpoint).timeout(server.timeout);
    let builder = match input::key(server)? {
        Some(secret) => builder.secret(secret),
        None => builder.insecure(),
    };
    Ok(builder.build()?)
}

fn data(publication: &Publication) -> Result<centrifugo_api::Payload, Failure> {
    let flags = [
        ("--idempotency-key", publication.idempotency_key.is_some()),
        ("--skip-history", publication.skip_history),
        ("--tag", !publication.tags.is_empty()),
        ("--delta", publication.delta),
        ("--version", publication.version.is_some()),
    ];
    Failure::unless_absent(&flags, Api::Modern)?;
    input::data(publication)
}

/// The legacy API knows users only.
fn whole_user(only: &Only) -> Result<(), Failure> {
    let flags = [("--client", only.client.is_some()), ("--session", only.session.is_some())];
    Failure::unless_absent(&flags, Api::Modern)
}

#[derive(Serialize)]
struct History<'a> {
    messages: Vec<Published<'a>>,
}

#[derive(Serialize)]
struct Published<'a> {
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    channel: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<output::Connection<'a>>,
}

impl<'a> From<&'a Message> for Published<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            uid: &message.uid,
            timestamp: message.timestamp.as_deref(),
            channel: &message.channel,
            data: &message.data,
            client: message.client.as_deref(),
            info: message.info.as_ref().map(output::Connection::from),
        }
    }
}

fn node(node: &NodeInfo) -> Value {
    json!({
        "uid": node.uid,
        "name": node.name,
        "version": node.version,
        "started_at": node.started,
        "metrics": node.metrics,
    })
}
