//! An echo bot: answers each message to a community with its text.
//!
//! ```text
//! export VK_TOKEN=…
//! cargo run --example vk-echo -- --group 123
//! ```
//! It ends with Ctrl-C (exit code 0), after the answers under way, or at an error that will not mend
//! (1).
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use vk_longpoll::bots::{EventType, Handlers, LongPoll, Message};
use vk_longpoll::{Api, Error, SendMessage};

/// Answer each message to a VK community with its text.
#[derive(Parser)]
#[command(name = "vk-echo")]
struct Args {
    /// The community's token.
    #[arg(long, env = "VK_TOKEN", hide_env_values = true)]
    token: String,

    /// The community's id.
    #[arg(long, value_name = "ID")]
    group: i64,

    /// Where the API is; see vk-listen.
    #[arg(long, value_name = "BASE", default_value = "https://api.vk.com")]
    api_url: String,
}

/// So many conversations are answered at the same time; each in its order.
const AT_ONCE: usize = 8;
/// How often an answer is tried.
const TRIES: u32 = 5;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.to_string());
            ExitCode::from(if error.is_builder() { 2 } else { 1 })
        }
    }
}

async fn run(args: Args) -> Result<(), Error> {
    let api = Api::builder(args.token).address(args.api_url).calls_per_second(20).build()?;
    let mut long_poll = LongPoll::with_api(api.clone(), args.group).build()?;
    let handlers = Handlers::new()
        .concurrent(AT_ONCE)
        .on_message_new(move |new| {
            let api = api.clone();
            async move { echo(&api, &new.message).await }
        })
        .on_gap(|gap| tell(&format!("messages after ts {} are lost", gap.from.ts)))
        .on_disconnected(|lost| tell(&lost.error.to_string()))
        .on_error(|error| tell(&error.to_string()));

    let shutdown = long_poll.shutdown();
    let ended = shutdown.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            ended.shut_down();
        }
    });
    // A bot that is started with its machine may be there before the network is.
    while let Err(error) = long_poll.switch_on([EventType::MessageNew]).await {
        if !error.is_retryable() {
            return Err(error);
        }
        tell(&error.to_string());
        tokio::time::sleep(PAUSE).await;
        if shutdown.is_shut_down() {
            return Ok(());
        }
    }
    long_poll.run(handlers).await
}

async fn echo(api: &Api, message: &Message) -> Result<(), Error> {
    let (Some(peer), Some(text)) = (message.peer_id, &message.text) else { return Ok(()) };
    if text.is_empty() {
        return Ok(());
    }
    let mut answer = SendMessage::text(peer, text);
    // The same message is answered once, even if this program ends in between and sees it again.
    if let Some(id) = message.conversation_message_id {
        answer = answer.with_random_id(random_id(peer, id));
    }
    for n in 1.. {
        match api.send_message(&answer).await {
            Err(error) if error.is_retryable() && n < TRIES => {
                tokio::time::sleep(PAUSE).await;
            }
            sent => return sent.map(drop),
        }
    }
    Ok(())
}

/// The same for the same message, and another for another: conversations count their messages each
/// from 1. Above zero.
fn random_id(peer: i64, message: i64) -> i32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a.
    for byte in [peer.to_le_bytes(), message.to_le_bytes()].concat() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let folded = (hash ^ (hash >> 32)) & 0x7fff_ffff;
    i32::try_from(folded).unwrap_or(i32::MAX).max(1)
}

/// To the error output, where someone may or may not read.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "vk-echo: {text}");
}
