//! That an acknowledgement comes after a durability is seen from outside, where `strace` is installed.

use super::{open, publish};
use rt_broker::Durability;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "RT_BROKER_TEST_SYNCED";
const PUBLICATIONS: usize = 30;

/// Not a test: what the child process runs.
#[tokio::test]
#[ignore = "run by the test beside it"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let broker = open(Path::new(&folder), Durability::Always);
    for n in 0..PUBLICATIONS {
        std::io::stderr().write_all(b"begun\n").unwrap();
        publish(&broker, "t", n.to_string()).await;
        std::io::stderr().write_all(b"acked\n").unwrap();
    }
}

#[test]
fn every_acknowledgement_comes_after_a_sync_of_what_was_written() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("left out: strace is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let traced = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=write,pwrite64,fdatasync", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "synced::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path().join("store"))
        .output()
        .unwrap();
    if !traced.status.success() {
        let said = String::from_utf8_lossy(&traced.stderr);
        assert!(said.contains("ptrace"), "{said}");
        eprintln!("left out: this process may not trace another");
        return;
    }
    let (mut acked, mut written, mut synced) = (0, false, false);
    for call in std::fs::read_to_string(log).unwrap().lines() {
        if call.contains("\"begun") {
            (written, synced) = (false, false);
        } else if call.contains("pwrite64(") && call.contains("/journal/") {
            (written, synced) = (true, false);
        } else if call.contains("fdatasync") && call.ends_with("= 0") {
            synced = written;
        } else if call.contains("\"acked") {
            assert!(synced, "an acknowledgement without a sync");
            acked += 1;
        }
    }
    assert_eq!(acked, PUBLICATIONS);
}
