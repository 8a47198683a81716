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
    refused(folder.path(), "is not a store");
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
        ("rt-broker file store, format 3\n", "a later one"),
        ("rt-broker file store, format 1\n", "this version reads format 2"),
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
    assert!(
        std::error::Error::source(&error).unwrap().to_string().contains("open its store again")
    );
    assert!(matches!(broker.engine().health().await, rt_broker::Health::Down(_)));
    assert!(engine.flush().await.is_err());
}

#[tokio::test]
async fn a_segment_of_another_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let broker = open(&path, Durability::Always);
    publish(&broker, "t", "1").await;
    let open_file = fs::read(path.join("open")).unwrap();
    drop(broker);
    // As if a later version had been killed while it wrote.
    fs::write(path.join("open"), open_file).unwrap();
    let segment = path.join("journal").join("0000000001.log");
    let good = fs::read(&segment).unwrap();
    let mut later = good.clone();
    later[8..12].copy_from_slice(&3_u32.to_le_bytes());
    later[2048 + 8..2048 + 12].copy_from_slice(&3_u32.to_le_bytes());
    fs::write(&segment, &later).unwrap();
    let error = FileEngine::builder(&path).open().unwrap_err().to_string();
    assert!(error.contains("format 3") && error.contains("format 2"), "{error}");
    assert_eq!(fs::read(&segment).unwrap(), later);
    fs::write(&segment, good).unwrap();
    assert_eq!(held(&open(&path, Durability::Always), "t").await, ["1"]);
}

/// As an end of the process in the middle of the very first opening leaves it.
#[tokio::test]
async fn a_store_that_was_half_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(open(&path, Durability::Always));
    fs::remove_dir_all(path.join("journal")).unwrap();
    fs::remove_file(path.join("progress")).unwrap();
    fs::remove_file(path.join("made")).unwrap();
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
async fn a_journal_that_was_taken_away_is_not_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("store"), folder.path().join("away"));
    let broker = open(&path, Durability::Always);
    publish(&broker, "t", "1").await;
    let copied = fs::read_to_string(path.join("open")).unwrap();
    drop(broker);
    fs::rename(path.join("journal"), &away).unwrap();
    refused(&path, "journal");
    // As a killed process leaves it.
    fs::write(path.join("open"), copied).unwrap();
    refused(&path, "journal");
    assert!(!path.join("journal").exists());
    fs::rename(&away, path.join("journal")).unwrap();
    assert_eq!(held(&open(&path, Durability::Always), "t").await, ["1"]);
}
