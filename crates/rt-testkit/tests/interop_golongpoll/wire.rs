//! Sends a request of the table as it is written, and notes what matters of the answer.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::requests::Case;

/// The headers that are compared.
const HEADERS: &[&str] = &[
    "content-type",
    "x-content-type-options",
    "cache-control",
    "pragma",
    "expires",
    "content-length",
    "content-encoding",
    "allow",
    "vary",
    "etag",
    "access-control-allow-origin",
];

/// What a server answered, without what differs each time: in `body`, `ID`, `TIME` and `DATA` stand
/// for these; `data` are the events' data.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Value>,
}

/// The events of `seeded`, as one server knows them: id and timestamp.
pub type Seeds = Vec<(String, i64)>;

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    timestamp: i64,
    id: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Publishes the events of `seeded`, each in a millisecond of its own.
pub fn seed(server: SocketAddr) -> Seeds {
    for data in 1..=3 {
        let body = format!(r#"{{"category":"seeded","data":{data}}}"#);
        let (head, _) = exchange(server, "POST", "/publish", "", body.as_bytes());
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        std::thread::sleep(Duration::from_millis(3));
    }
    let (_, body) =
        exchange(server, "GET", "/events?timeout=1&category=seeded&since_time=1", "", b"");
    let batch: Batch<'_> = serde_json::from_slice(&body).expect("events");
    assert_eq!(batch.events.len(), 3, "{batch:?}", batch = String::from_utf8_lossy(&body));
    batch.events.into_iter().map(|event| (event.id, event.timestamp)).collect()
}

/// Sends the request, and reads its category if it asks for that: one answer or two.
pub fn ask(server: SocketAddr, case: &Case, seeds: &Seeds) -> Vec<Answer> {
    let target = filled(&case.target, seeds);
    let first = exchange(server, case.method, &target, case.headers, &case.body);
    let mut answers = vec![noted(first)];
    if let (Some(category), 200) = (&case.then_read, answers[0].status) {
        let target = format!("/events?timeout=1&category={category}&since_time=1");
        answers.push(noted(exchange(server, "GET", &target, "", b"")));
    }
    answers
}

fn filled(target: &str, seeds: &Seeds) -> String {
    let mut target = target.to_owned();
    for (index, (id, timestamp)) in (1..).zip(seeds) {
        for (mark, text) in [
            (format!("{{ID{index}}}"), id.clone()),
            (format!("{{ID{index}:upper}}"), id.to_uppercase()),
            (format!("{{ID{index}:short}}"), id.replace('-', "")),
            (format!("{{TS{index}}}"), timestamp.to_string()),
        ] {
            target = target.replace(&mark, &text);
        }
    }
    target
}

/// A request on a connection of its own: the head of its answer, and the body. The connection is
/// not asked to close: then golongpoll's server resets it where a body was not read to its end.
fn exchange(
    server: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> (String, Vec<u8>) {
    let mut socket = TcpStream::connect(server).expect("the server listens");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let length = match (method, body) {
        ("GET" | "HEAD" | "OPTIONS", b"") => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {server}\r\n{length}{headers}\r\n");
    socket.write_all(&[head.as_bytes(), body].concat()).expect("the request is sent");
    let mut answer = BufReader::new(socket);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = answer.read_line(&mut head);
            assert!(read.is_ok_and(|read| read > 0), "{method} {target}: {head:?}");
        }
        if !head.starts_with("HTTP/1.1 100") {
            let body = body_of(&mut answer, method, &head);
            return (head, body);
        }
    }
}

fn body_of(answer: &mut impl BufRead, method: &str, head: &str) -> Vec<u8> {
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = Vec::new();
    if method == "HEAD" || head.starts_with("http/1.1 204") {
        return body;
    } else if let Some(length) = length {
        body.resize(length.trim().parse().expect("a length"), 0);
        answer.read_exact(&mut body).expect("the body");
    } else if head.contains("transfer-encoding: chunked") {
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).expect("a chunk's length");
            let length = usize::from_str_radix(line.trim(), 16).expect("a chunk's length");
            let at = body.len();
            body.resize(at + length + 2, 0);
            answer.read_exact(&mut body[at..]).expect("a chunk");
            body.truncate(at + length);
            if length == 0 {
                break;
            }
        }
    } else {
        answer.read_to_end(&mut body).expect("the body");
    }
    body
}

fn noted((head, body): (String, Vec<u8>)) -> Answer {
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let fields = lines.filter_map(|line| line.split_once(':'));
    let mut headers: BTreeMap<_, _> = fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .filter(|(name, _)| HEADERS.contains(&name.as_str()))
        .collect();
    let text = String::from_utf8_lossy(&body).into_owned();
    let (body, data) = without_chance(&text);
    if body != text {
        // It depends on the data's form; that there is one, and the right one, is what counts.
        if let Some(length) = headers.get_mut("content-length") {
            assert_eq!(length.parse(), Ok(text.len()), "{head}");
            *length = "N".into();
        }
    }
    Answer { status: status.parse().expect("a status"), headers, body, data }
}

fn without_chance(text: &str) -> (String, Vec<Value>) {
    let mut body = text.to_owned();
    let mut datas = Vec::new();
    if let Ok(batch) = serde_json::from_str::<Batch<'_>>(text) {
        for event in &batch.events {
            let data = event.data.get();
            body = body.replacen(&format!("\"data\":{data}"), "\"data\":DATA", 1);
            body = body.replacen(&event.id, "ID", 1);
            body = body.replacen(
                &format!("\"timestamp\":{}", event.timestamp),
                "\"timestamp\":TIME",
                1,
            );
            // Deeper than a Value may be: its text is compared.
            datas.push(serde_json::from_str(data).unwrap_or_else(|_| Value::from(data)));
        }
    } else if let Ok(Value::Object(answer)) = serde_json::from_str(text)
        && let Some(timestamp) = answer.get("timestamp")
    {
        body = body.replacen(&timestamp.to_string(), "TIME", 1);
    }
    (body, datas)
}
