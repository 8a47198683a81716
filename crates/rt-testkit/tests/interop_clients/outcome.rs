//! What a client makes of a stream that breaks again and again.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rt_testkit::process::Process;
use rt_testkit::proxy::Proxy;
use serde_json::{Value, json};

use crate::peers;

/// Events that must arrive.
const EVENTS: u64 = 300;
/// Events after these, so that a client which loses the last ones shows that it has come so far.
const MORE: u64 = 20;
/// A connection is cut after this many bytes at the most: a head, the connect event and some six
/// events.
pub const BYTES: usize = 1_000;
const SEED: u64 = 7;
/// Between two publications. Some events come live, the others with the next connection.
const PACE: Duration = Duration::from_millis(4);
/// How long a client may take with all of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client was given.
#[derive(Debug)]
pub struct Outcome {
    name: &'static str,
    /// How often its connection was cut, and of which events only the empty line was missing then.
    cuts: usize,
    cut_after_id: BTreeSet<u64>,
    /// Numbers of the events, in the order in which they were given.
    given: Vec<u64>,
    /// What was given and is no event that was published: cut off, without data, of another type.
    odd: Vec<String>,
}

impl Outcome {
    /// Runs a client whose connections are cut, and prints a row of the table.
    pub async fn of(name: &'static str, version: &str, client: Command) -> Self {
        Self::with_cuts(name, version, client, BYTES).await
    }

    /// The same with connections that are cut after another number of bytes at the most.
    pub async fn with_cuts(
        name: &'static str,
        version: &str,
        mut client: Command,
        bytes: usize,
    ) -> Self {
        let (_gateway, gateway) = peers::gateway();
        let proxy = Proxy::start(gateway).await;
        for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            client.env_remove(variable);
        }
        client.arg(format!("http://{}/sse?zone=z", proxy.addr()));
        let mut client = Process::start(&mut client);
        let deadline = Instant::now() + PATIENCE;
        // A client has a position to come back to once it was given something.
        while number(&client.next_line(Duration::from_millis(200)).unwrap_or_default()) != Some(0) {
            assert!(Instant::now() < deadline, "{name} does not connect");
            publish(gateway, &json!({ "n": 0 }));
        }
        proxy.cut_at_random(SEED, 1..bytes, "id: ");
        let pad = "x".repeat(40);
        let publisher = tokio::task::spawn_blocking(move || {
            for n in 1..=EVENTS + MORE {
                publish(gateway, &json!({ "n": n, "pad": pad }));
                std::thread::sleep(PACE);
            }
        });
        let mut outcome = Self {
            name,
            cuts: 0,
            cut_after_id: BTreeSet::new(),
            given: Vec::new(),
            odd: Vec::new(),
        };
        while !outcome.given.iter().any(|n| *n >= EVENTS) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(line) = client.next_line(left) else { break };
            outcome.take(line);
        }
        publisher.await.expect("the publisher does not panic");
        proxy.stop_cutting();
        let cuts = proxy.random_cuts();
        outcome.cuts = cuts.len();
        outcome.cut_after_id = cuts.iter().filter_map(|sent| cut_after_id(sent)).collect();
        outcome.cut_after_id.retain(|n| (1..=EVENTS).contains(n));
        outcome.print(version);
        outcome
    }

    fn take(&mut self, line: String) {
        match number(&line) {
            Some(0) => {}
            Some(n) => self.given.push(n),
            None if line.starts_with("ping ") => {}
            None => self.odd.push(line),
        }
    }

    fn lost(&self) -> BTreeSet<u64> {
        (1..=EVENTS).filter(|n| !self.given.contains(n)).collect()
    }

    fn repeated(&self) -> usize {
        let once: BTreeSet<_> = self.given.iter().collect();
        self.given.len() - once.len()
    }

    fn print(&self, version: &str) {
        let (name, cuts, after_id) = (self.name, self.cuts, self.cut_after_id.len());
        let (lost, repeated, odd) = (self.lost().len(), self.repeated(), self.odd.len());
        println!("| {name} | {version} | {cuts} | {after_id} | {lost} | {repeated} | {odd} |");
    }

    /// Holds that every event was given once, in order, and nothing else.
    pub fn is_exact(&self) {
        assert_eq!(self.lost(), BTreeSet::new(), "{self:?}");
        assert!(self.cut_after_id.len() > 5, "{self:?}");
        self.gives_nothing_twice_or_odd();
        self.was_cut(100);
    }

    /// Holds that those events are lost whose id had been sent, and whose empty line had not, and no
    /// others: the client stores an id before the event is whole.
    pub fn loses_only_what_was_cut_after_its_id(&self) {
        assert_eq!(self.lost(), self.cut_after_id, "{self:?}");
        assert!(self.cut_after_id.len() > 5, "{self:?}");
        self.gives_nothing_twice_or_odd();
        self.was_cut(100);
    }

    /// Holds that every event was given, whole, and at first in order, for a client that also gives
    /// what was cut off as if it were whole, an id included: with that it comes back to an earlier
    /// position, or to none.
    pub fn is_complete_beside_cut_events(&self) {
        assert_eq!(self.lost(), BTreeSet::new(), "{self:?}");
        let mut seen = BTreeSet::new();
        let first: Vec<_> = self.given.iter().filter(|n| seen.insert(**n)).collect();
        assert!(first.is_sorted(), "{self:?}");
        let is_cut = |line: &&String| {
            let data = line.split_once(' ').map_or("", |(_, data)| data);
            line.starts_with("gap ") || serde_json::from_str::<Value>(data).is_err()
        };
        assert!(self.odd.iter().all(|line| is_cut(&line)), "{self:?}");
        self.was_cut(3);
    }

    fn gives_nothing_twice_or_odd(&self) {
        assert!(self.given.is_sorted() && self.repeated() == 0, "{self:?}");
        assert_eq!(self.odd, Vec::<String>::new(), "{self:?}");
    }

    /// Holds that the test tested something.
    fn was_cut(&self, often: usize) {
        assert!(self.cuts >= often, "{self:?}");
    }
}

/// The number of an event that was given whole.
fn number(line: &str) -> Option<u64> {
    let data: Value = serde_json::from_str(line.strip_prefix("message ")?).ok()?;
    data["n"].as_u64().filter(|n| *n == 0 || data["pad"].is_string())
}

/// The number of the event whose empty line alone was cut off.
fn cut_after_id(sent: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(sent);
    let block = text.strip_suffix('\n')?.rsplit("\n\n").next()?;
    let (fields, id) = block.rsplit_once('\n')?;
    let data = fields.rsplit_once("data: ")?.1;
    let data: Value = serde_json::from_str(data).ok()?;
    data["n"].as_u64().filter(|_| id.starts_with("id: "))
}

/// Publishes to the zone, past the proxy.
fn publish(gateway: SocketAddr, data: &Value) {
    let body = json!({ "category": "z", "data": data }).to_string();
    let length = body.len();
    let mut socket = TcpStream::connect(gateway).expect("the gateway listens");
    let request = format!(
        "POST /publish HTTP/1.1\r\nhost: {gateway}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).expect("the gateway reads");
    let mut response = String::new();
    socket.read_to_string(&mut response).expect("the gateway responds");
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}
