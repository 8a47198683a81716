//! Follows a category by long polling and prints its events, as JSON lines.
//!
//! ```text
//! cargo run --example lp-tail -- http://127.0.0.1:8080/events --category news
//! ```
//! One line an event: `{"timestamp":…,"category":…,"id":…,"data":…}`. What goes wrong is told on the
//! error output, and what can be tried again is. It ends with Ctrl-C (exit code 0) or at an error
//! that will not mend (1).
use std::error::Error as StdError;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples_clients::position_file;
use futures_util::StreamExt;
use lp_client::{Client, Event, Follow, Item, Poll, Position, RawValue, Uuid};
use serde::Serialize;

/// Follow a category by long polling and print its events, a JSON object a line.
#[derive(Parser)]
#[command(name = "lp-tail")]
struct Args {
    /// The http or https URL to poll, such as `http://127.0.0.1:8080/events`.
    url: String,

    /// The category. Some servers take several; golongpoll takes one.
    #[arg(long, short = 'c', required = true)]
    category: Vec<String>,

    /// Start after this time, in milliseconds since the epoch, or `now`.
    #[arg(long, value_name = "MS|now", default_value = "now", value_parser = since, allow_negative_numbers = true)]
    since: Position,

    /// Start after the event with this id; --since is its time.
    #[arg(long, value_name = "UUID")]
    last_id: Option<Uuid>,

    /// A name and a password for the server.
    #[arg(long, value_name = "NAME:PASSWORD", env = "LP_USER", hide_env_values = true)]
    user: Option<String>,

    /// Seconds that one poll waits.
    #[arg(long, value_name = "SECONDS", default_value_t = 45)]
    timeout: u64,

    /// Go on from where this file says, and keep it up to date. It has precedence over --since.
    #[arg(long, value_name = "FILE")]
    position_file: Option<PathBuf>,
}

/// A line of output.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: i64,
    category: &'a str,
    id: Uuid,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let file = args.position_file.clone();
    let follow = match start(args) {
        Ok(follow) => follow,
        Err(error) => {
            tell(&error.to_string());
            return ExitCode::from(2);
        }
    };
    let done = tokio::select! {
        done = print_all(follow, file) => done,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn start(args: Args) -> Result<Follow, Box<dyn StdError>> {
    let mut builder = Client::builder(args.url).poll_timeout(Duration::from_secs(args.timeout));
    if let Some(user) = &args.user {
        let (name, password) = user.split_once(':').ok_or("--user is written NAME:PASSWORD")?;
        builder = builder.basic_auth(name, password);
    }
    let saved = match &args.position_file {
        Some(file) => position_file::read(file)?.map(|text| (file, text)),
        None => None,
    };
    let saved = saved
        .map(|(file, text)| text.parse().map_err(|error| format!("{}: {error}", file.display())));
    let saved = saved.transpose()?;
    let position = match (saved, args.last_id) {
        (Some(saved), _) => saved,
        (None, None) => args.since,
        (None, Some(_)) if args.since.is_now() => {
            return Err("--last-id needs --since with the event's time".into());
        }
        (None, Some(id)) => format!("{}&last_id={id}", args.since).parse()?,
    };
    let mut categories = args.category.into_iter();
    let first = categories.next().ok_or("--category is missing")?;
    let poll = categories.fold(Poll::new(first), Poll::and).position(position);
    Ok(builder.build()?.follow(poll)?)
}

async fn print_all(mut follow: Follow, file: Option<PathBuf>) -> Result<(), Box<dyn StdError>> {
    let mut saved = Position::now();
    while let Some(item) = follow.next().await {
        match item? {
            Item::Event(event) => match print(&event) {
                // Nobody reads any more, as with `| head`; what was not read is not behind us.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                done => done?,
            },
            Item::Gap(gap) => {
                let category = gap.category.map(|category| format!(" in {category:?}"));
                let category = category.unwrap_or_default();
                tell(&format!("events are missing{category}: {:?}", gap.reason));
            }
            Item::Disconnected(lost) => {
                let (error, wait) = (lost.error, lost.retry_in.as_secs_f32());
                tell(&format!("{error}; again in {wait:.1} s"));
            }
            _ => {}
        }
        if let Some(file) = &file
            && follow.waiting() == 0
            && *follow.position() != saved
        {
            saved.clone_from(follow.position());
            position_file::write(file, &saved.to_string())?;
        }
    }
    Ok(())
}

/// To the error output, where someone may or may not read.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "lp-tail: {text}");
}

fn print(event: &Event) -> io::Result<()> {
    let Event { timestamp, category, id, data, event: kind, .. } = event;
    let line = Line { timestamp: *timestamp, category, id: *id, data, event: kind.as_deref() };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&text)?;
    // At once, also into a pipe.
    out.flush()
}

fn since(text: &str) -> Result<Position, String> {
    match text {
        "now" => Ok(Position::now()),
        _ => text.parse().map(Position::since).map_err(|_| {
            "expected milliseconds since the epoch, such as 1795230332805, or now".into()
        }),
    }
}
