//! What was missed, from `messages.getLongPollHistory`.
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Event, User};
use crate::json::{Object, Typed};
use crate::kind::Answer;
use crate::{Api, Error, Position};

/// The most rows, and the most messages, of a page: VK's own bounds.
const ROWS: u32 = 1_000;
const MESSAGES: u32 = 200;
/// The most messages that `messages.getById` takes.
const MESSAGES_BY_ID: usize = 100;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    history: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    messages: Option<Items>,
    #[serde(default)]
    new_pts: Option<Box<RawValue>>,
    #[serde(default)]
    more: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Items {
    #[serde(default)]
    items: Option<Vec<Box<RawValue>>>,
}

/// One page of what happened after `from`.
pub(super) async fn page(user: &User, api: &Api, from: Position) -> Result<Answer<Event>, Error> {
    let params = json!({
        "ts": from.ts,
        "pts": from.pts,
        "events_limit": ROWS,
        "msgs_limit": MESSAGES,
        "lp_version": user.version(),
        "group_id": user.group_id,
    });
    let page: Page = api.call("messages.getLongPollHistory", &params).await?;
    let mut messages = HashMap::new();
    keep(&mut messages, page.messages);
    let rows = page.history.unwrap_or_default();
    fetch_others(user, api, &rows, &mut messages).await;

    let events = rows.iter().map(|row| {
        let id = Event::decode(row).message_id();
        Event::from_history(row, id.and_then(|id| messages.get(&id)).map(|message| &**message))
    });
    let number = |raw: Option<Box<RawValue>>| raw.and_then(|raw| i64::typed(raw.get()));
    Ok(Answer::History {
        events: events.collect(),
        pts: number(page.new_pts),
        more: page.more.is_some_and(|more| !matches!(more.get(), "0" | "false" | "null" | "\"0\"")),
    })
}

fn keep(messages: &mut HashMap<i64, Box<RawValue>>, items: Option<Items>) {
    for message in items.and_then(|items| items.items).unwrap_or_default() {
        let id = Object::split(message.get()).and_then(|it| it.find::<i64>("id").ok().flatten());
        if let Some(id) = id {
            messages.insert(id, message);
        }
    }
}

/// A page has fewer messages than rows where there are many. What cannot be had (a message that was
/// deleted) stays as short as its row is.
async fn fetch_others(
    user: &User,
    api: &Api,
    rows: &[Box<RawValue>],
    messages: &mut HashMap<i64, Box<RawValue>>,
) {
    let events = rows.iter().map(|row| Event::decode(row));
    let mut ids: Vec<i64> = events
        .filter(|event| event.kind.is_message())
        .filter_map(|event| event.message_id())
        .filter(|id| !messages.contains_key(id))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    for some in ids.chunks(MESSAGES_BY_ID) {
        let params = json!({"message_ids": some, "group_id": user.group_id});
        match api.call::<Items>("messages.getById", &params).await {
            Ok(items) => keep(messages, Some(items)),
            Err(error) => {
                tracing::debug!(%error, "messages of the history could not be read");
                return;
            }
        }
    }
}
