//! What golongpoll's file persistor has written.
//!
//! It appends one event a line as JSON, with a newline before each:
//! `{"timestamp":1795230332805,"category":"a","data":…,"id":"<UUID>"}`. After a crash its last line
//! may be cut short; with a clock that was set back its timestamps go back.

use super::FileEngine;
use super::queue::{Imported, Job};
use crate::engine::Engine;
use crate::{Error, FromObject, Message, Start, deserialize_object};
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use uuid::Uuid;

/// Longer lines are skipped: nobody publishes so much, and a foreign file may be one line.
const LONGEST_LINE: usize = 64 << 20;
/// Longest category, as golongpoll has it.
const LONGEST_CATEGORY: usize = 1024;
/// Skipped lines that a report tells of.
const TOLD: usize = 100;
/// Events that are stored as one change.
const AT_ONCE: usize = 1_024;
/// How far in the future a timestamp may be, in milliseconds: a day. Clocks differ; more is no time.
const AHEAD: u64 = 24 * 60 * 60 * 1000;

/// What an import did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// Events that were stored. Those that bounds leave no room for count as well.
    pub imported: u64,
    /// Events that were imported before, whether they are still held or not, or that were there
    /// twice.
    pub repeated: u64,
    /// Events, of both kinds, whose time is ahead of the engine's clock: it is taken to be now, as
    /// nothing later in their categories could be stamped before it.
    pub ahead: u64,
    /// Lines that were no event.
    pub skipped: u64,
    /// The first 100 of these.
    pub skipped_lines: Vec<SkippedLine>,
}

/// A line that was not imported.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SkippedLine {
    /// Its number, from 1.
    pub line: u64,
    /// What was wrong with it.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(remote = "Self")]
struct Line<'a> {
    timestamp: i64,
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    id: Uuid,
}

impl<'de: 'a, 'a> FromObject<'de> for Line<'a> {
    const WHAT: &'static str = "an event of golongpoll";

    fn from_object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Self::deserialize(object)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Line<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_object(deserializer)
    }
}

impl FileEngine {
    /// Takes over the events of a file that golongpoll's file persistor has written. They keep
    /// their UUIDs and, in a topic that is new, their times; they are ordered by time.
    ///
    /// Blank lines are passed over; lines that are no event are skipped and reported. What an
    /// earlier import has stored is not stored again, nor is anything before the newest of that in
    /// its category: so one that was interrupted is simply repeated, also where bounds have left
    /// only a part of it. All events are in memory at once meanwhile.
    ///
    /// A time that is ahead of the engine's clock, by a day at most, becomes that of the import.
    ///
    /// Import before the first poll: what is stamped later than an event in its topic, or a mark
    /// that a poll has been given, moves the event's time up to its own.
    ///
    /// # Errors
    /// Where the file cannot be read or the store cannot be written.
    pub async fn import_golongpoll(
        &self,
        file: impl Read + Send + 'static,
    ) -> Result<ImportReport, Error> {
        let now = self.now();
        let read = tokio::task::spawn_blocking(move || read(BufReader::new(file), now));
        let read = read.await.map_err(|error| Error::unavailable("the import failed", error))?;
        let (mut report, mut events) =
            read.map_err(|error| Error::unavailable("the file cannot be read", error))?;
        // Stable: what has one time keeps the order in which it was written.
        events.sort_by_key(|event| event.time);
        let mut before = HashMap::new();
        for (at, event) in events.iter().enumerate() {
            if !before.contains_key(&event.topic) {
                before.insert(event.topic.clone(), self.imported(&event.topic).await?);
            }
            if let Some(before) = before.get_mut(&event.topic)
                && before.held.contains(&event.uuid)
            {
                before.last = Some(at);
            }
        }
        let mut chunk = Vec::with_capacity(AT_ONCE);
        for (at, event) in events.into_iter().enumerate() {
            if before.get_mut(&event.topic).is_some_and(|before| before.has(at, &event)) {
                report.repeated += 1;
                continue;
            }
            report.imported += 1;
            chunk.push(event);
            if chunk.len() == AT_ONCE {
                self.store_imported(std::mem::take(&mut chunk)).await?;
            }
        }
        self.store_imported(chunk).await?;
        self.flush().await?;
        Ok(report)
    }

    async fn store_imported(&self, events: Vec<Imported>) -> Result<(), Error> {
        self.shared.ask(|reply| Job::Import { events, reply }).await
    }

    /// What a topic has of earlier imports.
    async fn imported(&self, topic: &str) -> Result<Before, Error> {
        let page = self.read(topic, Start::Earliest, usize::MAX).await?;
        let publications = page.entries.iter().map(|entry| entry.publication());
        let held = publications.filter(|held| held.is_imported()).map(|held| held.uuid()).collect();
        let topics = self.shared.topics();
        let at = topics.by_name.get(topic).map(|topic| topic.at);
        let newest = at.filter(|at| at.imported > 0).map(|at| at.imported_time);
        Ok(Before { held, newest, last: None })
    }
}

/// What was imported into a topic before.
struct Before {
    held: HashSet<Uuid>,
    /// The newest one's time.
    newest: Option<u64>,
    /// Where in the file the last that is held stands.
    last: Option<usize>,
}

impl Before {
    /// Whether this was imported already, or is older than what was: bounds may have dropped it.
    fn has(&mut self, at: usize, event: &Imported) -> bool {
        let passed = match self.last {
            // What has one time may have been imported in part.
            Some(last) => at <= last || self.newest.is_some_and(|newest| event.time < newest),
            None => self.newest.is_some_and(|newest| event.time <= newest),
        };
        passed || !self.held.insert(event.uuid)
    }
}

fn read(mut file: impl BufRead, now: u64) -> std::io::Result<(ImportReport, Vec<Imported>)> {
    let (mut report, mut events) = (ImportReport::default(), Vec::new());
    let (mut line, mut number) = (Vec::new(), 0);
    while let Some(whole) = read_line(&mut file, &mut line)? {
        number += 1;
        let text = line.trim_ascii();
        let event = match whole {
            true if text.is_empty() => continue,
            true => parse(text, now),
            false => Err("it is longer than 64 MiB".to_owned()),
        };
        match event {
            Ok(mut event) => {
                report.ahead += u64::from(event.time > now);
                event.time = event.time.min(now);
                events.push(event);
            }
            Err(reason) => {
                report.skipped += 1;
                if report.skipped_lines.len() < TOLD {
                    report.skipped_lines.push(SkippedLine { line: number, reason });
                }
            }
        }
    }
    Ok((report, events))
}

fn parse(line: &[u8], now: u64) -> Result<Imported, String> {
    let line: Line<'_> =
        serde_json::from_slice(line).map_err(|error| format!("it is no event: {error}"))?;
    let time = u64::try_from(line.timestamp).map_err(|_| "its timestamp is negative".to_owned())?;
    if time > now.saturating_add(AHEAD) {
        return Err("its timestamp is more than a day ahead".to_owned());
    }
    if line.category.is_empty() || line.category.len() > LONGEST_CATEGORY {
        return Err("its category is not of 1 to 1,024 bytes".to_owned());
    }
    let data = Bytes::copy_from_slice(line.data.get().as_bytes());
    let message = Message::json(data).map_err(|error| error.to_string())?;
    Ok(Imported { topic: line.category.into(), message, time, uuid: line.id })
}

/// Reads a line without its end; `None` at the end of the file, `false` where it was too long and
/// is gone.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    line.clear();
    let (mut any, mut whole) = (false, true);
    loop {
        let bytes = match file.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        if bytes.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = end.unwrap_or(bytes.len());
        whole &= line.len() + part <= LONGEST_LINE;
        if whole {
            line.extend_from_slice(&bytes[..part]);
        } else {
            *line = Vec::new();
        }
        file.consume(end.map_or(part, |end| end + 1));
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let event = r#"{"timestamp":1,"category":"a","data":1,"id":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}"#;
        let long = std::io::repeat(b'x').take(LONGEST_LINE as u64 + 1);
        let file = format!("\n{event}\n").into_bytes();
        let file = std::io::Cursor::new(file.clone()).chain(long).chain(std::io::Cursor::new(file));
        let (report, events) = read(BufReader::new(file), 10).unwrap();
        assert_eq!((events.len(), report.skipped), (2, 1));
        assert_eq!(report.skipped_lines[0].line, 3);
        assert!(report.skipped_lines[0].reason.contains("64 MiB"));
    }
}
