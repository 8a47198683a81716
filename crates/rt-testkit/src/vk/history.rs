//! `messages.getLongPollHistory`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::log::Entry;
use super::seen::{Account, Params};
use super::state::State;
use super::step::ApiError;

/// What is taken where nothing is given; VK refuses less than this.
const EVENTS: i64 = 1_000;
const MESSAGES: i64 = 200;

pub(super) fn history(
    state: &mut State,
    params: &Params,
    account: Account,
) -> Result<Value, ApiError> {
    let events = limit(params, "events_limit", EVENTS)?.min(state.config.history_events);
    let messages = limit(params, "msgs_limit", MESSAGES)?.min(state.config.history_messages);
    let newer_than = params.number("max_msg_id").unwrap_or_default();
    // One more than the page takes tells that there is more.
    let (from_pts, found) = missed(state, params, account, events.saturating_add(1))?;
    let mut page: Vec<&Entry> = Vec::new();
    let mut items: Vec<Value> = Vec::new();
    let mut more = false;
    for entry in &found {
        let code = entry.row[0].as_i64().unwrap_or_default();
        let id = entry.row[1].as_i64().unwrap_or_default();
        let has_message = (code == 5 || code == 4 && id > newer_than)
            && !items.iter().any(|item| item["id"] == id);
        if page.len() == events || has_message && items.len() == messages {
            more = true;
            break;
        }
        page.push(entry);
        if has_message {
            items.extend(state.message(account, &entry.row));
        }
    }
    let last = if more { page.last().map(|entry| entry.pts) } else { None };
    let new_pts = last.unwrap_or_else(|| state.log(account).pts());
    let rows: Vec<Value> = page.iter().map(|entry| short(&entry.row)).collect();
    let mut answer = json!({
        "history": rows,
        "messages": { "count": items.len(), "items": items },
        "from_pts": from_pts,
        "new_pts": new_pts,
    });
    if more {
        answer["more"] = 1.into();
    }
    describe(&mut answer);
    Ok(answer)
}

/// The rows with a pts after where the caller is, and the pts of that place.
fn missed(
    state: &mut State,
    params: &Params,
    account: Account,
    most: usize,
) -> Result<(u64, Vec<Entry>), ApiError> {
    let by_ts = state.config.history_by_ts;
    let log = state.log(account);
    let number = |name: &str| params.get(name).map(|text| text.parse::<u64>());
    let kept = |entry: &&Entry| entry.has_pts;
    match (number("pts"), number("ts")) {
        (Some(Ok(pts)), _) => match log.after_pts(pts) {
            Some(found) => Ok((pts, found.filter(kept).take(most).cloned().collect())),
            None => Err(ApiError::of(if pts > log.pts() { 908 } else { 907 })),
        },
        (None, Some(Ok(ts))) if ts > log.ts() => Err(ApiError::of(908)),
        (None, Some(Ok(ts))) if log.ts() - ts > by_ts => Err(ApiError::of(907)),
        (None, Some(Ok(ts))) => match log.after(ts) {
            Some(found) => Ok((log.pts_at(ts), found.filter(kept).take(most).cloned().collect())),
            None => Err(ApiError::of(907)),
        },
        (Some(Err(_)), _) => Err(ApiError::parameter("pts should be positive")),
        _ => Err(ApiError::parameter("ts is undefined")),
    }
}

fn limit(params: &Params, name: &str, least: i64) -> Result<usize, ApiError> {
    let given = match params.get(name) {
        None => least,
        Some(text) => text.parse().unwrap_or_default(),
    };
    if given < least {
        return Err(ApiError::parameter(&format!("{name} should be greater or equal to {least}")));
    }
    Ok(given as usize)
}

/// A new message is told by its id, flags and peer; the rest is among the messages.
fn short(row: &Value) -> Value {
    match row.as_array() {
        Some(values) if row[0] == 4 => values.iter().take(4).cloned().collect(),
        _ => row.clone(),
    }
}

/// Adds who the messages are from and where they are.
fn describe(answer: &mut Value) {
    let items = answer["messages"]["items"].as_array().cloned().unwrap_or_default();
    let all = |name: &str| -> BTreeSet<i64> {
        items.iter().filter_map(|item| item[name].as_i64()).collect()
    };
    let from = all("from_id");
    let users = from.iter().filter(|id| **id > 0).map(|id| profile(*id));
    answer["profiles"] = users.collect();
    let groups = from.iter().filter(|id| **id < 0).map(|id| {
        json!({ "id": -id, "name": format!("Group {}", -id), "type": "group", "is_closed": 0 })
    });
    answer["groups"] = groups.collect();
    let places = all("peer_id").into_iter().map(|id| {
        let (kind, local) = match id {
            2_000_000_001.. => ("chat", id - 2_000_000_000),
            ..0 => ("group", -id),
            _ => ("user", id),
        };
        json!({ "peer": { "id": id, "type": kind, "local_id": local } })
    });
    answer["conversations"] = places.collect();
}

/// A user, as users.get tells of them.
pub(super) fn profile(id: i64) -> Value {
    json!({ "id": id, "first_name": "User", "last_name": id.to_string(), "is_closed": false })
}
