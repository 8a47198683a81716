//! Answers, as bytes on a connection.

use std::time::Duration;

use serde_json::Value;

use super::Shared;
use crate::server::Connection;

pub(super) const PAGE: &str =
    "<html><head><title>VK</title></head><body><h1>It will be fixed soon</h1></body></html>";

/// What happens on the connection.
#[derive(Debug)]
pub(super) enum Reply {
    Json(Value),
    Page(u16, String),
    Bytes(Vec<u8>),
    Cut(Value),
    Stall(Value),
    Raw(Vec<u8>),
    Reset,
    Hang,
    /// The end of the connection, without a byte.
    Close,
    Late(Duration, Box<Reply>),
}

impl Reply {
    /// Carries it out; `false` if the connection is over.
    pub(super) fn send(self, shared: &Shared, connection: &mut Connection) -> bool {
        match self {
            Self::Json(value) => whole(connection, 200, "application/json", value.to_string()),
            Self::Page(status, page) => whole(connection, status, "text/html; charset=utf-8", page),
            Self::Bytes(bytes) => whole(connection, 200, "application/json", bytes),
            Self::Cut(value) => {
                half(connection, &value);
                false
            }
            Self::Stall(value) => {
                half(connection, &value);
                connection.wait_closed();
                false
            }
            Self::Raw(bytes) => {
                connection.send(bytes);
                false
            }
            Self::Reset => {
                connection.reset();
                false
            }
            Self::Hang => {
                connection.wait_closed();
                false
            }
            Self::Close => false,
            Self::Late(time, reply) => shared.pause(time) && reply.send(shared, connection),
        }
    }
}

fn whole(connection: &mut Connection, status: u16, kind: &str, body: impl AsRef<[u8]>) -> bool {
    let body = body.as_ref();
    let mut bytes = head(status, kind, body.len()).into_bytes();
    bytes.extend_from_slice(body);
    connection.send(bytes)
}

fn half(connection: &mut Connection, value: &Value) {
    let body = value.to_string();
    let mut bytes = head(200, "application/json", body.len()).into_bytes();
    bytes.extend_from_slice(&body.as_bytes()[..body.len() / 2]);
    connection.send(bytes);
}

fn head(status: u16, kind: &str, length: usize) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
}
