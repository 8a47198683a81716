//! A command, as it is on the wire.
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A command: what [`Client::commands`](super::Client::commands) tells of the buffer, and what the
/// array in the body of a request is made of.
///
/// ```
/// use centrifugo_api::legacy::Command;
///
/// let body = r#"[{"uid":"u1","method":"presence","params":{"channel":"chat"}}]"#;
/// let commands: Vec<Command> = serde_json::from_str(body)?;
/// assert_eq!(commands[0].method, "presence");
/// assert_eq!(commands[0].params.get(), r#"{"channel":"chat"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Command {
    /// The id, which the server repeats in its answer.
    #[serde(default)]
    pub uid: String,
    /// The name of what is to be done.
    pub method: String,
    /// Its parameters: a JSON object.
    #[serde(default = "no_params")]
    pub params: Box<RawValue>,
}

fn no_params() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("an object is JSON")
}
