//! Runs the examples as a user does: as programs.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part of this module.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// A running example; killed when dropped.
pub struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    pub fn start(name: &str, args: &[&str]) -> Self {
        let mut child = Command::new(path(name))
            .args(args)
            // A proxy of this machine has no business with loopback.
            .env("NO_PROXY", "*")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, out }
    }

    /// The next line it prints; `None` at the end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.out.read_line(&mut line).expect("text");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    pub fn json(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.line().expect("another line")).expect("JSON")
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `cargo test` builds the examples beside the tests' own folder.
fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{path:?} is missing: run `cargo build -p examples-clients --examples`");
    path
}
