//! Appends a second of 100 bytes from 64 publishers, each acknowledged once it is as durable as the
//! row says: the file engine, SQLite (WAL, `synchronous=FULL`) and a plain file that is appended to
//! and synced, the last two with the same group commit. The publishers are tasks on a tokio runtime
//! of two threads; each publishes its next when its last is acknowledged.
//!
//! `cargo run --release --manifest-path crates/rt-broker/benches/append/Cargo.toml`
//! takes: `--folder PATH` (on the disk to be measured), `--seconds N`, `--rounds N`, `--only NAME`.
//! `--only opening` opens a million publications; `--only topics` measures 200,000 topics: publishing to
//! them, opening them, and their memory.

mod group;
mod opening;
mod peers;
mod topics;

use rt_broker::{Bounds, Broker, Durability, FileEngine, Message};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PUBLISHERS: usize = 64;
/// Most that is appended as one change, as in the file engine.
const GROUP: usize = 1_024;
const PERIOD: Duration = Duration::from_millis(100);
/// Held, not in all: history is bounded as it would be.
const BOUNDS: Bounds = Bounds::new().count(2_000_000).bytes(1 << 30);

struct Options {
    folder: PathBuf,
    seconds: Duration,
    rounds: usize,
    only: Option<String>,
}

fn main() {
    let options = options();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    println!("| round | store | appends/s | p50 ms | p99 ms | longest ms |");
    println!("|---|---|---|---|---|---|");
    for round in 1..=options.rounds {
        for (name, durability, topics) in [
            ("ours, each synced", Durability::Always, 1),
            ("ours, each synced, 64 topics", Durability::Always, 64),
            ("ours, synced each 100 ms", Durability::Group { bytes: usize::MAX, period: PERIOD }, 1),
        ] {
            row(&options, round, name, |folder| {
                runtime.block_on(ours(folder, durability, topics, &options))
            });
        }
        row(&options, round, "sqlite, each synced", |folder| {
            runtime.block_on(peer(peers::Sqlite::new(folder), true, GROUP, &options))
        });
        row(&options, round, "sqlite, a commit for each", |folder| {
            runtime.block_on(peer(peers::Sqlite::new(folder), true, 1, &options))
        });
        row(&options, round, "plain file, each synced", |folder| {
            runtime.block_on(peer(peers::Plain::new(folder), true, GROUP, &options))
        });
        row(&options, round, "sqlite, synced each 100 ms", |folder| {
            runtime.block_on(peer(peers::Sqlite::new(folder), false, GROUP, &options))
        });
        row(&options, round, "plain file, synced each 100 ms", |folder| {
            runtime.block_on(peer(peers::Plain::new(folder), false, GROUP, &options))
        });
    }
    if options.only.as_deref().is_none_or(|only| only == "opening") {
        opening::measure(&options.folder, &runtime);
    }
    if options.only.as_deref() == Some("topics") {
        topics::measure(&options.folder, &runtime);
    }
}

fn row(options: &Options, round: usize, name: &str, run: impl FnOnce(&Path) -> Vec<Duration>) {
    if options.only.as_deref().is_some_and(|only| only != name) {
        return;
    }
    let folder = tempfile::tempdir_in(&options.folder).expect("a folder");
    let began = Instant::now();
    let mut times = run(folder.path());
    let spent = began.elapsed();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "| {round} | {name} | {:.0} | {:.2} | {:.2} | {:.1} |",
        times.len() as f64 / spent.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

async fn ours(folder: &Path, durability: Durability, topics: usize, options: &Options) -> Vec<Duration> {
    let engine = FileEngine::builder(folder.join("store")).bounds(BOUNDS).durability(durability);
    let broker = Broker::builder(engine.open().expect("a store")).build();
    let times = publishers(options.seconds, |publisher| {
        let (broker, topic) = (broker.clone(), format!("topic {}", publisher % topics));
        move |payload: String| {
            let (broker, topic) = (broker.clone(), topic.clone());
            async move {
                let message = Message::text(payload);
                broker.publish(&topic, message).await.expect("stored");
            }
        }
    });
    times.await
}

async fn peer(
    store: impl group::Store,
    always: bool,
    most: usize,
    options: &Options,
) -> Vec<Duration> {
    let group = Arc::new(group::Group::new(store, (!always).then_some(PERIOD), most));
    let times = publishers(options.seconds, |_| {
        let group = group.clone();
        move |payload: String| {
            let group = group.clone();
            async move { group.append(payload).await }
        }
    });
    times.await
}

/// How long each append took, of 64 publishers that each wait for their own.
async fn publishers<F, Published>(
    seconds: Duration,
    publisher: impl Fn(usize) -> F,
) -> Vec<Duration>
where
    F: Fn(String) -> Published + Send + 'static,
    Published: Future<Output = ()> + Send,
{
    let end = Instant::now() + seconds;
    let tasks: Vec<_> = (0..PUBLISHERS)
        .map(|n| {
            let publish = publisher(n);
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(1 << 16);
                let payload = "x".repeat(100);
                while Instant::now() < end {
                    let began = Instant::now();
                    publish(payload.clone()).await;
                    times.push(began.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("no panic"));
    }
    times
}

fn options() -> Options {
    let mut options = Options {
        folder: std::env::temp_dir(),
        seconds: Duration::from_secs(5),
        rounds: 2,
        only: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().expect("a value");
        match name.as_str() {
            "--folder" => options.folder = value.into(),
            "--seconds" => options.seconds = Duration::from_secs(value.parse().expect("a number")),
            "--rounds" => options.rounds = value.parse().expect("a number"),
            "--only" => options.only = Some(value),
            "--open" => {
                topics::open(value.as_ref());
                std::process::exit(0);
            }
            other => panic!("{other} is not known"),
        }
    }
    options
}
