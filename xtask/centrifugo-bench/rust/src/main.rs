//! Publishes for a while, and prints what it cost as one line of JSON.
//!
//! Usage: `centrifugo-bench CLIENT RUNTIME API_URL KEY MODE BYTES SECONDS`, with the client `cent`, `ours`,
//! `ours-joined` (calls as batches), `ours-legacy` (over hyper-util's client) or `ours-reqwest`, the runtime `current` (one thread) or `multi` (tokio's default), the mode `one`, `batch`
//! or `concurrent`. All callers are spawned tasks, as a server's handlers are.

mod cent;
mod ours;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use centrifugo_api::{AutoBatchOptions, HttpClient};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::Serialize;

const CHANNEL: &str = "news";
const BATCH: usize = 100;
const CALLERS: usize = 64;
const WARM_UP: Duration = Duration::from_millis(500);

/// One of the clients that are compared.
trait Publisher: Clone + Send + 'static {
    fn publish(&self, data: Payload<'_>) -> impl Future<Output = ()> + Send;
    fn publish_batch(&self, data: Vec<Payload<'_>>) -> impl Future<Output = ()> + Send;
}

#[derive(Serialize)]
struct Payload<'a> {
    n: u64,
    text: &'a str,
}

#[derive(Clone, Copy)]
enum Mode {
    One,
    Batch,
    Concurrent,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [client, runtime, url, key, mode, bytes, seconds] = &args[..] else {
        panic!("usage: CLIENT RUNTIME API_URL KEY MODE BYTES SECONDS");
    };
    let mode = match mode.as_str() {
        "one" => Mode::One,
        "batch" => Mode::Batch,
        "concurrent" => Mode::Concurrent,
        other => panic!("no mode {other:?}"),
    };
    let bytes: usize = bytes.parse().expect("a number of bytes");
    let text: &'static str = "x".repeat(bytes - r#"{"n":1000000,"text":""}"#.len()).leak();
    let time = Duration::from_secs_f64(seconds.parse().expect("a number of seconds"));
    let mut builder = match runtime.as_str() {
        "current" => tokio::runtime::Builder::new_current_thread(),
        "multi" => tokio::runtime::Builder::new_multi_thread(),
        other => panic!("no runtime {other:?}"),
    };
    builder.enable_all().build().expect("a runtime").block_on(async {
        match client.as_str() {
            "cent" => measure(cent::client(url, key), mode, text, time).await,
            "ours" => measure(ours::client(None, url, key), mode, text, time).await,
            "ours-joined" => {
                let options = AutoBatchOptions::new();
                let joined = ours::client(None, url, key).auto_batch(options);
                measure(joined, mode, text, time).await;
            }
            "ours-legacy" => {
                let hyper = hyper_util::client::legacy::Client::builder(
                    hyper_util::rt::TokioExecutor::new(),
                );
                let http = HttpClient::from_service::<http_body_util::Full<bytes::Bytes>, _, _>(
                    hyper.build_http(),
                );
                measure(ours::client(Some(http), url, key), mode, text, time).await
            }
            "ours-reqwest" => {
                let http = HttpClient::from_reqwest(reqwest::Client::new());
                measure(ours::client(Some(http), url, key), mode, text, time).await
            }
            other => panic!("no client {other:?}"),
        }
    });
}

async fn measure(publisher: impl Publisher, mode: Mode, text: &'static str, time: Duration) {
    work(&publisher, mode, text, WARM_UP).await;
    let (used, begin) = (cpu(), Instant::now());
    let publishes = work(&publisher, mode, text, time).await;
    let (seconds, used) = (begin.elapsed().as_secs_f64(), (cpu() - used).as_secs_f64());
    println!(r#"{{"publishes":{publishes},"seconds":{seconds},"cpu_seconds":{used}}}"#);
}

async fn work(publisher: &impl Publisher, mode: Mode, text: &'static str, time: Duration) -> u64 {
    let end = Instant::now() + time;
    let callers = if matches!(mode, Mode::Concurrent) { CALLERS } else { 1 };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let publisher = publisher.clone();
        tasks.spawn(async move {
            let mut publishes = 0;
            while Instant::now() < end {
                if matches!(mode, Mode::Batch) {
                    publisher.publish_batch((0..BATCH).map(|_| payload(text)).collect()).await;
                    publishes += BATCH as u64;
                } else {
                    publisher.publish(payload(text)).await;
                    publishes += 1;
                }
            }
            publishes
        });
    }
    tasks.join_all().await.into_iter().sum()
}

fn payload(text: &str) -> Payload<'_> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    Payload { n: 1_000_000 + NUMBER.fetch_add(1, Ordering::Relaxed) % 1_000_000, text }
}

/// What this process has used, in it and in the system.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("a process can ask for its usage");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros.unsigned_abs())
}
