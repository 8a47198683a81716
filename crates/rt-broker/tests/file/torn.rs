//! A storage layer that drops and tears what was not synced.
//!
//! The store's folder is copied when the last publication was acknowledged (in groups: synced), and
//! again with more in it. Of what the second copy has beyond the first, each sector is then kept,
//! left as it was, or filled with garbage, as a power cut leaves it, and new files are gone; and
//! that is opened as after a new start of the system. That an acknowledgement waits for the durability is
//! shown by the tests `synced` and, within the crate, `what_is_acknowledged_was_synced_as_was_asked`.

use super::support::copy;
use super::{LARGE, held, open, publish};
use rt_broker::{Broker, Delivery, Durability, FileEngine, GapReason, Health, Receipt, Start};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SECTOR: usize = 512;
const ROUNDS: usize = 30;
const GROUP: Durability =
    Durability::Group { bytes: usize::MAX, period: Duration::from_secs(3600) };

/// Tears what `later` has beyond `synced`, in place; says how many sectors differed.
fn tear(synced: &Path, later: &Path) -> usize {
    let mut torn = 0;
    for entry in fs::read_dir(later).unwrap() {
        let entry = entry.unwrap();
        let (old, new) = (synced.join(entry.file_name()), entry.path());
        if new.is_dir() {
            torn += tear(&old, &new);
            continue;
        }
        let Ok(old) = fs::read(&old) else {
            // Its name was not synced either.
            torn += 1;
            if fastrand::bool() {
                fs::remove_file(&new).unwrap();
            }
            continue;
        };
        let mut bytes = fs::read(&new).unwrap();
        for (at, sector) in bytes.chunks_mut(SECTOR).enumerate() {
            let before = old.get(at * SECTOR..).unwrap_or_default();
            let before = &before[..before.len().min(sector.len())];
            let same = before.iter().zip(&*sector).take_while(|(a, b)| a == b).count();
            if same == sector.len() {
                continue;
            }
            torn += 1;
            // What the sector had when it was synced stays, whatever comes after.
            let after = &mut sector[same..];
            match fastrand::u8(0..4) {
                0 => after.fill(0),
                1 => after.iter_mut().for_each(|byte| *byte = fastrand::u8(..)),
                _ => {}
            }
        }
        fs::write(&new, bytes).unwrap();
    }
    torn
}

/// What the second line of `open` names is the system's run.
fn as_after_a_new_start(path: &Path) {
    let open = fs::read_to_string(path.join("open")).unwrap();
    let durability = open.lines().next().unwrap();
    fs::write(path.join("open"), format!("{durability}\nanother run\n")).unwrap();
}

/// Publishes `synced`, has them synced, publishes `later`, of which the power cut comes before the
/// acknowledgement, and gives the torn store.
async fn crash(
    folder: &Path,
    durability: Durability,
    synced: usize,
    later: &[usize],
) -> (Broker, Vec<Receipt>) {
    let engine = FileEngine::builder(folder.join("store")).bounds(LARGE).durability(durability);
    let engine = Arc::new(engine.open().unwrap());
    let broker = Broker::builder_shared(engine.clone()).build();
    let mut receipts = Vec::new();
    for n in 0..synced {
        receipts.push(publish(&broker, "t", format!("{n} {}", "s".repeat(n * 7 % 300))).await);
    }
    if durability != Durability::Always {
        engine.flush().await.unwrap();
    }
    copy(&folder.join("store"), &folder.join("synced"));
    for (n, size) in later.iter().enumerate() {
        let text = format!("{} {}", synced + n, "l".repeat(*size));
        receipts.push(publish(&broker, "t", text).await);
    }
    copy(&folder.join("store"), &folder.join("torn"));
    if durability == Durability::Always {
        // The progress is written after the sync, which never came to its end.
        fs::copy(folder.join("synced/progress"), folder.join("torn/progress")).unwrap();
    }
    drop((broker, engine));
    assert!(tear(&folder.join("synced"), &folder.join("torn")) > 0);
    as_after_a_new_start(&folder.join("torn"));
    (open(&folder.join("torn"), durability), receipts)
}

/// How many of the publications 0, 1, 2… are there, without a hole among the first `synced`.
fn count(held: &[String], synced: usize) -> usize {
    let number = |text: &String| text.split(' ').next().unwrap().parse::<usize>().unwrap();
    let numbers: Vec<usize> = held.iter().map(number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "in order, none twice: {numbers:?}");
    assert!(numbers.iter().copied().take(synced).eq(0..synced), "no hole: {numbers:?}");
    held.len()
}

#[tokio::test]
async fn with_syncs_a_torn_write_takes_nothing_with_it() {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let synced = fastrand::usize(1..60);
        let (broker, receipts) =
            crash(folder.path(), Durability::Always, synced, &[fastrand::usize(0..9_000)]).await;
        let there = count(&held(&broker, "t").await, synced);
        assert!(there == synced || there == synced + 1, "{there} of {synced}");
        // Nobody was given the position of what is gone: the topic goes on as it was.
        let next = publish(&broker, "t", "next").await;
        assert_eq!(next.position().epoch(), receipts[0].position().epoch());
        assert_eq!(next.position().offset().get(), there as u64 + 1);
    }
}

#[tokio::test]
async fn with_group_commit_at_most_the_unflushed_are_lost_and_clients_are_told() {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let synced = fastrand::usize(1..60);
        let later: Vec<_> = (0..fastrand::usize(1..20)).map(|_| fastrand::usize(0..900)).collect();
        let (broker, receipts) = crash(folder.path(), GROUP, synced, &later).await;
        let there = count(&held(&broker, "t").await, synced);
        assert!(there >= synced, "{there} of {synced}");
        // Positions that were given out must not come to mean something else.
        let next = publish(&broker, "t", "next").await;
        for old in &receipts {
            assert_ne!(next.position().epoch(), old.position().epoch());
        }
        let last = receipts.last().unwrap();
        assert!(next.time() > last.time(), "nor must times");
        let mut back = broker.subscribe("t", Start::After(last.position())).unwrap();
        let Delivery::Gap(gap) = super::next(&mut back).await else { panic!("it is told") };
        assert_eq!(gap.reason(), GapReason::Epoch);
        assert_eq!(super::take(&mut back, there + 1).await.last().unwrap(), "next");
    }
}

/// A store that was written further back than its last durability is damaged, and that is no secret.
#[tokio::test]
async fn damage_further_back_begins_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let broker = open(&path, Durability::Always);
    let first = publish(&broker, "t", "0").await;
    for n in 1..10 {
        publish(&broker, "t", format!("{n} {}", if n == 5 { "wanted" } else { "other" })).await;
    }
    copy(&path, &folder.path().join("damaged"));
    drop(broker);
    let journal = folder.path().join("damaged/journal/0000000001.log");
    let mut bytes = fs::read(&journal).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    // In the data of a publication.
    let data = bytes[..used].windows(6).rposition(|bytes| bytes == b"wanted").unwrap();
    bytes[data] ^= 0xff;
    fs::write(&journal, bytes).unwrap();
    let broker = open(&folder.path().join("damaged"), Durability::Always);
    assert_eq!(count(&held(&broker, "t").await, 0), 9, "one record is lost");
    let next = publish(&broker, "t", "next").await;
    assert_ne!(next.position().epoch(), first.position().epoch());
    assert!(folder.path().join("damaged/cut-off").exists(), "what cannot be used is kept");
    let Health::Degraded(why) = broker.engine().health().await else { panic!("it is no secret") };
    assert!(why.contains("lost publications: 1, in topics: 1"), "{why}");
}
