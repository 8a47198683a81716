//! One client: an event stream whose happenings are posted to the harness.
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use sse_client::{Error, EventStream, HttpClient, Method, Reconnect, RetryPolicy, StreamItem};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long the harness may take to accept a callback.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(10);

/// What the harness asks for; `null` is the same as nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    stream_url: String,
    callback_url: String,
    tag: Option<String>,
    initial_delay_ms: Option<u64>,
    last_event_id: Option<String>,
    method: Option<String>,
    body: Option<String>,
    headers: Option<HashMap<String, String>>,
    read_timeout_ms: Option<u64>,
}

/// What the harness may tell a client that runs.
pub(crate) enum Command {
    Restart,
    /// Every type is reported anyway, so this only has to be understood.
    Listen(String),
}

/// A client that runs until it is dropped.
pub(crate) struct Running {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

impl Running {
    /// Starts a client; `Err` says which parameter is not valid.
    pub(crate) fn start(params: Params, http: HttpClient) -> Result<Self, String> {
        let callback = params.callback_url.trim_end_matches('/').to_owned();
        if !http::Uri::try_from(&callback).is_ok_and(|uri| uri.scheme().is_some()) {
            return Err("callbackUrl is not a URL".to_owned());
        }
        let tag = params.tag.clone().unwrap_or_default();
        let method =
            params.method.as_deref().unwrap_or(if params.body.is_some() { "POST" } else { "GET" });
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let stream = stream(params, method, http.clone()).map_err(|error| error.to_string())?;
        let (commands, received) = mpsc::unbounded_channel();
        let harness = Harness { http, callback, sent: 0, tag };
        Ok(Self { commands, task: tokio::spawn(follow(stream, harness, received)) })
    }

    pub(crate) fn send(&self, command: Command) {
        // A stream that has ended takes no commands; the harness need not know.
        let _ = self.commands.send(command);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Drops the stream, which closes its connection.
        self.task.abort();
    }
}

fn stream(params: Params, method: Method, http: HttpClient) -> Result<EventStream, Error> {
    let mut retry = RetryPolicy::new();
    if let Some(delay) = params.initial_delay_ms {
        retry = retry.base(Duration::from_millis(delay));
    }
    let mut builder = EventStream::builder(params.stream_url)
        .http_client(http)
        .method(method)
        .retry(retry)
        .reconnect(Reconnect::Always)
        .last_event_id(params.last_event_id.unwrap_or_default())
        .body(params.body.unwrap_or_default());
    for (name, value) in params.headers.unwrap_or_default() {
        builder = builder.header(name, value);
    }
    if let Some(timeout) = params.read_timeout_ms {
        let timeout = Duration::from_millis(timeout);
        builder = builder.idle_timeout(timeout).response_timeout(timeout);
    }
    builder.build()
}

async fn follow(
    mut stream: EventStream,
    mut harness: Harness,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    loop {
        let item = tokio::select! {
            biased;
            Some(command) = commands.recv() => {
                match command {
                    Command::Restart => stream.reconnect(),
                    Command::Listen(event_type) => {
                        tracing::debug!(tag = harness.tag, event_type, "listen");
                    }
                }
                continue;
            }
            item = stream.next() => item,
        };
        let message = match item {
            None => return,
            Some(Ok(StreamItem::Event(event))) => json!({
                "kind": "event",
                "event": { "type": event.event(), "data": event.data(), "id": event.id() },
            }),
            Some(Ok(StreamItem::Comment(comment))) => {
                json!({ "kind": "comment", "comment": comment })
            }
            Some(Ok(StreamItem::TooLarge { limit, .. })) => {
                error(&format!("an event is larger than {limit} bytes"))
            }
            Some(Ok(StreamItem::Disconnected(lost))) => error(&lost.error.to_string()),
            Some(Err(failed)) => error(&failed.to_string()),
            Some(Ok(_)) => continue,
        };
        harness.tell(&message).await;
    }
}

struct Harness {
    http: HttpClient,
    callback: String,
    sent: u64,
    tag: String,
}

impl Harness {
    /// Posts a message and waits until it is accepted, so that they arrive in order.
    async fn tell(&mut self, message: &Value) {
        self.sent += 1;
        let request = http::Request::post(format!("{}/{}", self.callback, self.sent))
            .header("content-type", "application/json")
            .body(Bytes::from(message.to_string()));
        let Ok(request) = request else { return };
        if let Err(error) = self.http.fetch(request, CALLBACK_TIMEOUT, 64 * 1024).await {
            eprintln!("sse-contract: {}: {error}", self.tag);
        }
    }
}

fn error(text: &str) -> Value {
    json!({ "kind": "error", "error": text })
}
