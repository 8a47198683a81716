//! Every fuzz target for some time, on the nightly toolchain.

use crate::tools::{self, Done, command, has, output};

/// Largest input, in bytes: events that matter are short.
const MAX_LEN: &str = "-max_len=4096";

/// Runs each target for this many seconds; a finding fails.
pub fn run(seconds: u64) -> Done {
    if !has("cargo-fuzz") {
        return Err("cargo-fuzz is missing: cargo install --locked cargo-fuzz".into());
    }
    let cargo = |args: &[&str]| {
        // Through rustup's own cargo, which knows toolchains by name.
        let mut command = command("cargo", args);
        command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC");
        command
    };
    let targets = output(&mut cargo(&["+nightly", "fuzz", "list"]))?;
    for target in targets.lines() {
        let time = format!("-max_total_time={seconds}");
        tools::run(cargo(&["+nightly", "fuzz", "run", target, "--"]).args([&time, MAX_LEN]))?;
    }
    Ok(())
}
