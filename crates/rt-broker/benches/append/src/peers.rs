//! What is measured beside the file engine.

use crate::group::Store;
use rusqlite::{Connection, params};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Plain(File);

impl Plain {
    pub fn new(folder: &Path) -> Self {
        Self(File::create(folder.join("appended")).expect("a file"))
    }
}

impl Store for Plain {
    fn append(&mut self, payloads: &[String], sync: bool) {
        let lines: Vec<u8> = payloads.iter().flat_map(|p| [p.as_bytes(), b"\n"].concat()).collect();
        self.0.write_all(&lines).expect("written");
        if sync {
            self.sync();
        }
    }

    fn sync(&mut self) {
        self.0.sync_data().expect("synced");
    }
}

/// What the file engine keeps, as tables: publications by topic and offset, a record for each topic
/// that is written once a commit. In WAL mode a commit is synced with `FULL`. With `NORMAL` it is
/// not: then the log is synced from outside, as a flush period does.
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    wal: Option<File>,
    full: Option<bool>,
    head: i64,
}

impl Sqlite {
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("events.sqlite");
        let connection = Connection::open(&path).expect("a database");
        let tables = "PRAGMA journal_mode=WAL;
            CREATE TABLE events(topic INTEGER, offset INTEGER, time INTEGER, flags INTEGER, \
                data TEXT, PRIMARY KEY(topic, offset)) WITHOUT ROWID;
            CREATE TABLE topics(name TEXT PRIMARY KEY, id INTEGER, epoch INTEGER, head INTEGER, \
                last INTEGER, evicted INTEGER, count INTEGER, bytes INTEGER) WITHOUT ROWID;";
        connection.execute_batch(tables).expect("tables");
        Self { connection, path, wal: None, full: None, head: 0 }
    }

    fn mode(&mut self, full: bool) {
        if self.full != Some(full) {
            let mode = if full { "FULL" } else { "NORMAL" };
            self.connection.execute_batch(&format!("PRAGMA synchronous={mode}")).expect("set");
            self.full = Some(full);
        }
    }
}

impl Store for Sqlite {
    fn append(&mut self, payloads: &[String], sync: bool) {
        self.mode(sync);
        let transaction = self.connection.transaction().expect("begun");
        {
            let insert = "INSERT INTO events VALUES(1, ?1, ?2, 0, ?3)";
            let mut insert = transaction.prepare_cached(insert).expect("prepared");
            let time = SystemTime::now().duration_since(UNIX_EPOCH).expect("after it").as_millis();
            for payload in payloads {
                self.head += 1;
                insert.execute(params![self.head, time as i64, payload]).expect("inserted");
            }
            let record = "INSERT OR REPLACE INTO topics VALUES('topic 0', 1, 7, ?1, ?2, 0, ?1, ?3)";
            let mut record = transaction.prepare_cached(record).expect("prepared");
            record.execute(params![self.head, time as i64, self.head * 100]).expect("written");
        }
        transaction.commit().expect("committed");
    }

    fn sync(&mut self) {
        let path = self.path.with_extension("sqlite-wal");
        let wal = self.wal.get_or_insert_with(|| File::open(path).expect("the log"));
        wal.sync_data().expect("synced");
    }
}
