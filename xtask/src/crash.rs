//! The crash simulation of the file engine, over as many seeds as are asked for.

use crate::tools::{self, Done, cargo};

/// Runs the seeds `first` to `first + seeds` in one process; the first one that fails ends it.
pub fn run(first: u64, seeds: u64) -> Done {
    let test = ["--package", "rt-broker", "--features", "simulation", "--test", "crash"];
    let mut command = cargo(&["test", "--release"]);
    // Without `--nocapture` the progress is shown only after a failure.
    command.args(test).args(["--", "--nocapture"]);
    command.env("RT_BROKER_CRASH_FIRST", first.to_string());
    command.env("RT_BROKER_CRASH_SEEDS", seeds.to_string());
    tools::run(&mut command)
}
