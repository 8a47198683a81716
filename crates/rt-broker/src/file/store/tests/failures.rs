//! Disks and callers that fail while the journal is written, and reading meanwhile.

use super::*;
use crate::file::store::disk::{Disk, RealDisk};
use crate::file::store::error::ErrorKind;
use crate::file::store::folder::Ending;
use crate::file::store::simulated_disk::{Fault, Operation};
use std::sync::atomic::AtomicBool;

/// Lets the calls fail for which `fails` returns a fault, until `clear_plan`.
fn fail(disk: &SimulatedDisk, fails: impl Fn(&Path, Operation) -> Option<Fault> + Send + 'static) {
    disk.set_plan(fails);
}

fn is_write(operation: Operation) -> bool {
    matches!(operation, Operation::Write { .. } | Operation::Create)
}

#[test]
fn a_full_disk_fails_commits_and_not_reads_until_there_is_room() {
    let (disk, mut opened, mut written) = write(&[vec![1; 100]]);
    for room in [0, 10, 200, 5000] {
        fail(&disk, move |_, operation| is_write(operation).then_some(Fault::Full(room)));
        for _ in 0..3 {
            let error = opened.commit(2, &[vec![2; 300]], CommitDurability::Sync).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Full);
            assert!(error.to_string().contains("free some space"), "{error}");
            let reader = opened.journal.reader();
            assert_eq!(reader.read(written[0].location, 0).unwrap().body, written[0].body);
        }
        disk.clear_plan();
        let offset = written.len() as u64 + 1;
        written.extend(opened.commit(offset, &[vec![3; 300]], CommitDurability::Sync).unwrap());
        assert!(opened.journal.reader().segments().len() <= written.len(), "no empty ones stay");
    }
    drop(opened);
    let opened = open(&disk);
    assert_eq!((opened.frames, opened.recovered.damages), (written, 0));
}

#[test]
fn a_commit_whose_sync_failed_does_not_come_back() {
    let (disk, mut opened, written) = write(&[vec![1; 100]]);
    fail(&disk, |path, operation| {
        (operation == Operation::Sync && path == segment(1)).then_some(Fault::Error)
    });
    let error = opened.commit(2, &[vec![2; 100]], CommitDurability::Sync).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Sync);
    drop(opened);
    disk.clear_plan();
    let opened = open(&disk);
    assert_eq!((opened.frames, opened.recovered.damages), (written, 0));
}

/// Two commits, of which the second is acknowledged, and then its sync fails.
fn write_with_a_failed_sync() -> (SimulatedDisk, Opened, Vec<Written>) {
    let (disk, mut opened, mut written) = write(&[vec![1; 100]]);
    written.extend(opened.commit(2, &[vec![2; 900]], CommitDurability::Write).unwrap());
    fail(&disk, |path, operation| {
        (operation == Operation::Sync && path == segment(1)).then_some(Fault::Error)
    });
    assert_eq!(opened.journal.sync().unwrap_err().kind(), ErrorKind::Sync);
    disk.clear_plan();
    (disk, opened, written)
}

#[test]
fn what_a_failed_sync_should_have_written_is_written_by_the_next_one() {
    for seed in 0..20 {
        let (disk, mut opened, mut written) = write_with_a_failed_sync();
        written.extend(opened.commit(3, &[vec![3]], CommitDurability::Sync).unwrap());
        drop(opened);
        disk.power_cut(seed);
        let opened = open(&disk);
        assert_eq!((opened.frames, opened.recovered.damages), (written, 0));
    }
}

#[test]
fn what_a_failed_sync_lost_is_reported() {
    let mut lost = 0;
    for seed in 0..20 {
        // The power is cut before the next sync.
        let (disk, opened, written) = write_with_a_failed_sync();
        drop(opened);
        disk.power_cut(seed);
        let opened = open(&disk);
        let is_lost = opened.frames != written;
        assert_eq!(is_lost, opened.recovered.damages > 0, "{:?}", opened.recovered);
        lost += usize::from(is_lost);
    }
    assert!((1..20).contains(&lost), "{lost}");
    // Or the system does not have it any more.
    let (disk, mut opened, _) = write_with_a_failed_sync();
    disk.edit(&segment(1), |bytes| bytes[4400..].fill(0));
    assert_eq!(opened.journal.sync().unwrap_err().kind(), ErrorKind::Lost);
    opened.commit(3, &[vec![3]], CommitDurability::Sync).expect("it is lost only once");
}

#[test]
fn a_sync_that_failed_before_a_kill_costs_nothing_that_is_synced_after_it() {
    for seed in 0..40 {
        let (disk, mut opened, _) = write(&[vec![1; 9000]]);
        opened.commit(2, &[vec![2; 10]], CommitDurability::Write).unwrap();
        // The header of the second segment never gets to the disk.
        fail(&disk, |_, operation| {
            (is_write(operation) || operation == Operation::Sync).then_some(Fault::Error)
        });
        assert_eq!(opened.journal.sync().unwrap_err().kind(), ErrorKind::Sync);
        drop(opened);
        disk.clear_plan();
        let mut opened = open(&disk);
        assert_eq!(opened.frames.len(), 2);
        let synced = opened.commit(3, &[vec![3; 9000]], CommitDurability::Sync).unwrap();
        opened.commit(4, &[vec![4; 10]], CommitDurability::Write).unwrap();
        drop(opened);
        disk.power_cut(seed);
        assert!(open(&disk).frames.contains(&synced[0]), "seed {seed}");
    }
}

#[test]
fn a_limit_on_file_sizes_makes_segments_smaller() {
    let disk = SimulatedDisk::new();
    disk.set_file_size_limit(16_000);
    let mut opened = try_open(&disk, 1 << 20).unwrap();
    for offset in 0..30 {
        opened.commit(offset, &[vec![1; 1000]], CommitDurability::Sync).unwrap();
    }
    assert!(opened.journal.reader().segments().len() > 5);
    let error = opened.commit(31, &[vec![1; 20_000]], CommitDurability::Sync).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    assert!(error.to_string().contains("ulimit -f"), "{error}");
    opened.commit(31, &[vec![1; 1000]], CommitDurability::Sync).unwrap();
}

#[test]
fn a_frame_that_was_damaged_since_is_an_error_that_names_the_file() {
    let (disk, opened, written) = write(&[vec![1; 100], vec![2; 100]]);
    let at = written[0].location.at as usize;
    for place in [at + 3, at + 60] {
        disk.edit(&segment(1), |bytes| bytes[place] ^= 4);
        let reader = opened.journal.reader();
        let error = reader.read(written[0].location, 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("0000000001.log has a damaged record"), "{error}");
        assert!(reader.read(written[1].location, 100).is_ok());
        disk.edit(&segment(1), |bytes| bytes[place] ^= 4);
    }
}

#[test]
fn old_segments_are_scanned_in_steps_and_removed() {
    let bodies: Vec<_> = (0..12).map(|n| vec![n; 1500]).collect();
    let (disk, mut opened, written) = write(&bodies);
    let reader = opened.journal.reader().clone();
    for max_bytes in [1, 2000, u32::MAX] {
        let (mut from, mut offsets) = (Some(0), Vec::new());
        while let Some(at) = from {
            let before = offsets.len();
            from = reader.scan(1, at, max_bytes, |frame| offsets.push(frame.head.offset)).unwrap();
            assert!(max_bytes > 1 || offsets.len() <= before + 1);
        }
        let first: Vec<_> = written.iter().filter(|frame| frame.location.segment == 1).collect();
        assert_eq!(offsets, first.iter().map(|frame| frame.head.offset).collect::<Vec<_>>());
    }
    let removal = opened.journal.remove_oldest(1).unwrap();
    assert_eq!(reader.read(written[0].location, 0).unwrap_err().kind(), ErrorKind::Damaged);
    assert!(reader.scan(1, 0, 1, |_| {}).is_err());
    let rest: Vec<_> = written.into_iter().filter(|frame| frame.location.segment > 1).collect();
    // Killed before the file is removed, and after.
    for removed in [false, true] {
        let disk = disk.copy();
        if removed {
            disk.remove(&segment(1)).unwrap();
        }
        let opened = open(&disk);
        assert_eq!((&opened.frames, opened.recovered.damages), (&rest, 0));
        assert!(!disk.paths().contains(&segment(1)));
    }
    removal.run().unwrap();
    assert!(!disk.paths().contains(&segment(1)));
}

#[test]
fn a_copy_is_a_store_that_may_be_older_than_what_clients_have_seen() {
    let (disk, mut opened, written) = write(&vec![vec![1; 1500]; 12]);
    let reader = opened.journal.reader().clone();
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let copy = Path::new("/backups/today");
    let cancelled = reader.copy_to(&disk, copy, &AtomicBool::new(true)).unwrap_err();
    assert!(cancelled.to_string().contains("cancelled"), "{cancelled}");
    assert!(disk.list(copy).is_err(), "what was begun is removed");
    reader.copy_to(&disk, copy, &AtomicBool::new(false)).unwrap();
    opened.commit(13, &[vec![2]], CommitDurability::Sync).unwrap();
    let refused = reader.copy_to(&disk, copy, &AtomicBool::new(false)).unwrap_err();
    assert!(refused.to_string().contains("is not empty"), "{refused}");
    let folder = Folder::open(disk.clone(), copy).unwrap();
    assert_eq!(folder.ending(), Ending::MayHaveLost);
    let mut frames = 0;
    let (_, recovered) =
        Journal::open(&folder, JournalOptions::default(), |_| frames += 1).unwrap();
    assert_eq!((frames, recovered.damages), (written.len(), 0));
}

#[test]
fn a_real_disk_keeps_a_journal_and_prepares_its_segments() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("new").join("store");
    let options =
        JournalOptions { segment_bytes: 100_000, seed: 1, preparation: Preparation::InBackground };
    for life in 0..2 {
        let folder = Folder::open(Arc::new(RealDisk), &path).unwrap();
        let in_use = Folder::open(Arc::new(RealDisk), &path).unwrap_err();
        assert_eq!(in_use.kind(), ErrorKind::InUse);
        let mut frames = 0;
        let (mut journal, recovered) = Journal::open(&folder, options, |_| frames += 1).unwrap();
        assert_eq!((frames, recovered.damages, recovered.torn.len()), (life * 100, 0, 0));
        folder.begin(CommitDurability::Sync).unwrap();
        for offset in 0..100 {
            let mut commit = journal.begin();
            commit.push(head(offset), |bytes| bytes.resize(bytes.len() + 3000, 1));
            journal.commit(commit, CommitDurability::Write).unwrap();
            journal.wait_for_preparation();
        }
        journal.close().unwrap();
        folder.end().unwrap();
    }
    #[cfg(unix)]
    for entry in std::fs::read_dir(path.join("journal")).unwrap() {
        use std::os::unix::fs::MetadataExt;
        let metadata = entry.unwrap().metadata().unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert!(metadata.len() >= 100_000, "{}", metadata.len());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
    }
}
