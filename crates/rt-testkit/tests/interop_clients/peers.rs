//! The programs of the other side, built by `cargo xtask interop clients`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rt_testkit::process::{Process, number_after};

fn folder(variable: &str) -> PathBuf {
    let folder: Option<OsString> = std::env::var_os(variable);
    folder.unwrap_or_else(|| panic!("{variable} names a folder: run cargo xtask interop")).into()
}

/// The gateway on a free port: a long history, so that no gap covers a loss, clients that are asked
/// to come back soon, and heartbeats between the events, of which a client must report nothing.
pub fn gateway() -> (Process, SocketAddr) {
    let mut command = Command::new(folder("EXAMPLES").join("gateway"));
    command.args(["--listen=127.0.0.1:0", "--history=5000", "--retry=0.02", "--heartbeat=0.002"]);
    let mut process = Process::start(&mut command);
    let port = number_after(&process.line_with("gateway on http://"), "127.0.0.1:");
    (process, ([127, 0, 0, 1], port).into())
}

/// A client for Node.
pub fn node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folder("CLIENTS").join(format!("node/{name}.mjs")));
    command
}

/// A client in Python.
pub fn python(name: &str) -> Command {
    let mut command = Command::new(folder("CLIENTS").join("python/venv/bin/python"));
    command.arg(folder("CLIENTS").join(format!("python/{name}.py")));
    command
}

/// A client in Go.
pub fn go(name: &str) -> Command {
    Command::new(folder("CLIENTS").join("go").join(name))
}

/// A client in Rust.
pub fn rust(name: &str) -> Command {
    Command::new(folder("CLIENTS").join("rust/release").join(name))
}
