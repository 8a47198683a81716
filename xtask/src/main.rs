//! The project's commands: `cargo xtask COMMAND`.

mod bench;
mod bench_centrifugo;
mod bench_vk;
mod ci;
mod crash;
mod fuzz;
mod interop;
mod tidy;
mod tools;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The project's commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every test that needs only Rust.
    Test,
    /// Runs the tests against real peers: axum, chromium, centrifugo, gocent, golongpoll.
    Interop {
        /// Which peers; none means all.
        names: Vec<String>,
        /// Fails where a peer's tool is missing, instead of saying so and going on.
        #[arg(long)]
        require_all: bool,
    },
    /// Prints the side-by-side tables: codec (by itself), gateway (needs --ruler and --peers),
    /// centrifugo (needs Go, Python, and the server that `interop centrifugo` builds), vk (needs Go).
    Bench {
        /// Which tables; none means codec.
        names: Vec<String>,
        /// The folder of the ruler, which has `sse-peers`.
        #[arg(long, env = "RULER")]
        ruler: Option<PathBuf>,
        /// The folder that the ruler's `build` filled.
        #[arg(long, env = "PEERS")]
        peers: Option<PathBuf>,
    },
    /// Runs every fuzz target, on the nightly toolchain.
    Fuzz {
        /// Seconds a target.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Simulates crashes of the file engine: power cuts, kills and failing disks, four lives a seed.
    /// A failure prints its seed and the command that repeats it.
    Crash {
        /// Number of seeds.
        #[arg(long, default_value_t = 8)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        first: u64,
    },
    /// Checks the dependency arrows of the design, and what else is agreed on.
    Tidy,
    /// All that continuous integration checks with Rust alone.
    Ci,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test => ci::test(),
        Command::Interop { names, require_all } => interop::run(&names, require_all),
        Command::Bench { names, ruler, peers } => bench::run(&names, ruler, peers),
        Command::Fuzz { seconds } => fuzz::run(seconds),
        Command::Crash { seeds, first } => crash::run(first, seeds),
        Command::Tidy => tidy::run(),
        Command::Ci => ci::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
