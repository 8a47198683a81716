//! The gateway as a user runs it, and a client that can say anything over HTTP/1.1.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part of this module.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

pub mod polls;
pub mod scratch;
mod stream;

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
pub use stream::Stream;

/// Nothing here takes as long; what waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway on a free port; killed when dropped.
pub struct Gateway {
    child: Child,
    pub address: SocketAddr,
    out: BufReader<ChildStdout>,
    log: Option<JoinHandle<String>>,
}

/// How a gateway ended, and all that it said.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub log: String,
}

impl Gateway {
    pub fn start(args: &[&str]) -> Self {
        let mut child = command(&[&["--listen", "127.0.0.1:0"], args].concat()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut errors = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.split_whitespace().nth(2).unwrap_or_else(|| panic!("no address: {line:?}"));
        let address = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        Self { child, address, out, log: Some(log) }
    }

    /// Runs one that is to end by itself, before it listens.
    pub fn fails(args: &[&str]) -> Ended {
        let mut child = command(args).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if !line.is_empty() {
            let _ = child.kill();
        }
        let ended = child.wait_with_output().unwrap();
        assert_eq!(line, "", "{args:?}");
        let log = String::from_utf8(ended.stderr).unwrap();
        Ended { status: ended.status, out: line, log }
    }

    /// Sends it a signal (`INT`, `TERM`).
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let mut out = String::new();
        self.out.read_to_string(&mut out).unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        Ended { status: self.child.wait().unwrap(), out, log }
    }

    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], "")
    }

    pub fn post(&self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask("POST", target, &[], body)
    }

    /// One request; a `host` among the headers stands in place of the right one.
    pub fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let headers = [&[("connection", "close")], headers].concat();
        self.raw(&self.request(method, target, &headers, body.as_ref()))
    }

    /// As [`ask`](Self::ask), on a connection that could carry more: such requests may go the fast
    /// path.
    pub fn ask_kept(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let mut socket = self.connect();
        let _ = socket.write_all(&self.request(method, target, headers, body.as_ref()));
        let mut from = BufReader::new(socket);
        let mut answer = Answer::read_head(&mut from);
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        from.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<u8> {
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }

    /// These bytes, and what is answered until the connection ends.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut socket = self.connect();
        // The answer may be there before all is written.
        let _ = socket.write_all(bytes);
        Answer::read(&mut BufReader::new(socket))
    }

    /// Opens an event stream and takes its connect event, whose type must be `ping`.
    pub fn stream(&self, query: &str) -> Stream {
        let mut stream = self.open(&format!("/sse?{query}"), &[]);
        stream.ping = stream.next();
        assert_eq!(stream.ping.event, "ping", "{:?}", stream.ping);
        stream
    }

    /// Opens an event stream.
    pub fn open(&self, target: &str, headers: &[(&str, &str)]) -> Stream {
        let mut head = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut socket = self.connect();
        socket.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        Stream::open(BufReader::new(socket))
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer with its body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    fn read(from: &mut impl BufRead) -> Self {
        let mut answer = Self::read_head(from);
        let mut body = Vec::new();
        from.read_to_end(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    fn read_head(from: &mut impl BufRead) -> Self {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(from.read_line(&mut line).unwrap() > 0, "the head is cut: {lines:?}");
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let pairs = lines[1..].iter().map(|line| line.split_once(':').unwrap());
        let headers =
            pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Self { status, headers: headers.collect(), body: String::new() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// The status, and what the JSON says was wrong.
    pub fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap().to_owned())
    }
}

/// `cargo test` builds the gateway beside the tests' own folder; not so where it is given a test's
/// name or `--test`, and then `cargo build -p examples --examples` comes first.
fn command(args: &[&str]) -> Command {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    let name = format!("gateway{}", std::env::consts::EXE_SUFFIX);
    let path: PathBuf = profile.join("examples").join(name);
    assert!(path.exists(), "{path:?} is missing: run `cargo build -p examples --examples`");
    let mut command = Command::new(path);
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
