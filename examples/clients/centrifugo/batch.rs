//! Commands from the input, sent in one request.
use std::collections::BTreeMap;

use centrifugo_api::{Batch, Client, RawValue, legacy};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::Failure;
use crate::{input, output};

/// Over today's API.
pub async fn modern(client: &Client, is_parallel: bool) -> Result<(), Failure> {
    let mut batch = if is_parallel { Batch::new().parallel() } else { Batch::new() };
    let mut sent = Vec::new();
    for (method, params) in commands(&input::standard_input()?)? {
        let ticket = batch.call::<Box<RawValue>>(method.as_str(), &params);
        sent.push((method, ticket));
    }
    let count = sent.len();
    let mut failed = 0;
    let mut replies = client.batch(batch).await?;
    for (method, ticket) in sent {
        failed += reply(&method, replies.take(ticket))?;
    }
    all_done(failed, count, "commands")
}

/// Over the legacy API.
pub async fn legacy(client: &mut legacy::Client) -> Result<(), Failure> {
    let commands = commands(&input::standard_input()?)?;
    for (index, (method, params)) in commands.iter().enumerate() {
        add(client, method, params)
            .map_err(|failure| Failure::usage(format!("command {}: {failure}", index + 1)))?;
    }
    let mut failed = 0;
    for response in &client.send().await? {
        let body = response.ok().map(|_| &*response.body);
        failed += reply(&response.method, body)?;
    }
    all_done(failed, commands.len(), "commands")
}

/// Says so when some failed.
pub fn all_done(failed: usize, of: usize, what: &str) -> Result<(), Failure> {
    match failed {
        0 => Ok(()),
        _ => Err(Failure::server(format!("{failed} of {of} {what} failed"))),
    }
}

/// Prints a reply; how many failed: one or none.
fn reply<R: Serialize>(
    method: &str,
    outcome: Result<R, centrifugo_api::Error>,
) -> Result<usize, Failure> {
    match outcome {
        Ok(result) => output::line(&BTreeMap::from([(method, result)])).map(|()| 0),
        Err(error) => output::line(&output::error(&error)).map(|()| 1),
    }
}

/// The method and the parameters of each command.
fn commands(text: &str) -> Result<Vec<(String, Box<RawValue>)>, Failure> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| command(line, index + 1)).collect()
}

fn command(line: &str, number: usize) -> Result<(String, Box<RawValue>), Failure> {
    let wrong = |what: &str| {
        let example = json!({"publish": {"channel": "news", "data": 1}});
        Failure::usage(format!("line {number} of the input: {what}; a command is {example}"))
    };
    let mut named: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
    match (named.pop_first(), named.is_empty()) {
        (Some(command), true) => Ok(command),
        _ => Err(wrong("it is not an object with one method")),
    }
}

/// What the parameters of legacy commands may have.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Params {
    channel: String,
    channels: Vec<String>,
    data: Option<Box<RawValue>>,
    client: Option<String>,
    user: String,
}

fn add(client: &mut legacy::Client, method: &str, params: &RawValue) -> Result<(), Failure> {
    let params: Params = serde_json::from_str(params.get())
        .map_err(|error| Failure::usage(format!("{method}: {error}")))?;
    let Params { channel, channels, data, client: on_behalf_of, user } = params;
    let data = || data.ok_or_else(|| Failure::usage(format!("{method}: data is missing")));
    match (method, on_behalf_of) {
        ("publish", None) => client.add_publish(&channel, data()?)?,
        ("publish", Some(id)) => client.add_publish_client(&channel, data()?, &id)?,
        ("broadcast", None) => client.add_broadcast(&channels, data()?)?,
        ("broadcast", Some(id)) => client.add_broadcast_client(&channels, data()?, &id)?,
        ("unsubscribe", _) => client.add_unsubscribe(&channel, &user)?,
        ("disconnect", _) => client.add_disconnect(&user)?,
        ("presence", _) => client.add_presence(&channel)?,
        ("history", _) => client.add_history(&channel)?,
        ("channels", _) => client.add_channels()?,
        ("stats", _) => client.add_stats()?,
        ("node", _) => client.add_node()?,
        _ => return Err(Failure::usage(format!("the legacy API has no method {method:?}"))),
    }
    Ok(())
}
