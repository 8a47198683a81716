//! A server of plain requests and answers, over the scripted one.

use crate::server::{Received, Server};

/// What a handler answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status and its words: `200 OK`.
    pub status: &'static str,
    /// The headers but for the length of the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Server {
    /// Starts a server that answers each request with what `handler` says, on connections that stay.
    pub fn http(handler: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(move |connection| {
            while let Some(request) = connection.request() {
                let Answer { status, headers, body } = handler(&request);
                let mut head = format!("HTTP/1.1 {status}\r\n");
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                let length = body.len();
                if !connection.send(format!("{head}Content-Length: {length}\r\n\r\n{body}")) {
                    break;
                }
                if request.header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close")) {
                    break;
                }
            }
        })
    }
}
