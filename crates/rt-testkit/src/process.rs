//! A child process that dies with its handle, and whose output is read.
//!
//! ```
//! use rt_testkit::process::{Process, number_after};
//! use std::process::Command;
//!
//! let mut server = Process::start(Command::new("sh").args(["-c", "echo on port 4711; exec sleep 60"]));
//! assert_eq!(number_after(&server.line_with("on port "), "on port "), 4711);
//! server.interrupt();
//! assert!(!server.wait().success());
//! ```
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How long a process may take to say something, or to end.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running process in a group of its own; dropping it kills the whole group and waits for its
/// end.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts the process without an input; its output is read, its errors go where it was told.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let out = BufReader::new(child.stdout.take().expect("it was asked for"));
        let (sender, lines) = std::sync::mpsc::channel();
        // Reads to the end, or the process blocks when the pipe is full.
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// The next line of the output that contains this text; what comes before it is skipped.
    ///
    /// # Panics
    /// If the process ends or [`PATIENCE`] does, with what the process said.
    pub fn line_with(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("no {text:?} in time, but {said:#?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended ({:?}) without {text:?}, but {said:#?}", self.child.wait())
                }
            }
        }
    }

    /// The next line of the output; `None` where it ends, or this time does.
    pub fn next_line(&mut self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Sends the process what Ctrl-C sends it.
    pub fn interrupt(&self) {
        rustix::process::kill_process(self.pid(), Signal::INT).expect("it was not waited for yet");
    }

    /// Waits until the process ends by itself.
    ///
    /// # Panics
    /// If it does not within [`PATIENCE`].
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => return status,
                None if Instant::now() > deadline => panic!("it does not end"),
                // The standard library has no wait with a deadline.
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that has ended may have left others in its group.
        let _ = rustix::process::kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.wait();
        // The others are not ours to wait for; a moment later they are gone.
        let deadline = Instant::now() + Duration::from_millis(500);
        while rustix::process::test_kill_process_group(self.pid()).is_ok() {
            if Instant::now() > deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The number that stands right after this text, such as a port.
///
/// # Panics
/// If there is none.
pub fn number_after(line: &str, text: &str) -> u16 {
    let (_, rest) = line.split_once(text).unwrap_or_else(|| panic!("no {text:?} in {line:?}"));
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_else(|error| panic!("{line:?}: {error}"))
}
