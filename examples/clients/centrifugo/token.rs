//! Tokens and signs for browsers. Nothing is sent.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use centrifugo_api::token::{ConnectionClaims, Key, SubscriptionClaims};
use centrifugo_api::{Payload, Secret, legacy};
use serde_json::json;

use crate::failure::{Api, Failure};
use crate::options::{Server, Token, TokenSecret};
use crate::{input, output};

const SECRET: &str = "CENTRIFUGO_TOKEN_SECRET";

/// A JWT: for a connection, or with a channel for a subscription.
pub fn modern(token: &Token) -> Result<(), Failure> {
    Failure::unless_absent(&[("--timestamp", token.timestamp.is_some())], Api::Legacy)?;
    let secret = secret(&token.secret)?.ok_or_else(|| missing(""))?;
    let key = Key::hs256(secret)?;
    let info = input::json_option(token.info.as_deref())?.map(Payload::from);
    let time = token.expires_in.map(Duration::from_secs);
    // Both kinds have these options, each its own.
    macro_rules! sign {
        ($claims:expr) => {{
            let mut claims = $claims;
            if let Some(time) = time {
                claims = claims.expires_in(time);
            }
            if let Some(info) = info {
                claims = claims.info(info);
            }
            key.sign(&claims)?
        }};
    }
    let signed = match &token.channel {
        Some(channel) => sign!(SubscriptionClaims::new(&token.user, channel)),
        None => sign!(ConnectionClaims::new(&token.user)),
    };
    output::line(&json!({"token": signed}))
}

/// All that a client of version 1 must pass on to connect.
pub fn legacy(server: &Server, token: &Token) -> Result<(), Failure> {
    if token.channel.is_some() {
        return Err(Failure::usage(
            "--channel: in the legacy API a private channel has a sign: see `sign`",
        ));
    }
    Failure::unless_absent(&[("--expires-in", token.expires_in.is_some())], Api::Modern)?;
    let secret = project_secret(server, &token.secret)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let timestamp = token.timestamp.unwrap_or(now);
    let info = input::json_option(token.info.as_deref())?;
    let info = info.as_ref().map_or("", |info| info.get());
    let signed = legacy::generate_client_token(secret.expose(), &token.user, timestamp, info);
    // The very text of the info is what was signed, and so is the time as text.
    output::line(&json!({
        "user": token.user,
        "timestamp": timestamp.to_string(),
        "info": info,
        "token": signed,
    }))
}

/// What a client of version 1 must pass on to subscribe to a private channel.
pub fn sign(
    server: &Server,
    (client, channel): (&str, &str),
    info: Option<&str>,
    secret: &TokenSecret,
) -> Result<(), Failure> {
    let secret = project_secret(server, secret)?;
    let info = input::json_option(info)?;
    let info = info.as_ref().map_or("", |info| info.get());
    let signed = legacy::generate_channel_sign(secret.expose(), client, channel, info);
    output::line(&json!({"client": client, "channel": channel, "info": info, "sign": signed}))
}

fn secret(from: &TokenSecret) -> Result<Option<Secret>, Failure> {
    input::secret(from.token_secret_file.as_deref(), SECRET)
}

/// Version 1 has one secret for requests and tokens.
fn project_secret(server: &Server, from: &TokenSecret) -> Result<Secret, Failure> {
    if let Some(secret) = secret(from)? {
        return Ok(secret);
    }
    let key = input::secret(server.key_file.as_deref(), input::KEY)?;
    key.ok_or_else(|| missing(", or the project's secret as the key"))
}

fn missing(or: &str) -> Failure {
    Failure::usage(format!(
        "there is no secret for tokens: set {SECRET}, or name a file that has it with --token-secret-file{or}"
    ))
}
