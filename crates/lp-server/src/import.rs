//! Importing what golongpoll's file persistor has written.
//!
//! It appends one event per line as JSON, with a newline before each:
//! `{"timestamp":1795230332805,"category":"a","data":…,"id":"<UUID>"}`. After a crash its last line
//! may be cut short; with a clock that was set back its timestamps go back.

use crate::golongpoll::MAX_CATEGORY;
use bytes::Bytes;
use rt_broker::{
    Engine as _, Error, ExternalId, FileEngine, FromObject, Import, Imported, Message, Timestamp,
    deserialize_object,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;
use uuid::Uuid;

/// Longer lines are skipped: nobody publishes so much, and a file of another kind may be one line.
const LONGEST_LINE: usize = 64 << 20;
/// The most skipped lines that a report lists.
const MAX_SKIPPED_LINES: usize = 100;
/// Events that are stored as one change.
const AT_ONCE: usize = 1_024;
/// How far in the future a timestamp may be. Clocks differ; more is no time.
const MAX_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The result of an import.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// How many events were stored, including those that the bounds leave no room for.
    pub imported: u64,
    /// How many events were imported before, whether they are still held or not, or stand in the
    /// file twice.
    pub repeated: u64,
    /// How many of both had a time ahead of the engine's clock. They get the time of the import, so
    /// that later events in their categories need not be stamped ahead of the clock too.
    pub ahead: u64,
    /// How many lines were skipped, since they are no event.
    pub skipped: u64,
    /// The first 100 of these lines.
    pub skipped_lines: Vec<SkippedLine>,
}

/// A line that was skipped.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SkippedLine {
    /// The line's number, from 1.
    pub line: u64,
    /// The reason why it was skipped.
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
    const EXPECTED: &'static str = "an event of golongpoll";

    fn from_object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Self::deserialize(object)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Line<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_object(deserializer)
    }
}

/// Imports the events of a file that golongpoll's file persistor has written. They keep their UUIDs
/// and, in a category that is new, their times; they are ordered by time.
///
/// Lines that are no event are skipped and reported, blank lines are ignored. What an earlier import
/// has stored is not stored again, nor is anything before the newest of that in its category. So an
/// import that was interrupted can simply be repeated, even if the bounds have left only a part of
/// it. All events are in memory at once meanwhile.
///
/// A time ahead of the engine's clock, by at most a day, becomes the time of the import.
///
/// Import before the first poll: an event that is older than another event in its category, or than
/// a time that a poll has been given, gets that time instead of its own.
///
/// ```no_run
/// # async fn import() -> Result<(), Box<dyn std::error::Error>> {
/// use lp_server::import_golongpoll;
/// use lp_server::rt_broker::FileEngine;
///
/// let engine = FileEngine::builder("events.store").open()?;
/// let report = import_golongpoll(&engine, std::fs::File::open("events.data")?).await?;
/// println!("{} imported, {} skipped", report.imported, report.skipped);
/// # Ok(()) }
/// ```
///
/// # Errors
/// When the file cannot be read or the store cannot be written
/// ([`is_unavailable`](Error::is_unavailable)).
pub async fn import_golongpoll(
    engine: &FileEngine,
    file: impl Read + Send + 'static,
) -> Result<ImportReport, Error> {
    let now = engine.history().now();
    let read = tokio::task::spawn_blocking(move || read(BufReader::new(file), now));
    let read = read.await.map_err(|error| Error::unavailable("the import failed", error))?;
    let (mut report, mut events) =
        read.map_err(|error| Error::unavailable("the file cannot be read", error))?;
    // Stable: events of one time keep the order in which they were written.
    events.sort_by_key(|event| event.time);
    let mut earlier = HashMap::new();
    for topic in events.iter().map(|event| &event.topic) {
        if !earlier.contains_key(topic) {
            earlier.insert(topic.clone(), Earlier::new(engine.imported(topic).await?));
        }
    }
    let all = events.len();
    let new = new_events(events, &mut earlier);
    report.imported = new.len() as u64;
    report.repeated = (all - new.len()) as u64;
    let mut new = new.into_iter().peekable();
    while new.peek().is_some() {
        engine.import(new.by_ref().take(AT_ONCE).collect()).await?;
    }
    engine.flush().await?;
    Ok(report)
}

/// Returns the events, ordered by time, that were not imported before.
fn new_events(events: Vec<Import>, earlier: &mut HashMap<Box<str>, Earlier>) -> Vec<Import> {
    for (index, event) in events.iter().enumerate() {
        if let Some(earlier) = earlier.get_mut(&event.topic)
            && earlier.ids.contains(&event.id)
        {
            earlier.last_held = Some(index);
        }
    }
    let mut index = 0..;
    let is_new = |event: &Import| {
        let index = index.next().unwrap_or_default();
        earlier.get_mut(&event.topic).is_none_or(|earlier| earlier.add(index, event))
    };
    events.into_iter().filter(is_new).collect()
}

/// The earlier imports into a category.
struct Earlier {
    /// The events that are held, and those of this import.
    ids: HashSet<ExternalId>,
    /// The time of the newest event.
    newest: Option<Timestamp>,
    /// The index of the last event of the file that is held.
    last_held: Option<usize>,
}

impl Earlier {
    fn new(imported: Imported) -> Self {
        Self { ids: imported.ids, newest: imported.newest, last_held: None }
    }

    /// Adds an event. Returns `false` if it was imported already, or is older than what was: the
    /// bounds may have dropped it.
    fn add(&mut self, index: usize, event: &Import) -> bool {
        let passed = match self.last_held {
            // Of the events with the newest time, an import may have stored a part.
            Some(last) => index <= last || self.newest.is_some_and(|newest| event.time < newest),
            None => self.newest.is_some_and(|newest| event.time <= newest),
        };
        !passed && self.ids.insert(event.id.clone())
    }
}

fn read(mut file: impl BufRead, now: Timestamp) -> std::io::Result<(ImportReport, Vec<Import>)> {
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
                if report.skipped_lines.len() < MAX_SKIPPED_LINES {
                    report.skipped_lines.push(SkippedLine { line: number, reason });
                }
            }
        }
    }
    Ok((report, events))
}

fn parse(line: &[u8], now: Timestamp) -> Result<Import, String> {
    let line: Line<'_> =
        serde_json::from_slice(line).map_err(|error| format!("it is no event: {error}"))?;
    let time = u64::try_from(line.timestamp).map_err(|_| "its timestamp is negative".to_owned())?;
    let time = Timestamp::from_millis(time);
    if time > now.after(MAX_AHEAD) {
        return Err("its timestamp is more than a day ahead".to_owned());
    }
    if line.category.is_empty() || line.category.len() > MAX_CATEGORY {
        return Err("its category is not of 1 to 1,024 bytes".to_owned());
    }
    let data = Bytes::copy_from_slice(line.data.get().as_bytes());
    let message = Message::json(data);
    message.validate().map_err(|error| error.to_string())?;
    let id = ExternalId::new(line.id.as_bytes()).ok_or("its id cannot be kept")?;
    Ok(Import::new(Box::<str>::from(line.category), message, time, id))
}

/// Reads a line without its end. Returns `None` at the end of the file, and `false` if the line was
/// too long and is gone.
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

    fn event(time: u64, id: u8) -> Import {
        let id = ExternalId::new(&[id; 16]).unwrap();
        Import::new(Box::<str>::from("a"), Message::json("1"), Timestamp::from_millis(time), id)
    }

    /// The first byte of the ids of the events that are new to a category that holds `held` of an
    /// earlier import, whose newest event has the time `newest`.
    fn new_ids(events: &[(u64, u8)], held: &[u8], newest: Option<u64>) -> Vec<u8> {
        let earlier = Earlier {
            ids: held.iter().map(|id| ExternalId::new(&[*id; 16]).unwrap()).collect(),
            newest: newest.map(Timestamp::from_millis),
            last_held: None,
        };
        let events = events.iter().map(|(time, id)| event(*time, *id)).collect();
        let new = new_events(events, &mut HashMap::from([("a".into(), earlier)]));
        new.iter().map(|event| event.id.as_bytes()[0]).collect()
    }

    #[test]
    fn only_what_was_not_imported_before_is_new() {
        let events = [(1, 1), (2, 2), (2, 3), (2, 4), (3, 5)];
        assert_eq!(new_ids(&events, &[], None), [1, 2, 3, 4, 5]);
        assert_eq!(new_ids(&[(1, 1), (1, 2), (1, 1)], &[], None), [1, 2], "one stands there twice");
        // An import that was interrupted within the events of one time.
        assert_eq!(new_ids(&events, &[1, 2], Some(2)), [3, 4, 5]);
        // The bounds have left the newest one, and what they dropped is not new.
        assert_eq!(new_ids(&events, &[3], Some(2)), [4, 5]);
        // They have left nothing: of the newest time, nothing is known to be missing.
        assert_eq!(new_ids(&events, &[], Some(2)), [5]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let event = r#"{"timestamp":1,"category":"a","data":1,"id":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}"#;
        let long = std::io::repeat(b'x').take(LONGEST_LINE as u64 + 1);
        let file = format!("\n{event}\n").into_bytes();
        let file = std::io::Cursor::new(file.clone()).chain(long).chain(std::io::Cursor::new(file));
        let (report, events) = read(BufReader::new(file), Timestamp::from_millis(10)).unwrap();
        assert_eq!((events.len(), report.skipped), (2, 1));
        assert_eq!(report.skipped_lines[0].line, 3);
        assert!(report.skipped_lines[0].reason.contains("64 MiB"));
    }
}
