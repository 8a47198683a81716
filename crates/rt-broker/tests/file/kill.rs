//! `kill -9` at random moments: a child process publishes and says what was acknowledged; the
//! store is then opened here and compared.
//!
//! 20 rounds with each durability; `RT_BROKER_KILLS=200` for more.

use super::{LARGE, open};
use rt_broker::{Broker, Durability, FileEngine, Message, Offset, Position, Start, Timestamp};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "RT_BROKER_TEST_FOLDER";
const SYNC: &str = "RT_BROKER_TEST_SYNC";
const TOPICS: [&str; 3] = ["a", "b", "c"];
const PUBLISHERS: usize = 8;

fn rounds() -> usize {
    std::env::var("RT_BROKER_KILLS").map_or(20, |rounds| rounds.parse().expect("a number"))
}

fn durability(name: &str) -> Durability {
    match name {
        "always" => Durability::Always,
        "group" => Durability::Group { bytes: 4096, period: Duration::from_millis(5) },
        _ => Durability::None,
    }
}

/// Not a test: what the child process runs.
#[test]
#[ignore = "run by the tests beside it"]
fn child() {
    let (Ok(folder), Ok(mode)) = (std::env::var(FOLDER), std::env::var(SYNC)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let broker = open(Path::new(&folder), durability(&mode));
        let life = std::process::id();
        let publishers = (0..PUBLISHERS).map(|publisher| {
            let broker = broker.clone();
            tokio::spawn(async move {
                for n in 0_u64.. {
                    let topic = TOPICS[n as usize % TOPICS.len()];
                    let text = format!("{life}.{publisher} {n}");
                    let message = Message::text(text.clone());
                    let receipt = broker.publish(topic, message).await.unwrap();
                    // One write a line, so that a line is there whole or not at all.
                    let line = format!("acked {topic} {} {text}\n", receipt.position());
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.unwrap();
        }
    });
}

/// Lets the child publish until `acks` were read, kills it, and gives what was acknowledged.
fn life(folder: &Path, mode: &str, acks: usize) -> Vec<(String, Position, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(SYNC, mode)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    if acks == 0 {
        // While it opens the store, somewhere.
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..30_000)));
        child.kill().unwrap();
    }
    let mut acked = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(line) = line.strip_prefix("acked ") else { continue };
        let mut parts = line.splitn(3, ' ');
        let (topic, position, text) = (parts.next(), parts.next(), parts.next());
        let (Some(topic), Some(position), Some(text)) = (topic, position, text) else { continue };
        acked.push((topic.to_owned(), position.parse().unwrap(), text.to_owned()));
        if acked.len() == acks {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acked
}

async fn compare(folder: &Path, mode: &str, acked: &HashMap<(String, Position), String>) {
    let broker = Broker::builder(
        FileEngine::builder(folder)
            .bounds(LARGE)
            .durability(durability(mode))
            .open()
            .expect("it opens again"),
    )
    .build();
    let mut found = 0;
    for topic in TOPICS {
        let page =
            broker.engine().history().read(topic, Start::Earliest, usize::MAX).await.unwrap();
        let (mut seen, mut last) = (HashSet::new(), HashMap::new());
        let (mut offset, mut time) = (Offset::ZERO, Timestamp::ZERO);
        for entry in page.entries {
            let publication = entry.publication();
            let text = publication.data().unwrap();
            assert!(seen.insert(text.to_owned()), "{text} is there twice");
            assert!(publication.position().offset() > offset && publication.time() >= time);
            (offset, time) = (publication.position().offset(), publication.time());
            let (publisher, n) = text.split_once(' ').unwrap();
            let n: u64 = n.parse().unwrap();
            let before = last.insert(publisher.to_owned(), n);
            assert!(before.is_none_or(|before| before < n), "{text} is out of order");
            if let Some(acked) = acked.get(&(topic.to_owned(), publication.position())) {
                assert_eq!(acked, text, "another publication stands at its position");
                found += 1;
            }
        }
    }
    assert_eq!(found, acked.len(), "an acknowledged publication is lost");
}

async fn killed(mode: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut acked = HashMap::new();
    for round in 0..rounds() {
        let acks = if round % 5 == 0 { 0 } else { fastrand::usize(1..800) };
        for (topic, position, text) in life(&path, mode, acks) {
            acked.insert((topic, position), text);
        }
        compare(&path, mode, &acked).await;
    }
    assert!(!acked.is_empty());
}

#[tokio::test]
async fn with_syncs_nothing_acknowledged_is_lost() {
    killed("always").await;
}

/// The process alone ended: what it had handed over is there.
#[tokio::test]
async fn with_group_commit_neither() {
    killed("group").await;
}

#[tokio::test]
async fn without_syncs_neither() {
    killed("none").await;
}
