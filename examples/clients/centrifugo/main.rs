//! Calls Centrifugo's server API, today's or (with `--legacy`) that of version 1.
//!
//! ```text
//! export CENTRIFUGO_KEY=…
//! cargo run --example centrifugo -- publish news '{"text":"hello"}'
//! cargo run --example centrifugo -- history news --limit 10 --reverse
//! ```
//! Results are JSON on the output, a line each. What goes wrong is told on the error output; the exit
//! code is 1 where the server or the way to it failed, and 2 where nothing was sent because of what was
//! asked for.
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

mod batch;
mod failure;
mod input;
mod legacy;
mod modern;
mod options;
mod output;
mod token;
mod values;

use options::Options;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Options { server, command } = Options::parse();
    let done = match server.legacy {
        true => legacy::run(&server, command).await,
        false => modern::run(&server, command).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where someone may or may not read.
            let _ = writeln!(io::stderr(), "centrifugo: {failure}");
            failure.exit_code()
        }
    }
}
