//! Rows as a poll shows them, and the messages behind them.

use serde_json::{Map, Value, json};

/// Where a row of codes 1 to 5 has its extra, if it is that long.
const EXTRA: usize = 6;

/// The row as far as the poll's mode shows it.
pub(super) fn for_mode(row: &Value, mode: u64) -> Value {
    let Some(values) = row.as_array() else { return row.clone() };
    let mut shown = values.clone();
    match values.first().and_then(Value::as_i64) {
        Some(1..=5) => {
            let rest = shown.split_off(shown.len().min(EXTRA + 1));
            shown.extend(rest.into_iter().filter(|value| match value {
                Value::Object(_) => mode & 2 != 0,
                Value::Number(_) => mode & 128 != 0,
                _ => true,
            }));
        }
        Some(8) if mode & 64 == 0 && shown.len() > 2 => shown[2] = json!(0),
        Some(114) if mode & 8 == 0 => {
            if let Some(settings) = values.get(1).filter(|value| value.is_object()) {
                let field = |name| settings.get(name).cloned().unwrap_or_default();
                shown = vec![json!(114), field("peer_id"), field("sound"), field("disabled_until")];
            }
        }
        _ => {}
    }
    Value::Array(shown)
}

/// A whole new message as a row.
pub(super) struct Message<'a> {
    pub(super) id: i64,
    pub(super) peer: i64,
    pub(super) from: i64,
    /// Whether the account's own.
    pub(super) out: bool,
    pub(super) text: &'a str,
    pub(super) random_id: i64,
}

/// The times of messages: a second apart, and the same in every run.
fn date(id: i64) -> i64 {
    1_700_000_000 + id
}

/// Chats have the ids from here on.
const CHATS: i64 = 2_000_000_000;

impl Message<'_> {
    pub(super) fn row(&self) -> Value {
        let &Self { id, peer, from, out, text, random_id } = self;
        let chat = peer > CHATS;
        let flags = if out { 2 } else { 1 } | if chat { 8192 } else { 0 };
        let extra = match chat {
            true => json!({ "from": from.to_string() }),
            false => json!({ "title": " ... " }),
        };
        json!([4, id, flags, peer, date(id), escaped(text), extra, {}, random_id])
    }
}

/// The message of a row of code 4 or 5, as the API gives it; none if the row has not enough.
pub(super) fn message(row: &Value, account: i64, cmid: u64) -> Option<Value> {
    let id = row.get(1)?.as_i64()?;
    let out = row.get(2)?.as_i64()? & 2 != 0;
    let peer = row.get(3)?.as_i64()?;
    let text = unescaped(row.get(5).and_then(Value::as_str).unwrap_or_default());
    let empty = json!({});
    let extra = row.get(EXTRA).unwrap_or(&empty);
    let told: Option<i64> = extra["from"].as_str().and_then(|from| from.trim().parse().ok());
    let from = if out { account } else { told.unwrap_or(peer) };
    let objects = row.as_array()?.iter().skip(EXTRA + 1);
    let attachments = objects.clone().find_map(Value::as_object).map(attachments);
    let random_id = objects.clone().find_map(Value::as_i64).unwrap_or_default();
    let mut message = json!({
        "id": id,
        "date": row.get(4).and_then(Value::as_i64).unwrap_or_else(|| date(id)),
        "from_id": from,
        "peer_id": peer,
        "text": text,
        "out": i64::from(out),
        "attachments": attachments.unwrap_or_default(),
        "random_id": random_id,
        "conversation_message_id": cmid,
        "fwd_messages": [],
        "important": false,
        "is_hidden": false,
        "version": 10_000 + id,
    });
    if row[0] == 5 {
        message["update_time"] = message["date"].clone();
    }
    if let Some(act) = extra["source_act"].as_str() {
        let member: i64 = extra["source_mid"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
        message["action"] = json!({ "type": act, "member_id": member });
    }
    Some(message)
}

/// `attach1_type` and `attach1` = `owner_item`, as objects.
fn attachments(of: &Map<String, Value>) -> Vec<Value> {
    let mut found = Vec::new();
    for number in 1.. {
        let text = |name: &str| of.get(name).and_then(Value::as_str);
        let name = format!("attach{number}");
        let Some(kind) = text(&format!("{name}_type")) else { break };
        let (owner, item) = text(&name).and_then(|id| id.split_once('_')).unwrap_or_default();
        let (owner, item): (i64, i64) =
            (owner.parse().unwrap_or_default(), item.parse().unwrap_or_default());
        found.push(json!({ "type": kind, kind: { "owner_id": owner, "id": item } }));
    }
    found
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\n', "<br>")
}

fn unescaped(text: &str) -> String {
    let text = text.replace("<br>", "\n").replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"").replace("&amp;", "&")
}
