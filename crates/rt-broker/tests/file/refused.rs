//! What cannot be opened: a clear error, and nothing is overwritten.

use super::{held, open, publish};
use rt_broker::{Durability, Error, FileEngine, Message};
use std::fs;
use std::path::Path;

fn refused(path: &Path, says: &str) -> Error {
    let error = FileEngine::builder(path).open().unwrap_err();
    assert!(error.is_unavailable());
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains(says), "{error}: {source}");
    assert!(source.contains(path.to_str().unwrap()), "it says where: {source}");
    error
}

#[test]
fn what_is_not_ours_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    refused(&file, "is a file");
    refused(folder.path(), "not a store of ours");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made in it");
    // Below a file nothing can be made.
    refused(&file.join("store"), "");
}

#[tokio::test]
async fn a_marker_that_is_newer_foreign_or_cut_short_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let broker = open(&path, Durability::Always);
    publish(&broker, "t", "1").await;
    drop(broker);
    let marker = path.join("RT-BROKER");
    let good = fs::read_to_string(&marker).unwrap();
    for (text, says) in [
        ("rt-broker file store, format 2\n", "newer"),
        ("", "cut short"),
        (&good[..good.len() - 1], "cut short"),
        ("something else", "not ours"),
    ] {
        fs::write(&marker, text).unwrap();
        refused(&path, says);
        assert_eq!(fs::read_to_string(&marker).unwrap(), text);
    }
    fs::write(&marker, good).unwrap();
    assert_eq!(held(&open(&path, Durability::Always), "t").await, ["1"]);
}

#[tokio::test]
async fn one_engine_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let engine = FileEngine::builder(&path).open().unwrap();
    refused(&path, "open elsewhere");
    engine.close().await.unwrap();
    let again = FileEngine::builder(&path).open().expect("it is free once it is closed");
    drop(again);
}

#[tokio::test]
async fn a_closed_engine_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let engine = std::sync::Arc::new(FileEngine::builder(&path).open().unwrap());
    let broker = rt_broker::Broker::builder_shared(engine.clone()).build();
    publish(&broker, "t", "1").await;
    engine.close().await.unwrap();
    engine.close().await.unwrap();
    let error = broker.publish("t", Message::text("2")).await.unwrap_err();
    assert!(error.is_unavailable());
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("open it again"));
    assert!(matches!(broker.engine().health().await, rt_broker::Health::Down(_)));
    assert!(engine.flush().await.is_err());
}

#[tokio::test]
async fn a_store_that_is_damaged_is_told_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let broker = open(&path, Durability::Always);
    publish(&broker, "t", "1").await;
    drop(broker);
    let version = path.join("store/version");
    assert!(version.exists(), "the embedded store's own marker");
    let good = fs::read(&version).unwrap();
    fs::write(&version, "xxxx").unwrap();
    let error = FileEngine::builder(&path).open().unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    fs::write(&version, good).unwrap();
    assert_eq!(held(&open(&path, Durability::Always), "t").await, ["1"]);
}

/// As an end of the process in the middle of the very first opening leaves it.
#[tokio::test]
async fn a_store_that_was_half_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(open(&path, Durability::Always));
    fs::remove_dir_all(path.join("store")).unwrap();
    fs::remove_file(path.join("made")).unwrap();
    fs::create_dir_all(path.join("store.new/keyspaces")).unwrap();
    fs::write(path.join("store.new/0.jnl"), "half").unwrap();
    let broker = open(&path, Durability::Always);
    publish(&broker, "t", "1").await;
    assert_eq!(held(&broker, "t").await, ["1"]);
    // And one that had no time to name what it is.
    let path = folder.path().join("unnamed");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("RT-BROKER.new"), "rt-br").unwrap();
    publish(&open(&path, Durability::Always), "t", "1").await;
}

#[tokio::test]
async fn a_store_that_was_taken_away_is_not_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("store"), folder.path().join("away"));
    let broker = open(&path, Durability::Always);
    publish(&broker, "t", "1").await;
    let copied = fs::read_to_string(path.join("open")).unwrap();
    drop(broker);
    fs::rename(path.join("store"), &away).unwrap();
    refused(&path, "an earlier life had made");
    // As a killed process leaves it.
    fs::write(path.join("open"), copied).unwrap();
    refused(&path, "an earlier life had made");
    assert!(!path.join("store").exists() && !path.join("store.new").exists());
    fs::rename(&away, path.join("store")).unwrap();
    assert_eq!(held(&open(&path, Durability::Always), "t").await, ["1"]);
}
