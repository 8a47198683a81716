//! The commands over today's API.
use centrifugo_api::{
    Broadcast, Channels, Client, Disconnect, Form, History, KeyHeader, Publish, RawValue, Refresh,
    Rpc, Subscribe, Unsubscribe,
};
use serde_json::json;

use crate::failure::{Api, Failure};
use crate::options::{self, Command, Publication, Server};
use crate::{batch, input, output, token};

// Two macros for what several types of requests have, each as methods of its own.

macro_rules! with_options {
    ($request:expr, $options:expr) => {{
        let options: Publication = $options;
        Failure::unless_absent(&[("--client", options.client.is_some())], Api::Legacy)?;
        let mut request = $request.version(options.version.unwrap_or_default());
        for (name, value) in options.tags {
            request = request.tag(name, value);
        }
        if let Some(key) = options.idempotency_key {
            request = request.idempotency_key(key);
        }
        if options.skip_history {
            request = request.skip_history();
        }
        if options.delta {
            request = request.delta();
        }
        if let Some(epoch) = options.version_epoch {
            request = request.version_epoch(epoch);
        }
        request
    }};
}

macro_rules! only {
    ($request:expr, $only:expr) => {{
        let options::Only { client, session } = $only;
        let mut request = $request;
        if let Some(client) = client {
            request = request.client(client);
        }
        if let Some(session) = session {
            request = request.session(session);
        }
        request
    }};
}

pub async fn run(server: &Server, command: Command) -> Result<(), Failure> {
    let client = || client(server);
    match command {
        Command::Publish { channel, publication } => {
            let data = input::data(&publication)?;
            let request = Publish::new(channel, data);
            let result = client()?.publish(with_options!(request, publication)).await?;
            output::line(&output::published(&result))
        }
        Command::Broadcast { channels, publication } => {
            let data = input::data(&publication)?;
            let request = Broadcast::new(&channels, data);
            let result = client()?.broadcast(with_options!(request, publication)).await?;
            output::line(&output::broadcast(&result))?;
            let failed = result.responses.iter().filter(|response| response.is_err()).count();
            batch::all_done(failed, channels.len(), "channels")
        }
        Command::Subscribe(options) => {
            client()?.subscribe(subscribe(options)?).await?;
            output::done()
        }
        Command::Unsubscribe { user, channel, only } => {
            let request = only!(Unsubscribe::new(user, channel), only);
            client()?.unsubscribe(request).await?;
            output::done()
        }
        Command::Disconnect(options) => {
            let request = Disconnect::new(options.user).whitelist(options.whitelist);
            let mut request = only!(request, options.only);
            if let Some(code) = options.code {
                request = request.code(code, options.reason);
            }
            client()?.disconnect(request).await?;
            output::done()
        }
        Command::Refresh(options) => {
            client()?.refresh(refresh(options)?).await?;
            output::done()
        }
        Command::Presence { channel } => {
            let result = client()?.presence(channel).await?;
            output::line(&output::Presence::new(&result.presence))
        }
        Command::PresenceStats { channel } => {
            let result = client()?.presence_stats(channel).await?;
            let (clients, users) = (result.num_clients, result.num_users);
            output::line(&json!({"num_clients": clients, "num_users": users}))
        }
        Command::History(options) => {
            let result = client()?.history(history(options)).await?;
            output::line(&output::History::from(&result))
        }
        Command::HistoryRemove { channel } => {
            client()?.history_remove(channel).await?;
            output::done()
        }
        Command::Channels { pattern } => {
            let request = Channels::new().pattern(pattern.unwrap_or_default());
            let found = client()?.channels(request).await?.channels.into_iter();
            let named = found.map(|(name, info)| (name, json!({"num_clients": info.num_clients})));
            output::line(&json!({"channels": named.collect::<serde_json::Map<_, _>>()}))
        }
        Command::Info => output::line(&output::info(&client()?.info().await?)),
        Command::Rpc { method, params } => {
            let mut request = Rpc::new(method);
            if let Some(params) = input::json_option(params.as_deref())? {
                request = request.params(params);
            }
            output::line(&*client()?.rpc(request).await?.data)
        }
        Command::Call { method, params } => {
            let params = input::json(&params)?;
            let result: Box<RawValue> = client()?.call(&method, &params).await?;
            output::line(&result)
        }
        Command::Batch { parallel } => batch::modern(&client()?, parallel).await,
        Command::Token(options) => token::modern(&options),
        Command::Stats => Err(Failure::other_api("`stats` (today: `info`)", Api::Legacy)),
        Command::Node => Err(Failure::other_api("`node` (today: `info`)", Api::Legacy)),
        Command::Sign { .. } => {
            Err(Failure::other_api("`sign` (today: `token --channel`)", Api::Legacy))
        }
    }
}

fn client(server: &Server) -> Result<Client, Failure> {
    let mut builder = Client::builder(&server.endpoint)
        .timeout(server.timeout)
        .transport_errors(server.transport_errors);
    if server.lines {
        builder = builder.form(Form::Lines);
    }
    if server.endpoint.contains('@') {
        // The credentials of the endpoint, for a proxy in front of it, take `Authorization`.
        builder = builder.key_header(KeyHeader::XApiKey);
    }
    let builder = match input::key(server)? {
        Some(key) => builder.key(key),
        None => builder.insecure(),
    };
    Ok(builder.build()?)
}

fn subscribe(options: options::Subscribe) -> Result<Subscribe, Failure> {
    let mut request = only!(Subscribe::new(options.user, options.channel), options.only);
    if let Some(info) = input::json_option(options.info.as_deref())? {
        request = request.info(info);
    }
    if let Some(data) = input::json_option(options.data.as_deref())? {
        request = request.data(data);
    }
    if let Some(seconds) = options.expire_at {
        request = request.expire_at(seconds);
    }
    if let Some(position) = options.recover_since {
        request = request.recover_since(position);
    }
    Ok(request)
}

fn refresh(options: options::Refresh) -> Result<Refresh, Failure> {
    let mut request = only!(Refresh::new(options.user), options.only);
    if options.expired {
        request = request.expired();
    }
    if let Some(seconds) = options.expire_at {
        request = request.expire_at(seconds);
    }
    if let Some(info) = input::json_option(options.info.as_deref())? {
        request = request.info(info);
    }
    Ok(request)
}

fn history(options: options::History) -> History {
    let request = History::new(options.channel);
    let mut request = match options.limit {
        Some(limit) => request.limit(limit),
        None => request.all(),
    };
    if let Some(position) = options.since {
        request = request.since(position);
    }
    if options.reverse {
        request = request.reverse();
    }
    request
}
