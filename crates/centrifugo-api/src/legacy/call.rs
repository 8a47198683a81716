//! The commands, and how each is written.
use super::encode;
use crate::payload::Content;
use crate::{Error, Payload};

/// One command before it is written.
pub(super) enum Call<'a> {
    Publish { channel: &'a str, data: &'a str, client: Option<&'a str> },
    Broadcast { channels: Vec<&'a str>, data: &'a str, client: Option<&'a str> },
    Unsubscribe { channel: &'a str, user: &'a str },
    Disconnect { user: &'a str },
    Presence { channel: &'a str },
    History { channel: &'a str },
    Channels,
    Stats,
    Node,
}

impl Call<'_> {
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Broadcast { .. } => "broadcast",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::Disconnect { .. } => "disconnect",
            Self::Presence { .. } => "presence",
            Self::History { .. } => "history",
            Self::Channels => "channels",
            Self::Stats => "stats",
            Self::Node => "node",
        }
    }

    /// Refuses what the server would fail the whole request for, after it ran the commands before.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Publish { channel: "", .. } => {
                Err(Error::builder("publish: the channel is empty"))
            }
            _ => Ok(()),
        }
    }

    /// Writes the command; the keys of its params are in alphabetical order, as Go writes maps.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"uid":"#);
        encode::uuid(out);
        out.extend_from_slice(br#","method":""#);
        out.extend_from_slice(self.method().as_bytes());
        out.extend_from_slice(br#"","params":{"#);
        match self {
            Self::Publish { channel, data, client } => {
                text(out, br#""channel":"#, channel);
                publication(out, data, *client);
            }
            Self::Broadcast { channels, data, client } => {
                out.extend_from_slice(br#""channels":["#);
                for (index, channel) in channels.iter().enumerate() {
                    text(out, if index == 0 { b"" } else { b"," }, channel);
                }
                out.push(b']');
                publication(out, data, *client);
            }
            Self::Unsubscribe { channel, user } => {
                text(out, br#""channel":"#, channel);
                text(out, br#","user":"#, user);
            }
            Self::Disconnect { user } => text(out, br#""user":"#, user),
            Self::Presence { channel } | Self::History { channel } => {
                text(out, br#""channel":"#, channel);
            }
            Self::Channels | Self::Stats | Self::Node => {}
        }
        out.extend_from_slice(b"}}");
    }
}

/// The payload's JSON. This API has no form for bytes.
pub(super) fn json(payload: &Payload) -> Result<&str, Error> {
    match payload.content() {
        Content::Json(json) => Ok(json.get()),
        Content::Base64(_) => Err(Error::builder(
            "the legacy API publishes JSON only: put the bytes into a JSON string, as base64 say",
        )),
        Content::Invalid(error) => Err(Error::shared(error)),
    }
}

fn publication(out: &mut Vec<u8>, data: &str, client: Option<&str>) {
    if let Some(client) = client {
        text(out, br#","client":"#, client);
    }
    out.extend_from_slice(br#","data":"#);
    encode::json(out, data);
}

fn text(out: &mut Vec<u8>, before: &[u8], text: &str) {
    out.extend_from_slice(before);
    encode::string(out, text);
}
