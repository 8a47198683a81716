//! An event stream, read chunk by chunk.

use super::Answer;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

/// An open event stream.
pub struct Stream {
    from: BufReader<TcpStream>,
    /// What was received and is no whole event yet.
    text: String,
    pub head: Answer,
    /// The connect event, where it was taken.
    pub ping: Event,
}

/// An event; empty where a field is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Event {
    pub id: String,
    pub event: String,
    pub data: String,
    pub retry: String,
}

impl Stream {
    pub(super) fn open(mut from: BufReader<TcpStream>) -> Self {
        let head = Answer::read_head(&mut from);
        Self { from, text: String::new(), head, ping: Event::default() }
    }

    /// The client's id, from the connect event.
    pub fn client(&self) -> &str {
        self.ping.data.split("->").nth(1).unwrap().split(' ').next().unwrap()
    }

    /// The next event; comments are passed over.
    pub fn next(&mut self) -> Event {
        self.try_next().expect("another event")
    }

    /// The next event, or `None` at an end with its last chunk. A retry time that stands alone takes
    /// effect as its line ends, and is given as an event with nothing else.
    pub fn try_next(&mut self) -> Option<Event> {
        loop {
            if self.text.starts_with("retry: ")
                && let Some((line, rest)) = self.text.split_once('\n')
            {
                let retry = line["retry: ".len()..].to_owned();
                self.text = rest.to_owned();
                return Some(Event { retry, ..Event::default() });
            }
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let mut event = Event::default();
                for (name, value) in block.lines().filter_map(|line| line.split_once(':')) {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match name {
                        "id" => event.id = value.to_owned(),
                        "event" => event.event = value.to_owned(),
                        "retry" => event.retry = value.to_owned(),
                        "data" if event.data.is_empty() => event.data = value.to_owned(),
                        "data" => event.data = format!("{}\n{value}", event.data),
                        _ => {}
                    }
                }
                if event != Event::default() {
                    return Some(event);
                }
            }
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "cut without a last chunk");
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.from.read_exact(&mut chunk).unwrap();
            if size == 0 {
                return None;
            }
            self.text.push_str(std::str::from_utf8(&chunk[..size]).unwrap());
        }
    }

    /// The data of the next events, until one that says this.
    pub fn until(&mut self, data: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != data) {
            seen.push(self.next().data);
        }
        seen
    }
}
