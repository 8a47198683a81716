//! Runs the examples as a user does: as programs.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part of this module.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

pub mod centrifugo;

/// A running example; killed when dropped.
pub struct Program {
    child: Child,
    out: Option<BufReader<ChildStdout>>,
    errors: Option<JoinHandle<String>>,
}

impl Program {
    pub fn start(name: &str, args: &[&str]) -> Self {
        Self::start_with(name, args, &[])
    }

    /// With these in its environment.
    pub fn start_with(name: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(command(name, args).envs(variables.iter().copied()).stdin(Stdio::null()))
    }

    /// With this as its input.
    pub fn start_with_input(name: &str, args: &[&str], input: &str) -> Self {
        Self::start_in(name, args, &[], Some(input))
    }

    /// With these in its environment and, if there is any, this as its input.
    pub fn start_in(
        name: &str,
        args: &[&str],
        variables: &[(&str, &str)],
        input: Option<&str>,
    ) -> Self {
        let Some(input) = input else { return Self::start_with(name, args, variables) };
        let mut command = command(name, args);
        let mut this = Self::spawn(command.envs(variables.iter().copied()).stdin(Stdio::piped()));
        let mut pipe = this.child.stdin.take().expect("a pipe");
        match pipe.write_all(input.as_bytes()) {
            // It may refuse its input before it has read all of it.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.expect("it reads its input"),
        }
        this
    }

    fn spawn(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the example starts");
        let out = child.stdout.take().map(BufReader::new);
        let mut pipe = child.stderr.take().expect("a pipe");
        // Read to its end, or the program blocks when the pipe is full.
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("text");
            text
        });
        Self { child, out, errors: Some(errors) }
    }

    /// The next line it prints; `None` at the end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let out = self.out.as_mut().expect("it is open");
        let read = out.read_line(&mut line).expect("text");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    pub fn json(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.line().expect("another line")).expect("JSON")
    }

    /// Nobody reads any more.
    pub fn close_output(&mut self) {
        self.out = None;
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    }

    /// Ends it as a power cut does. What it has printed can still be read.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child");
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child")
    }

    /// All that it wrote to its error output, once it has ended.
    pub fn errors(&mut self) -> String {
        let errors = self.errors.take().expect("asked once");
        errors.join().expect("text")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(path(name));
    // A proxy of this machine has no business with loopback.
    command.args(args).env("NO_PROXY", "*");
    command
}

/// `cargo test` builds the examples beside the tests' own folder.
fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{path:?} is missing: run `cargo build -p examples-clients --examples`");
    path
}
