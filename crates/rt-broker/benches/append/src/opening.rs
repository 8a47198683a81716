//! How long a store of a million publications takes to open.

use crate::BOUNDS;
use rt_broker::{Broker, Engine, Durability, FileEngine, Message, Start};
use std::path::Path;
use std::time::Instant;
use tokio::runtime::Runtime;

const ALL: usize = 1_000_000;
const TOPICS: usize = 1_000;

pub fn measure(folder: &Path, runtime: &Runtime) {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let path = folder.path().join("store");
    let open = || {
        let began = Instant::now();
        let engine = FileEngine::builder(&path).bounds(BOUNDS).durability(Durability::None).open();
        (Broker::builder(engine.expect("a store")).build(), began.elapsed())
    };
    runtime.block_on(async {
        let (broker, _) = open();
        let publishers = (0..64).map(|publisher| {
            let broker = broker.clone();
            tokio::spawn(async move {
                for n in 0..ALL / 64 {
                    let topic = format!("topic {}", (n * 64 + publisher) % TOPICS);
                    let message = Message::text("x".repeat(100));
                    broker.publish(&topic, message).await.expect("stored");
                }
            })
        });
        let publishers: Vec<_> = publishers.collect();
        for publisher in publishers {
            publisher.await.expect("no panic");
        }
        // As a process that is killed leaves it.
        let killed = folder.path().join("killed");
        copy(&path, &killed);
        drop(broker);
        let (broker, closed) = open();
        let page = broker.engine().history().read("topic 7", Start::Earliest, usize::MAX).await;
        assert_eq!(page.expect("readable").entries.len(), ALL / TOPICS);
        drop(broker);
        let began = Instant::now();
        let engine = FileEngine::builder(&killed).bounds(BOUNDS).durability(Durability::None).open();
        let unclosed = began.elapsed();
        let engine = engine.expect("a store");
        assert_eq!(engine.history().topics().len(), TOPICS);
        println!(
            "\nopening a store of {ALL} publications in {TOPICS} topics: {:.2} s after it was \
             closed, {:.2} s after it was not",
            closed.as_secs_f64(),
            unclosed.as_secs_f64()
        );
    });
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            // One that is gone meanwhile was not needed any more.
            let _ = std::fs::copy(&from, &to);
        }
    }
}
