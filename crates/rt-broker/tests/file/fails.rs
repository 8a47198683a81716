//! A disk that takes no more: a limit on the size of files stands in for it.
//!
//! The process's own limit is changed, so this runs in a child process. A write beyond the limit would
//! end it by a signal.

use super::{LARGE, held, publish};
use rt_broker::{Broker, Durability, FileEngine, Health, Message, Start};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const FOLDER: &str = "RT_BROKER_TEST_FULL";

fn limit(size: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: size, maximum }).unwrap();
}

/// Not a test: what the child process runs.
#[test]
#[ignore = "run by the tests beside it"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (n, durability) in [
        Durability::Always,
        Durability::Group { bytes: 1, period: Duration::from_millis(1) },
        Durability::None,
    ]
    .into_iter()
    .enumerate()
    {
        runtime.block_on(full(&Path::new(&folder).join(n.to_string()), durability));
    }
}

async fn full(folder: &Path, durability: Durability) {
    let engine = FileEngine::builder(folder).bounds(LARGE).durability(durability).open().unwrap();
    let broker = Broker::builder(engine).build();
    let first = publish(&broker, "t", "before").await;
    let mut subscription = broker.subscribe("t", Start::Earliest).unwrap();
    assert_eq!(super::take(&mut subscription, 1).await, ["before"]);

    limit(Some(1));
    for n in 0..10 {
        let message = Message::text(format!("lost {n}")).with_idempotency_key("k");
        let error =
            broker.publish(if n % 2 == 0 { "t" } else { "new" }, message).await.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("journal") && source.contains("raise the limit"), "{source}");
        // What is held can be read meanwhile.
        assert_eq!(held(&broker, "t").await, ["before"]);
        // It tries again after a while.
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let Health::Down(why) = broker.engine().health().await else { panic!("it says that it is ok") };
    assert!(why.contains("written") || why.contains("opened"), "{why}");
    assert!(subscription.try_next().unwrap().is_none(), "nothing that failed is delivered");

    limit(None);
    // It recovers while nobody publishes.
    while broker.engine().health().await != Health::Ok {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let message = || Message::text("after").with_idempotency_key("k");
    let after = broker.publish("t", message()).await.unwrap();
    assert!(!after.is_duplicate(), "a key of a publication that failed is free");
    assert_eq!(broker.engine().health().await, Health::Ok);
    assert_eq!(super::take(&mut subscription, 1).await, ["after"]);
    assert_eq!(after.position().epoch(), first.position().epoch());
    assert_eq!(held(&broker, "t").await, ["before", "after"]);
    assert!(!broker.knows("new"));
    drop((subscription, broker));
    let engine = FileEngine::builder(folder).bounds(LARGE).durability(durability).open().unwrap();
    let broker = Broker::builder(engine).build();
    assert_eq!(held(&broker, "t").await, ["before", "after"]);
    assert_eq!(held(&broker, "new").await, [""; 0]);
}

#[test]
fn a_write_that_fails_is_the_publishers_error_and_the_store_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fails::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    assert!(said.contains("1 passed"), "{said}");
}
