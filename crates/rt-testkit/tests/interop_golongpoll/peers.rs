//! The programs of the other side.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rt_testkit::process::{Process, number_after};

/// A server that listens.
#[derive(Debug)]
pub struct Peer {
    pub process: Process,
    port: u16,
}

impl Peer {
    pub fn addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }
}

/// golongpoll's server on a free port, with these flags.
pub fn golongpoll(args: &[&str]) -> Peer {
    let mut process = Process::start(Command::new(program("server")).args(args));
    let port = number_after(&process.line_with("listening on "), "127.0.0.1:");
    Peer { process, port }
}

/// Our gateway on a free port (unless `--listen` is among these), with these flags.
pub fn gateway(args: &[&str]) -> Peer {
    let mut command = Command::new(example("gateway"));
    if !args.iter().any(|arg| arg.starts_with("--listen")) {
        command.arg("--listen=127.0.0.1:0");
    }
    let mut process = Process::start(command.args(args));
    let port = number_after(&process.line_with("gateway on http://"), "127.0.0.1:");
    Peer { process, port }
}

/// One of our examples.
pub fn example(name: &str) -> PathBuf {
    let folder = std::env::var_os("EXAMPLES").expect("EXAMPLES names the examples' folder");
    PathBuf::from(folder).join(name)
}

/// One of the programs made from `xtask/golongpoll`.
pub fn program(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("GOLONGPOLL").expect("GOLONGPOLL names the folder of its programs");
    PathBuf::from(folder).join(name)
}
