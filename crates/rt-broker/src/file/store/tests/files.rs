//! Recovery from missing, shortened and foreign files, and the copies that it keeps.

use super::*;
use crate::file::store::disk::Disk;
use crate::file::store::error::ErrorKind;
use crate::file::store::format::FORMAT;
use crate::file::store::replay::Loss;
use crate::file::store::simulated_disk::{Fault, Operation};

#[test]
fn a_missing_segment_is_reported_with_its_commits_and_the_others_are_read() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    let commits = |number: u32| {
        let first = written.iter().position(|frame| frame.location.segment == number).unwrap();
        let count = in_segment(&written, number).len();
        first as u64 + 1..=(first + count) as u64
    };
    for number in [1, 2, 3] {
        let disk = disk.copy();
        disk.remove(&segment(number)).unwrap();
        let others: Vec<_> =
            written.iter().filter(|frame| frame.location.segment != number).cloned().collect();
        assert_eq!(losses_of(&disk), [(number, Loss::Segment(Some(commits(number))))]);
        reopens_with(&disk, &others);
    }
    for number in [1, 2, 3] {
        disk.remove(&segment(number)).unwrap();
    }
    let mut opened = open(&disk);
    // Where the first one ended is not known.
    let ranges = [(1, None), (2, Some(1..=8)), (3, Some(9..=12))];
    assert_eq!(losses(&opened), ranges.map(|(number, range)| (number, Loss::Segment(range))));
    opened.commit(1, &[vec![]], CommitDurability::Sync).unwrap();
}

#[test]
fn a_segment_that_is_shorter_than_the_next_one_says_is_reported() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    let last = in_segment(&written, 2).pop().unwrap();
    // At the end of a commit, so that nothing but the number of bytes tells.
    disk.edit(&segment(2), |bytes| bytes.truncate(last.location.at as usize));
    let commit = 1 + written.iter().position(|frame| *frame == last).unwrap() as u64;
    assert_eq!(losses_of(&disk), [(2, Loss::Commits(commit..=commit))]);
    let others: Vec<_> = written.into_iter().filter(|frame| *frame != last).collect();
    reopens_with(&disk, &others);
}

#[test]
fn a_destroyed_header_costs_nothing_while_something_else_knows_the_segment() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    for number in [1, 2, 3] {
        let disk = disk.copy();
        disk.edit(&segment(number), |bytes| bytes[..4096].fill(0xee));
        assert_eq!(losses_of(&disk), [(number, Loss::Nothing)]);
        reopens_with(&disk, &written);
        if number > 1 {
            assert_eq!(losses_of(&disk), [], "it was written again");
            let copy = format!("/store/cut-off/{number:010}-0-4096.bin");
            assert_eq!(disk.edit(Path::new(&copy), |bytes| bytes.clone()), [0xee; 4096]);
        }
    }
}

#[test]
fn a_segment_that_nothing_knows_is_lost_and_the_others_are_read() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    for number in [2, 3] {
        disk.edit(&segment(number), |bytes| bytes[..4096].fill(0xee));
    }
    let others = [in_segment(&written, 1), in_segment(&written, 3)].concat();
    let opened = reopens_with(&disk, &others);
    assert_eq!(losses(&opened)[0], (2, Loss::Segment(Some(5..=8))));
    let kept = disk.paths().into_iter().find(|path| path.to_str().unwrap().contains("cut-off/"));
    assert!(kept.unwrap().to_str().unwrap().contains("/0000000002-0-"));
}

#[test]
fn another_segment_under_the_name_of_one_is_not_taken_for_it() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    let other = disk.edit(&segment(1), |bytes| bytes.clone());
    disk.edit(&segment(2), |bytes| *bytes = other);
    let others = [in_segment(&written, 1), in_segment(&written, 3)].concat();
    let opened = reopens_with(&disk, &others);
    assert!(opened.recovered.damages > 0, "it is still reported");
}

#[test]
fn another_version_is_refused_before_anything_is_changed() {
    let (disk, opened, _) = three_segments();
    drop(opened);
    let names = ["journal/0000000002.log", "progress", "RT-BROKER"];
    for name in names {
        let disk = disk.copy();
        let path = Path::new(PATH).join(name);
        disk.edit(&path, |bytes| {
            if name == "RT-BROKER" {
                *bytes = b"rt-broker file store, format 3\n".to_vec();
            }
            for copy in [8, 2048 + 8, 4096 + 8, 8192 + 8] {
                if name != "RT-BROKER" && bytes.len() > copy {
                    bytes[copy] = 3;
                }
            }
        });
        let before = disk.copy();
        let error = try_open(&disk, 10_000).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Version, "{name}: {error}");
        let text = error.to_string();
        assert!(text.contains("format 3") && text.contains(&format!("format {FORMAT}")), "{text}");
        for path in disk.paths() {
            let bytes = |disk: &SimulatedDisk| disk.edit(&path, |bytes| bytes.clone());
            assert_eq!(bytes(&disk), bytes(&before), "{}", path.display());
        }
        assert_eq!(disk.paths(), before.paths());
    }
}

#[test]
fn a_progress_that_is_missing_or_unreadable_is_reported() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    let path = Path::new(PATH).join("progress");
    for missing in [false, true] {
        let disk = disk.copy();
        if missing {
            disk.remove(&path).unwrap();
        } else {
            disk.edit(&path, |bytes| bytes.fill(0xee));
        }
        for _ in 0..2 {
            // It is reported until a commit was made.
            assert_eq!(losses_of(&disk), [(3, Loss::Progress)]);
        }
        assert_eq!(reopens_with(&disk, &written).recovered.damages, 0);
    }
}

#[test]
fn a_journal_that_is_gone_is_not_begun_again() {
    let (disk, opened, _) = three_segments();
    drop(opened);
    for path in disk.paths().into_iter().filter(|path| path.starts_with("/store/journal")) {
        disk.remove(&path).unwrap();
    }
    disk.remove_folder(Path::new("/store/journal")).unwrap();
    let error = try_open(&disk, 10_000).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("restore it"), "{error}");
    assert!(disk.list(Path::new("/store/journal")).is_err(), "it was not created");
}

#[test]
fn what_recovery_does_not_use_is_copied_once() {
    let (disk, opened, written) = write(&[vec![1; 500], vec![2; 500], vec![3; 500]]);
    drop(opened);
    let at = written[1].location.at as usize + 60;
    let garbage = disk.edit(&segment(1), |bytes| {
        bytes[at] ^= 1;
        bytes.extend_from_slice(&[7; 100]);
        bytes[written[1].location.at as usize..][..540].to_vec()
    });
    let copies = |disk: &SimulatedDisk| -> Vec<_> {
        disk.paths().into_iter().filter(|path| path.starts_with("/store/cut-off")).collect()
    };
    for _ in 0..2 {
        let opened = open(&disk);
        assert_eq!(opened.recovered.torn.len(), 1);
        assert_eq!(losses(&opened), [(1, Loss::Frame(written[1].head))]);
        let [damaged, torn] = &copies(&disk)[..] else { panic!("{:?}", copies(&disk)) };
        assert_eq!(disk.edit(damaged, |bytes| bytes.clone()), garbage);
        assert_eq!(disk.edit(torn, |bytes| bytes.clone()), [7; 100]);
    }
    // Another commit goes to a new segment, which makes the torn end void.
    let mut opened = open(&disk);
    opened.commit(4, &[vec![]], CommitDurability::Sync).unwrap();
    drop(opened);
    assert_eq!(open(&disk).recovered.torn, []);
}

#[test]
fn a_copy_that_fails_keeps_the_segment_instead() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    disk.edit(&segment(1), |bytes| bytes[written[0].location.at as usize + 60] ^= 1);
    let is_aside = |path: &Path| path.starts_with("/store/cut-off");
    disk.set_plan(move |path, operation| {
        (is_aside(path) && operation == Operation::Create).then_some(Fault::Full(0))
    });
    let mut opened = open(&disk);
    assert_eq!(opened.frames, written[1..]);
    assert_eq!(opened.recovered.uncopied[0].kind(), ErrorKind::Full);
    opened.journal.remove_oldest(1).unwrap().run().unwrap();
    let kept: Vec<_> = disk.paths().into_iter().filter(|path| is_aside(path)).collect();
    assert_eq!(kept, [Path::new("/store/cut-off/0000000001.log")]);
}
