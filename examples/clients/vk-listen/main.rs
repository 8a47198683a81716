//! Prints what happens to a VK account, or to a community, as JSON lines.
//!
//! ```text
//! export VK_TOKEN=…
//! cargo run --example vk-listen                 # a user's messages
//! cargo run --example vk-listen -- --group 123  # a community's bot
//! ```
//! One line an event: `{"kind":"new_message",…,"recovered":false,"raw":[4,…]}`; `raw` is the event as VK
//! wrote it. What goes wrong is told on the error output, and what can be tried again is. It ends with
//! Ctrl-C (exit code 0) or at an error that will not mend (1).
use std::error::Error as StdError;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples_clients::position_file;
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use vk_longpoll::user::Mode;
use vk_longpoll::{Error, Item, Missing, Position, bots, user};

/// Print what happens to a VK account, or to a community, a JSON object a line.
#[derive(Parser)]
#[command(name = "vk-listen")]
struct Args {
    /// The token of a user, or of the community.
    #[arg(long, env = "VK_TOKEN", hide_env_values = true)]
    token: String,

    /// Where the API is: methods are called at BASE/method/NAME. For a base that is not VK's own,
    /// http is allowed, also of the long poll server that it names.
    #[arg(long, value_name = "BASE", default_value = "https://api.vk.com")]
    api_url: String,

    /// The community whose bot this is (Bots Long Poll).
    #[arg(long, value_name = "ID")]
    group: Option<i64>,

    /// What events have in them (a user's): a sum of 2 attachments, 8 extended events, 32 pts,
    /// 64 devices, 128 random_id.
    #[arg(long, value_name = "BITS", default_value_t = Mode::ALL.bits())]
    mode: i64,

    /// Go on from where this file says, and keep it up to date.
    #[arg(long, value_name = "FILE")]
    position_file: Option<PathBuf>,

    /// Seconds that one poll waits, 1 to 90.
    #[arg(long, value_name = "SECONDS", default_value_t = 25)]
    wait: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let file = args.position_file.clone();
    let file = file.as_deref();
    let position = match file.map_or(Ok(None), saved) {
        Ok(position) => position,
        Err(error) => return wrong(&error),
    };
    let wait = Duration::from_secs(args.wait);
    let done = match args.group {
        Some(group) => {
            let builder = bots::LongPoll::builder(args.token, group).api_address(args.api_url);
            match builder.wait(wait).position(position).build() {
                Ok(long_poll) => until_ctrl_c(long_poll, file).await,
                Err(error) => return wrong(&error.to_string()),
            }
        }
        None => {
            let builder = user::LongPoll::builder(args.token).api_address(args.api_url);
            let builder = builder.mode(Mode::from_bits(args.mode)).wait(wait);
            match builder.position(position).build() {
                Ok(long_poll) => until_ctrl_c(long_poll, file).await,
                Err(error) => return wrong(&error.to_string()),
            }
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn until_ctrl_c<E: Serialize>(
    long_poll: impl Stream<Item = Result<Item<E>, Error>> + Unpin,
    file: Option<&Path>,
) -> Result<(), Box<dyn StdError>> {
    tokio::select! {
        done = print_all(long_poll, file) => done,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn print_all<E: Serialize>(
    mut long_poll: impl Stream<Item = Result<Item<E>, Error>> + Unpin,
    file: Option<&Path>,
) -> Result<(), Box<dyn StdError>> {
    let mut last = None;
    while let Some(item) = long_poll.next().await {
        match item? {
            Item::Event(event) => match print(&event) {
                // Nobody reads any more, as with `| head`; what was not read is not behind us.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                done => done?,
            },
            Item::Answered(answered) => {
                if let Some(failed) = answered.failed {
                    tell(&format!("{failed}; going on"));
                }
                if let Some(file) = file
                    && last != Some(answered.position)
                {
                    position_file::write(file, &serde_json::to_string(&answered.position)?)?;
                    last = Some(answered.position);
                }
            }
            Item::Gap(gap) => {
                let why = gap.error.map(|error| format!(": {error}"));
                let why = why.unwrap_or_default();
                let which = match gap.missing {
                    Missing::NotInHistory => "events that no history has",
                    _ => "events",
                };
                tell(&format!("{which} after ts {} are lost{why}", gap.from.ts));
            }
            Item::Disconnected(lost) => {
                let (error, wait) = (lost.error, lost.retry_in.as_secs_f32());
                tell(&format!("{error}; again in {wait:.1} s"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn saved(file: &Path) -> Result<Option<Position>, String> {
    let Some(text) = position_file::read(file)? else { return Ok(None) };
    let position = serde_json::from_str(&text);
    position.map(Some).map_err(|error| format!("{}: not a position: {error}", file.display()))
}

fn print(event: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(event)?;
    text.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&text)?;
    // At once, also into a pipe.
    out.flush()
}

/// What was asked for cannot be done.
fn wrong(text: &str) -> ExitCode {
    tell(text);
    ExitCode::from(2)
}

/// To the error output, where someone may or may not read.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "vk-listen: {text}");
}
