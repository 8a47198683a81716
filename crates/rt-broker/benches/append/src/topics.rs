//! The memory that many topics and many publications take, and the time to open them.

use crate::BOUNDS;
use rt_broker::{Broker, Durability, Engine, FileEngine, FileEngineBuilder, Message};
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tokio::runtime::Runtime;

/// A store to be measured.
const STORES: [(&str, usize, usize); 3] =
    [("topics", 200_000, 200_000), ("topics", 200_000, 2_000_000), ("publications", 1, 1_000_000)];
const PUBLISHERS: usize = 64;

pub fn measure(folder: &Path, runtime: &Runtime) {
    println!("\n| topics | publications | publishing s | opening s | bytes per topic | bytes per publication |");
    println!("|---|---|---|---|---|---|");
    for (measured, topics, publications) in STORES {
        let folder = tempfile::tempdir_in(folder).expect("a folder");
        let path = folder.path().join("store");
        let began = Instant::now();
        runtime.block_on(fill(&path, topics, publications));
        let publishing = began.elapsed().as_secs_f64();
        // In a process of its own, which has no freed memory to take from.
        let opened = Command::new(std::env::current_exe().expect("a path"))
            .arg("--open")
            .arg(&path)
            .output()
            .expect("it runs");
        let text = String::from_utf8(opened.stdout).expect("text");
        let mut numbers = text.split_whitespace().map(|number| number.parse::<f64>());
        let (Some(Ok(seconds)), Some(Ok(bytes))) = (numbers.next(), numbers.next()) else {
            panic!("{text}{}", String::from_utf8_lossy(&opened.stderr));
        };
        let per = |count: usize| format!("{:.0}", bytes / count as f64);
        let per_topic = if measured == "topics" { per(topics) } else { "".to_owned() };
        println!(
            "| {topics} | {publications} | {publishing:.1} | {seconds:.2} | {per_topic} | {} |",
            per(publications)
        );
    }
}

/// Opens a store and prints the seconds that it took and the bytes of memory.
pub fn open(path: &Path) {
    let before = resident_bytes();
    let began = Instant::now();
    let engine = builder(path).open().expect("a store");
    let seconds = began.elapsed().as_secs_f64();
    println!("{seconds} {}", resident_bytes() - before);
    assert!(!engine.history().topics().is_empty());
}

async fn fill(path: &Path, topics: usize, publications: usize) {
    let broker = Broker::builder(builder(path).open().expect("a store")).build();
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let broker = broker.clone();
        tokio::spawn(async move {
            for n in (publisher..publications).step_by(PUBLISHERS) {
                let topic = format!("topic number {}", n % topics);
                let message = Message::text("x".repeat(100));
                broker.publish(&topic, message).await.expect("stored");
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.expect("no panic");
    }
}

fn builder(path: &Path) -> FileEngineBuilder {
    FileEngine::builder(path).bounds(BOUNDS).durability(Durability::None).max_topics(200_000)
}

/// The memory of this process, in bytes.
fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("Pss:")).expect("a size");
    let kilobytes = line.split_whitespace().nth(1).expect("a number");
    kilobytes.parse::<f64>().expect("a number") * 1024.0
}
