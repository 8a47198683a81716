//! Prints what happens on an event stream, as JSON lines.
//!
//! ```text
//! cargo run --example sse-tail -- http://127.0.0.1:8080/sse?zone=news
//! ```
//! Each line is one item: `{"kind":"open","status":200}`, then `event`, `comment`, `retry`,
//! `too_large`, `disconnected` (with `retry_in_ms`), `restarted`, and at last `end` (exit code 0) or
//! `error` (exit code 1).
use std::error::Error as StdError;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use futures_util::StreamExt;
use serde::Serialize;
use sse_client::{
    End, Error, EventStream, EventStreamBuilder, Method, Reconnect, RetryPolicy, StreamItem,
};

/// Follow an event stream and print what happens, one JSON object per line.
#[derive(Parser)]
#[command(name = "sse-tail")]
struct Args {
    /// The http or https URL of the stream.
    url: String,

    /// A header of the request, `Name: value`; `@FILE` reads one a line from a file, which keeps
    /// secrets off the command line. May be given several times.
    #[arg(long, short = 'H', value_name = "HEADER")]
    header: Vec<String>,

    /// The request's method [default: GET, or POST with a body].
    #[arg(long, short = 'X')]
    method: Option<Method>,

    /// The request's body; `@FILE` reads it from a file.
    #[arg(long, short = 'd')]
    body: Option<String>,

    /// When to make another request [default: always; until-opened with a body, which may be charged
    /// for each time].
    #[arg(long, value_enum, value_name = "WHEN")]
    reconnect: Option<When>,

    /// The Last-Event-ID to start from.
    #[arg(long, value_name = "ID")]
    last_event_id: Option<String>,

    /// Reconnect when nothing came for this long: `45`, `1.5` or `45s` for seconds, `500ms`.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    idle_timeout: Option<Duration>,

    /// Give up after this many retries without a healthy connection in between
    /// [default: never; 2 with --reconnect until-opened].
    #[arg(long, value_name = "N")]
    max_retries: Option<u32>,

    /// The first wait before a reconnect is at most this long, as --idle-timeout [default: 1s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    retry_base: Option<Duration>,

    /// End at an event with this data, such as `[DONE]`.
    #[arg(long, value_name = "DATA")]
    sentinel: Option<String>,

    /// End with the first event of this type, such as `message_stop`. May be given several times.
    #[arg(long, value_name = "TYPE")]
    end_event: Vec<String>,

    /// Fail at an event of this type, such as `error`. May be given several times.
    #[arg(long, value_name = "TYPE")]
    error_event: Vec<String>,

    /// Accept this content type, too, or `any`. May be given several times.
    #[arg(long, value_name = "TYPE")]
    content_type: Vec<String>,
}

/// When to make another request after one that failed or ended.
#[derive(Clone, Copy, ValueEnum)]
enum When {
    /// After each failure that may pass, and after the end of a response.
    Always,
    /// Until a response has opened.
    UntilOpened,
    /// Never: make a single attempt.
    Never,
}

/// A line of output.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Open { status: u16 },
    Event { event: &'a str, data: &'a str, id: &'a str },
    Comment { comment: &'a str },
    Retry { retry_ms: u128 },
    Restarted,
    TooLarge { limit: usize },
    Disconnected { error: String, retry_in_ms: u128 },
    End { reason: &'static str },
    Error { error: String, status: Option<u16> },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let stream = match builder(Args::parse()).and_then(|builder| Ok(builder.build()?)) {
        Ok(stream) => stream,
        Err(error) => {
            eprintln!("sse-tail: {error}");
            return ExitCode::from(2);
        }
    };
    match follow(stream).await {
        Ok(code) => code,
        // Nobody reads any more, as with `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sse-tail: {error}");
            ExitCode::FAILURE
        }
    }
}

fn builder(args: Args) -> Result<EventStreamBuilder, Box<dyn StdError>> {
    let mut retry = RetryPolicy::new();
    if let Some(max) = args.max_retries {
        retry = retry.max_retries(max);
    }
    if let Some(base) = args.retry_base {
        retry = retry.base(base);
    }
    let mut builder = EventStream::builder(args.url).retry(retry).idle_timeout(args.idle_timeout);
    if let Some(when) = args.reconnect {
        builder = builder.reconnect(match when {
            When::Always => Reconnect::Always,
            When::UntilOpened => Reconnect::UntilOpened,
            When::Never => Reconnect::Never,
        });
    }
    for given in &args.header {
        let lines = text_or_file(given)?;
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) =
                line.split_once(':').ok_or("a header is written as `Name: value`")?;
            builder = builder.header(name.trim(), value.trim());
        }
    }
    if let Some(method) = args.method {
        builder = builder.method(method);
    }
    if let Some(body) = &args.body {
        builder = builder.body(text_or_file(body)?);
    }
    if let Some(id) = args.last_event_id {
        builder = builder.last_event_id(id);
    }
    if let Some(sentinel) = args.sentinel {
        builder = builder.sentinel(sentinel);
    }
    for event_type in args.end_event {
        builder = builder.end_event(event_type);
    }
    for event_type in args.error_event {
        builder = builder.error_event(event_type);
    }
    for content_type in args.content_type {
        builder = match content_type.as_str() {
            "any" => builder.any_content_type(),
            content_type => builder.content_type(content_type),
        };
    }
    Ok(builder)
}

async fn follow(mut stream: EventStream) -> io::Result<ExitCode> {
    while let Some(item) = stream.next().await {
        match item {
            Ok(StreamItem::Opened(opened)) => print(&Line::Open { status: opened.status.as_u16() }),
            Ok(StreamItem::Event(event)) => {
                print(&Line::Event { event: event.event(), data: event.data(), id: event.id() })
            }
            Ok(StreamItem::Comment(comment)) => print(&Line::Comment { comment: &comment }),
            Ok(StreamItem::Retry(wait)) => print(&Line::Retry { retry_ms: wait.as_millis() }),
            Ok(StreamItem::Restarted) => print(&Line::Restarted),
            Ok(StreamItem::TooLarge { limit, .. }) => print(&Line::TooLarge { limit }),
            Ok(StreamItem::Disconnected(lost)) => print(&Line::Disconnected {
                error: lost.error.to_string(),
                retry_in_ms: lost.retry_in.as_millis(),
            }),
            Ok(StreamItem::Ended(end)) => print(&Line::End { reason: reason(end) }),
            Ok(_) => Ok(()),
            Err(error) => {
                print(&failure(&error))?;
                return Ok(ExitCode::FAILURE);
            }
        }?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(line: &Line<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    // At once, also into a pipe.
    out.flush()
}

fn failure(error: &Error) -> Line<'static> {
    Line::Error { error: error.to_string(), status: error.status().map(|status| status.as_u16()) }
}

fn reason(end: End) -> &'static str {
    match end {
        End::NoContent => "no_content",
        End::Completed => "completed",
        End::Finished => "finished",
        _ => "other",
    }
}

fn text_or_file(given: &str) -> Result<String, String> {
    match given.strip_prefix('@') {
        None => Ok(given.to_owned()),
        Some(path) => std::fs::read_to_string(Path::new(path))
            .map_err(|error| format!("cannot read {path:?}: {error}")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = number.trim().parse().map_err(|_| "not a time such as 45, 1.5s or 500ms")?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}
