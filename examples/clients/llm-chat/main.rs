//! Asks a language model a question and prints its response as it comes.
//!
//! ```text
//! export ANTHROPIC_API_KEY=…
//! cargo run --example llm-chat -- --api anthropic --model MODEL 'What is a mutex?'
//! ```
//! The text goes to the standard output, everything else to the standard error: what is tried again,
//! at the end the reason why the model stopped and the tokens it counted. The exit code is 0 for a
//! whole response, 1 for one that failed or was cut short, and 2 for wrong use.
mod api;
mod response;

use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use api::Api;
use clap::Parser;
use futures_util::StreamExt;
use response::{Part, Summary};
use sse_client::{Error, EventStream, StreamItem};

/// Ask a language model and print its response as it comes.
#[derive(Parser)]
#[command(name = "llm-chat")]
struct Args {
    /// The question; `-` or nothing reads it from the standard input.
    question: Option<String>,

    /// Which API to speak.
    #[arg(long, value_enum)]
    api: Api,

    /// The model's name, as its vendor lists it.
    #[arg(long)]
    model: String,

    /// The system prompt.
    #[arg(long)]
    system: Option<String>,

    /// The most tokens that the model may write.
    #[arg(long, default_value_t = 4096)]
    max_tokens: u32,

    /// Where the API is, such as http://127.0.0.1:8000 for a server of your own
    /// [default: the vendor's].
    #[arg(long)]
    url: Option<String>,

    /// The file that holds the API key [default: the environment variable ANTHROPIC_API_KEY or
    /// OPENAI_API_KEY; a server of your own may need none].
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let api = args.api;
    let stream = match open(args) {
        Ok(stream) => stream,
        Err(error) => {
            eprintln!("llm-chat: {error}");
            return ExitCode::from(2);
        }
    };
    match print(api, stream).await {
        Ok(summary) => {
            eprintln!("llm-chat: {summary}");
            ExitCode::SUCCESS
        }
        // Nobody reads any more, as with `| head`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("llm-chat: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn open(args: Args) -> Result<EventStream, Box<dyn std::error::Error>> {
    let question = match args.question {
        Some(question) if question != "-" => question,
        _ => {
            if io::stdin().is_terminal() {
                eprintln!("llm-chat: reading the question from the terminal, up to Ctrl-D");
            }
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    if question.trim().is_empty() {
        return Err("the question is empty".into());
    }
    let key = match &args.key_file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the key from {path:?}: {error}"))?,
        None => std::env::var(args.api.key_variable()).unwrap_or_default(),
    };
    if key.trim().is_empty() && args.url.is_none() {
        let variable = args.api.key_variable();
        return Err(format!("there is no API key: set {variable}, or pass --key-file").into());
    }
    let request = api::Request {
        url: args.url.as_deref().unwrap_or(args.api.default_url()),
        key: key.trim(),
        model: &args.model,
        system: args.system.as_deref(),
        question: &question,
        max_tokens: args.max_tokens,
    };
    Ok(args.api.describe(&request).build()?)
}

/// Prints the text as it comes, and returns what is to be said at the end.
async fn print(api: Api, mut stream: EventStream) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    let mut out = io::stdout();
    let mut has_text = false;
    let ended = loop {
        let Some(item) = stream.next().await else { break Ok(()) };
        match item {
            Ok(StreamItem::Event(event)) => match api.read(&event) {
                Ok(parts) => {
                    for part in parts {
                        if let Part::Text(text) = &part {
                            out.write_all(text.as_bytes())?;
                            out.flush()?;
                            has_text |= !text.is_empty();
                        }
                        summary.add(part);
                    }
                }
                Err(error) => break Err(error),
            },
            Ok(StreamItem::Disconnected(lost)) => {
                eprintln!("llm-chat: {}; trying again in {:.1?}", lost.error, lost.retry_in);
            }
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    if has_text {
        out.write_all(b"\n")?;
    }
    ended.map(|()| summary).map_err(Failure::from)
}

/// Why the response could not be printed as a whole.
enum Failure {
    Stream(Error),
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stream(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write: {error}"),
        }
    }
}
