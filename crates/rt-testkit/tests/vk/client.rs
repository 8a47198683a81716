//! A client that knows as little as it can.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use rt_testkit::vk::Vk;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

/// Both directions of a connection.
pub trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// One connection, used again and again.
pub struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

impl Client {
    pub fn new(vk: &Vk) -> Self {
        Self::over(connect(vk))
    }

    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Sends this and reads one answer.
    pub fn exchange(&mut self, request: &str) -> Result<Answer> {
        self.send(request)?;
        self.answer()
    }

    pub fn send(&mut self, request: &str) -> Result<()> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.stream.get_mut().flush()
    }

    pub fn answer(&mut self) -> Result<Answer> {
        let cut = || Error::from(ErrorKind::UnexpectedEof);
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or_else(cut)?.parse().unwrap();
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body: String::from_utf8(body).unwrap() })
    }

    pub fn try_call(&mut self, method: &str, params: &[(&str, &str)]) -> Result<Answer> {
        let body = form(params);
        let length = body.len();
        self.exchange(&format!(
            "POST /method/{method} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// A call with a token and a version; its whole answer.
    pub fn call(&mut self, method: &str, params: &[(&str, &str)]) -> Value {
        let params: Vec<_> = params.iter().copied().chain([("v", "5.199")]).collect();
        self.try_call(method, &params).unwrap().json()
    }

    /// The code of the error that a call gets.
    pub fn error(&mut self, method: &str, params: &[(&str, &str)]) -> i64 {
        let answer = self.call(method, params);
        answer["error"]["error_code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"))
    }

    pub fn get(&mut self, target: &str) -> Result<Answer> {
        self.exchange(&get(target))
    }
}

/// A socket on which waiting for an answer ends: a test that is wrong fails, and hangs not.
pub fn connect(vk: &Vk) -> TcpStream {
    let socket = TcpStream::connect(vk.server().addr()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

pub fn form(params: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(params).finish()
}

/// A poll, as an answer to messages.getLongPollServer asks for it.
#[derive(Clone, Debug)]
pub struct Session {
    pub path: String,
    pub key: String,
    pub ts: String,
    pub more: String,
}

impl Session {
    pub fn user(client: &mut Client) -> Self {
        Self::of(&client.call("messages.getLongPollServer", &[]))
    }

    pub fn bot(client: &mut Client, group: i64) -> Self {
        let group = group.to_string();
        let answer = client.call("groups.getLongPollServer", &[("group_id", &group)]);
        Self { more: String::new(), ..Self::of(&answer) }
    }

    fn of(answer: &Value) -> Self {
        let given = &answer["response"];
        let server = given["server"].as_str().unwrap();
        let server =
            if server.contains("://") { server.into() } else { format!("http://{server}") };
        let ts = &given["ts"];
        Self {
            path: Url::parse(&server).unwrap().path().to_owned(),
            key: given["key"].as_str().unwrap().to_owned(),
            ts: ts.as_str().map_or_else(|| ts.to_string(), str::to_owned),
            more: "&mode=234&version=3".to_owned(),
        }
    }

    pub fn target(&self, wait: u32) -> String {
        let Self { path, key, ts, more } = self;
        format!("{path}?act=a_check&key={key}&ts={ts}&wait={wait}{more}")
    }

    /// A poll that does not wait.
    pub fn poll(&self, client: &mut Client) -> Value {
        client.get(&self.target(0)).unwrap().json()
    }
}
