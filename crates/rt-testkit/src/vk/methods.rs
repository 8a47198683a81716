//! The methods that the stand-in knows by itself.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::history;
use super::seen::{Account, Params};
use super::state::State;
use super::step::ApiError;

type Outcome = Result<Value, ApiError>;

/// The outcome of a method; none for one that is not known. `own` is the community of the token.
pub(super) fn run(
    state: &mut State,
    name: &str,
    params: &Params,
    own: Option<i64>,
) -> Option<Outcome> {
    let messages = || match params.number("group_id").or(own) {
        None | Some(0) => Account::User,
        Some(group) => Account::Community(group),
    };
    Some(match name {
        "messages.getLongPollServer" => Ok(user_server(state, params, messages())),
        "messages.getLongPollHistory" => history::history(state, params, messages()),
        "messages.send" => send(state, params, own),
        "groups.getLongPollServer" => group(params).and_then(|group| bots_server(state, group)),
        "groups.setLongPollSettings" => group(params).map(|group| set(state, group, params)),
        "groups.getLongPollSettings" => group(params).map(|group| settings(state, group)),
        "users.get" => Ok(users(params, state.config.me, own)),
        _ => return None,
    })
}

fn user_server(state: &mut State, params: &Params, account: Account) -> Value {
    let key = state.new_key(account);
    let server = state.address(account);
    let log = state.log(account);
    let mut answer = json!({ "key": key, "server": server, "ts": log.ts() });
    if params.get("need_pts") == Some("1") {
        answer["pts"] = log.pts().into();
    }
    answer
}

fn bots_server(state: &mut State, group: i64) -> Outcome {
    let set = state.settings.get(&group).and_then(|settings| settings.get("enabled"));
    if set.is_some_and(|enabled| enabled == "0") {
        return Err(ApiError::parameter("longpoll for this group is not enabled"));
    }
    let account = Account::Bots(group);
    let key = state.new_key(account);
    let ts = state.log(account).ts().to_string();
    Ok(json!({ "key": key, "server": state.address(account), "ts": ts }))
}

fn group(params: &Params) -> Result<i64, ApiError> {
    let group = params.number("group_id").filter(|group| *group > 0);
    group.ok_or_else(|| ApiError::parameter("group_id is undefined"))
}

fn set(state: &mut State, group: i64, params: &Params) -> Value {
    let settings = state.settings.entry(group).or_default();
    let given =
        params.iter().filter(|(name, _)| !matches!(*name, "access_token" | "v" | "group_id"));
    settings.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
    json!(1)
}

fn settings(state: &State, group: i64) -> Value {
    let empty = HashMap::new();
    let set = state.settings.get(&group).unwrap_or(&empty);
    let events = set.iter().filter(|(name, _)| !matches!(name.as_str(), "enabled" | "api_version"));
    let events: serde_json::Map<String, Value> =
        events.map(|(name, value)| (name.clone(), i64::from(value == "1").into())).collect();
    let enabled = set.get("enabled").is_none_or(|enabled| enabled == "1");
    let version = set.get("api_version").map_or("5.199", String::as_str);
    json!({ "is_enabled": enabled, "api_version": version, "events": events })
}

fn send(state: &mut State, params: &Params, own: Option<i64>) -> Outcome {
    let chat = || Some(params.number("chat_id")? + 2_000_000_000);
    let peer = params.number("peer_id").or_else(|| params.number("user_id")).or_else(chat);
    let peer = peer.filter(|peer| *peer != 0);
    if let (None, Some(peers)) = (peer, params.get("peer_ids")) {
        let peers = peers.split(',').filter_map(|peer| peer.trim().parse().ok());
        return Ok(peers.map(|peer| outcome(peer, send_to(state, params, own, peer))).collect());
    }
    let peer = peer.ok_or_else(|| ApiError::parameter("peer_id is undefined"))?;
    send_to(state, params, own, peer)
}

/// What became of a message in one of several conversations.
fn outcome(peer: i64, sent: Outcome) -> Value {
    match sent {
        Ok(id) => json!({ "peer_id": peer, "message_id": id, "conversation_message_id": 1 }),
        Err(error) => json!({
            "peer_id": peer, "message_id": 0,
            "error": { "code": error.code, "description": error.message },
        }),
    }
}

fn send_to(state: &mut State, params: &Params, own: Option<i64>, peer: i64) -> Outcome {
    // Nobody is there.
    if peer == 0 {
        return Err(ApiError::parameter("peer_id is undefined"));
    }
    let random_id = params.number("random_id");
    let random_id = random_id.ok_or_else(|| ApiError::parameter("random_id is undefined"))?;
    let text = params.get("message").unwrap_or_default();
    if text.is_empty() && params.get("attachment").is_none() && params.get("sticker_id").is_none() {
        return Err(ApiError::parameter("message is empty or invalid"));
    }
    let me = state.config.me;
    let from = own.map_or(me, |group| -group);
    if let Some(id) = state.sent.get(&(from, peer, random_id)).filter(|_| random_id != 0) {
        return Ok(json!(id));
    }
    let id = state.deliver(own, peer, from, text, random_id);
    // The other side, where it is one of ours.
    if own.is_none() && peer < 0 {
        state.deliver(Some(-peer), me, me, text, random_id);
    } else if own.is_some() && peer == me {
        state.deliver(None, from, from, text, random_id);
    }
    state.sent.insert((from, peer, random_id), id);
    Ok(json!(id))
}

fn users(params: &Params, me: i64, own: Option<i64>) -> Value {
    let ids = params.get("user_ids").or(params.get("user_id"));
    match ids {
        Some(ids) => {
            let ids = ids.split(',').filter_map(|id| id.trim().parse().ok());
            ids.map(history::profile).collect()
        }
        None if own.is_some() => json!([]),
        None => json!([history::profile(me)]),
    }
}
