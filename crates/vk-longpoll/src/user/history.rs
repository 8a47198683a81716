//! What was missed, from `messages.getLongPollHistory`.
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Event, User};
use crate::json::{Object, Typed, split};
use crate::kind::Answer;
use crate::{Api, ApiError, Error, Position};

/// The most rows, and the most messages, of a page: VK's own bounds.
const ROWS: usize = 1_000;
const MESSAGES: u32 = 200;
/// The most messages that `messages.getById` takes.
const MESSAGES_BY_ID: usize = 100;

/// Its parts are read one by one: one that is odd does not cost the others.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    history: Option<Box<RawValue>>,
    #[serde(default)]
    messages: Option<Box<RawValue>>,
    #[serde(default)]
    new_pts: Option<Box<RawValue>>,
    #[serde(default)]
    more: Option<Box<RawValue>>,
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
    let page = api.call("messages.getLongPollHistory", &params).await;
    let page: Page = page.map_err(|error| match error.is_data() {
        // A bad moment of VK's, like a page that is not JSON.
        true => Error::unreadable("the history is not one"),
        false => error,
    })?;
    let pts = page.new_pts.and_then(|raw| i64::typed(raw.get()));
    let pts = pts.ok_or_else(|| Error::unreadable("the history does not say how far it goes"))?;
    let rows: Vec<&RawValue> = match &page.history {
        None => Vec::new(),
        Some(rows) => serde_json::from_str(rows.get())
            .map_err(|error| Error::data("messages.getLongPollHistory's history", error))?,
    };
    let mut messages = HashMap::new();
    if let Some(items) = &page.messages {
        keep(&mut messages, items);
    }
    let events: Vec<_> = rows.into_iter().map(Event::decode).collect();
    fetch_others(user, api, &events, &mut messages).await?;

    let events = events.into_iter().map(|event| {
        let message = event.message_id().and_then(|id| messages.get(&id));
        event.recovered_with(message.map(|message| &**message))
    });
    Ok(Answer::History {
        events: events.collect(),
        pts: Some(pts),
        more: page.more.is_some_and(|more| !matches!(more.get(), "0" | "false" | "null" | "\"0\"")),
    })
}

/// The messages in `{"items":[…]}`, by their ids.
fn keep(messages: &mut HashMap<i64, Box<RawValue>>, items: &RawValue) {
    let items = Object::split(items.get()).and_then(|it| split(it.raw("items")?));
    for message in items.unwrap_or_default() {
        let id = Object::split(message).and_then(|it| it.find::<i64>("id"));
        if let (Some(id), Ok(message)) = (id, serde_json::from_str(message)) {
            messages.insert(id, message);
        }
    }
}

/// A page has fewer messages than rows where there are many. What cannot be had (a message that was
/// deleted) stays as short as its row is.
async fn fetch_others(
    user: &User,
    api: &Api,
    events: &[Event],
    messages: &mut HashMap<i64, Box<RawValue>>,
) -> Result<(), Error> {
    let mut ids: Vec<i64> = events
        .iter()
        .filter(|event| event.kind.is_message())
        .filter_map(|event| event.message_id())
        .filter(|id| !messages.contains_key(id))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    // More rows than were asked for are a fault of the server's, and not worth more calls.
    ids.truncate(ROWS);
    for some in ids.chunks(MESSAGES_BY_ID) {
        let params = json!({"message_ids": some, "group_id": user.group_id});
        match api.call::<Box<RawValue>>("messages.getById", &params).await {
            Ok(items) => keep(messages, &items),
            // What may not be read will not be, later either.
            Err(error) if error.api().is_some_and(|refused| !is_passing(refused)) => {
                tracing::debug!(%error, "messages of the history could not be read");
                return Ok(());
            }
            // The page is asked for again.
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_passing(refused: &ApiError) -> bool {
    let codes = [ApiError::UNAUTHORIZED, ApiError::CAPTCHA];
    refused.is_retryable() || codes.contains(&refused.code())
}
