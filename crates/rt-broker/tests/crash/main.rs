//! Crashes of the file engine, simulated: seeded lives over a disk on which a power cut truncates,
//! zeroes or scribbles over what was not synced, and on which writes, syncs and renames may fail.
//!
//! `cargo xtask crash --seeds N` runs N of them; a failure prints its seed, with which the same lives
//! are run again (`--first SEED --seeds 1`).
#![cfg(all(feature = "file", feature = "simulation"))]

mod backup;
mod callers;
mod disk;
mod life;
mod model;
mod resume;

use life::Simulation;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Lives of one store.
const LIVES: usize = 4;

#[test]
fn every_crash_is_recovered_from() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let (first, seeds) = (number("RT_BROKER_CRASH_FIRST", 0), number("RT_BROKER_CRASH_SEEDS", 8));
    if seeds == 1 {
        // A failure that is looked into: what the engine logs is part of its story.
        tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false).init();
    }
    for seed in first..first + seeds {
        let lives = || {
            let mut simulation = Simulation::new(seed);
            (0..LIVES).for_each(|_| simulation.live());
            simulation.check_last_opening();
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(lives)) {
            eprintln!("seed {seed} fails: cargo xtask crash --first {seed} --seeds 1");
            resume_unwind(panic);
        }
        let done = seed - first + 1;
        if done.is_multiple_of(100) {
            eprintln!("{done} of {seeds} seeds");
        }
    }
}
