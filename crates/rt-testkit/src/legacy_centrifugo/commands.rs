//! The commands.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::state::{Namespace, State, namespace};

const NO_NAMESPACE: &str = "namespace not found";
const INVALID: &str = "invalid message";

#[derive(Deserialize)]
struct Command<'a> {
    #[serde(default)]
    uid: String,
    #[serde(default)]
    method: String,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// All that the params of a command may have.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Params {
    channel: String,
    channels: Vec<String>,
    client: String,
    #[serde(deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    uid: String,
    user: String,
}

#[derive(Serialize)]
struct Reply {
    #[serde(skip_serializing_if = "String::is_empty")]
    uid: String,
    method: String,
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    body: Option<Box<RawValue>>,
}

/// An answer to a command: an error, whether there is advice, and a body.
type Outcome = (Option<&'static str>, bool, Option<Box<RawValue>>);

/// Runs the commands one by one; `None` fails the whole request, after what ran already.
pub(super) fn run(body: &[u8], state: &mut State) -> Option<String> {
    let commands: Vec<&RawValue> = match body.first()? {
        b'[' => serde_json::from_slice(body).ok()?,
        b'{' => vec![serde_json::from_slice(body).ok()?],
        _ => return None,
    };
    // All of them are read before the first runs.
    let commands: Option<Vec<Command<'_>>> = commands.into_iter().map(object).collect();
    let mut replies = Vec::new();
    for Command { uid, method, params } in commands? {
        let params = match params {
            Some(params) => object(params)?,
            None => Params::default(),
        };
        let (error, advised, body) = one(&method, &params, state)?;
        replies.push(Reply { uid, method, error, advice: advised.then_some("fix"), body });
    }
    Some(serde_json::to_string(&replies).unwrap())
}

/// An object; serde's own reading takes an array of its fields, too.
fn object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    json.get().starts_with('{').then(|| serde_json::from_str(json.get()).ok())?
}

fn one(method: &str, params: &Params, state: &mut State) -> Option<Outcome> {
    let Params { channel, channels, client, data, uid, user } = params;
    Some(match method {
        "publish" => match (channel.as_str(), data) {
            ("", _) | (_, None) => return None,
            (_, Some(data)) => match namespace(channel) {
                Namespace::Unknown => (Some(NO_NAMESPACE), true, None),
                _ => {
                    state.publish(channel, data, client, uid);
                    DONE
                }
            },
        },
        "broadcast" => match data {
            Some(data) if !channels.is_empty() => broadcast(channels, data, client, state),
            _ => (Some(INVALID), true, None),
        },
        "unsubscribe" if user.is_empty() => (Some(INVALID), false, None),
        "unsubscribe" if channel.is_empty() => {
            state.unsubscribe(None, user);
            DONE
        }
        "unsubscribe" => match namespace(channel) {
            Namespace::Unknown => (Some(NO_NAMESPACE), false, None),
            _ => {
                state.unsubscribe(Some(channel), user);
                DONE
            }
        },
        "disconnect" if user.is_empty() => (Some(INVALID), false, None),
        "disconnect" => {
            state.unsubscribe(None, user);
            DONE
        }
        "presence" => of_channel(channel, || to_raw_value(&state.presence(channel)).unwrap()),
        "history" => of_channel(channel, || to_raw_value(&state.history(channel)).unwrap()),
        "channels" => data_of(&serde_json::to_string(&state.channels()).unwrap()),
        "stats" => {
            let node = state.node();
            data_of(&format!(r#"{{"nodes":[{node}],"metrics_interval":60}}"#))
        }
        "node" => data_of(&state.node()),
        _ => return None,
    })
}

const DONE: Outcome = (None, false, None);

fn broadcast(channels: &[String], data: &RawValue, client: &str, state: &mut State) -> Outcome {
    for channel in channels {
        match (channel.as_str(), namespace(channel)) {
            ("", _) => return (Some(INVALID), true, None),
            (_, Namespace::Unknown) => return (Some(NO_NAMESPACE), true, None),
            _ => state.publish(channel, data, client, ""),
        }
    }
    DONE
}

/// The body of presence and history is there in any case.
fn of_channel(channel: &str, data: impl FnOnce() -> Box<RawValue>) -> Outcome {
    #[derive(Serialize)]
    struct Body<'a> {
        channel: &'a str,
        data: Option<Box<RawValue>>,
    }
    let (error, data) = match (channel, namespace(channel)) {
        ("", _) => (Some(INVALID), None),
        (_, Namespace::Unknown) => (Some(NO_NAMESPACE), None),
        (_, Namespace::Plain) => (Some("not available"), None),
        (_, Namespace::Public) => (None, Some(data())),
    };
    (error, false, Some(to_raw_value(&Body { channel, data }).unwrap()))
}

fn data_of(json: &str) -> Outcome {
    (None, false, Some(RawValue::from_string(format!(r#"{{"data":{json}}}"#)).unwrap()))
}

/// `null` is data too.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}
