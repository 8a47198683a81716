//! What recovery makes of damaged, shortened and missing files.

use super::*;
use crate::file::store::disk::Disk;
use crate::file::store::error::ErrorKind;
use crate::file::store::format::{FORMAT, HEADER_BYTES};
use crate::file::store::replay::{Loss, Torn};
use crate::file::store::simulated_disk::{Fault, Operation};
use proptest::prelude::*;

/// Twelve commits in three segments.
fn three_segments() -> (SimulatedDisk, Opened, Vec<Written>) {
    let bodies: Vec<_> = (0..12).map(|n| vec![n + 1; 1500]).collect();
    let (disk, opened, written) = write(&bodies);
    let segments = opened.journal.reader().segments();
    assert_eq!(segments.iter().map(|segment| segment.number).collect::<Vec<_>>(), [1, 2, 3]);
    (disk, opened, written)
}

fn in_segment(written: &[Written], number: u32) -> Vec<Written> {
    written.iter().filter(|frame| frame.location.segment == number).cloned().collect()
}

/// What is lost, by where.
fn losses(opened: &Opened) -> Vec<(u32, Loss)> {
    let damage = &opened.recovered.damage;
    assert_eq!(damage.len() as u64, opened.recovered.damages);
    damage.iter().map(|damage| (damage.location.segment, damage.loss.clone())).collect()
}

/// What is lost when the store is opened now.
fn losses_of(disk: &SimulatedDisk) -> Vec<(u32, Loss)> {
    losses(&open(disk))
}

/// Opens the store, commits one more frame, and opens it again: nothing changes but the new frame.
fn reopens_with(disk: &SimulatedDisk, expected: &[Written]) -> Opened {
    let mut opened = open(disk);
    assert_eq!(opened.frames, expected);
    let more = opened.commit(100, &[b"more".to_vec()], Durability::Sync).unwrap();
    drop(opened);
    let opened = open(disk);
    assert_eq!(opened.frames, [expected, &more[..]].concat());
    opened
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_was_committed_is_read_back(
        lives in prop::collection::vec(prop::collection::vec(
            (prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 1..4), any::<bool>()),
            0..8,
        ), 1..4),
    ) {
        let (disk, mut written) = (SimulatedDisk::new(), Vec::<Written>::new());
        for commits in lives {
            let mut opened = open(&disk);
            prop_assert_eq!(&opened.frames, &written);
            prop_assert!(opened.recovered.torn.is_empty() && opened.recovered.damage.is_empty());
            opened.folder.begin(Durability::Write).unwrap();
            for (bodies, sync) in &commits {
                let durability = if *sync { Durability::Sync } else { Durability::Write };
                written.extend(opened.commit(written.len() as u64, bodies, durability).unwrap());
            }
            for frame in &written {
                for hint in [0, frame.body.len(), 9999] {
                    let read = opened.journal.reader().read(frame.location, hint).unwrap();
                    prop_assert_eq!((read.head, &read.body[..]), (frame.head, &frame.body[..]));
                }
            }
            if commits.len() % 2 == 0 {
                opened.journal.close().unwrap();
                opened.folder.end().unwrap();
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        journal in prop::collection::vec(any::<u8>(), 0..9000),
        progress in prop::option::of(prop::collection::vec(any::<u8>(), 0..9000)),
        at in 0_usize..6000,
    ) {
        let (disk, opened, _) = write(&[vec![1; 500], vec![2; 500]]);
        drop(opened);
        disk.edit(&segment(1), |bytes| {
            bytes.truncate(at);
            bytes.extend_from_slice(&journal);
        });
        if let Some(progress) = progress {
            disk.edit(&Path::new(PATH).join("progress"), |bytes| *bytes = progress);
        }
        drop(try_open(&disk, 10_000));
    }
}

#[test]
fn an_unacknowledged_end_is_dropped_as_a_whole_wherever_it_was_cut() {
    let (disk, mut opened, first) = write(&[vec![1; 50]]);
    let before = disk.edit(&Path::new(PATH).join("progress"), |bytes| bytes.clone());
    let bodies = [vec![2; 30], vec![3; 30], vec![]];
    let second = opened.commit(2, &bodies, Durability::Sync).unwrap();
    drop(opened);
    disk.edit(&Path::new(PATH).join("progress"), |bytes| *bytes = before);
    let end = disk.edit(&segment(1), |bytes| bytes.len());
    let start = second[0].location.at as usize;
    for cut in start..=end {
        for zeros in [0, 300] {
            let disk = disk.copy();
            disk.edit(&segment(1), |bytes| {
                bytes.truncate(cut);
                bytes.resize(cut + zeros, 0);
            });
            let whole = [&first[..], &second].concat();
            let opened = reopens_with(&disk, if cut == end { &whole } else { &first });
            assert_eq!(opened.recovered.damage, [], "cut at {cut}");
        }
        if cut < end {
            let disk = disk.copy();
            disk.edit(&segment(1), |bytes| bytes[cut] ^= 1);
            assert_eq!(open(&disk).frames, first, "a changed byte at {cut}");
        }
    }
}

#[test]
fn a_damaged_commit_counts_where_a_later_one_is_whole() {
    let (disk, mut opened, mut written) = write(&[vec![1; 50]]);
    let progress = Path::new(PATH).join("progress");
    let before = disk.edit(&progress, |bytes| bytes.clone());
    written.extend(opened.commit(2, &[vec![2; 30], vec![3; 30]], Durability::Sync).unwrap());
    written.extend(opened.commit(4, &[vec![4; 30]], Durability::Sync).unwrap());
    drop(opened);
    disk.edit(&progress, |bytes| *bytes = before);
    let lost = written.remove(1);
    for place in [10, 50] {
        let disk = disk.copy();
        disk.edit(&segment(1), |bytes| bytes[lost.location.at as usize + place] ^= 1);
        let opened = open(&disk);
        assert_eq!((&opened.frames, opened.recovered.torn.len()), (&written, 0));
        assert_eq!(losses(&opened).len(), 1);
    }
}

#[test]
fn a_commit_without_its_end_stays_where_a_torn_one_follows() {
    let (disk, mut opened, mut written) = write(&[vec![1; 50]]);
    let progress = Path::new(PATH).join("progress");
    let before = disk.edit(&progress, |bytes| bytes.clone());
    written.extend(opened.commit(2, &[vec![2; 30]], Durability::Sync).unwrap());
    let torn = opened.commit(3, &[vec![3; 30]], Durability::Sync).unwrap()[0].location.at;
    drop(opened);
    disk.edit(&progress, |bytes| *bytes = before);
    disk.edit(&segment(1), |bytes| {
        bytes[torn as usize - 20] ^= 1;
        bytes[torn as usize + 50] ^= 1;
    });
    let opened = open(&disk);
    let [Torn { location, .. }] = opened.recovered.torn[..] else { panic!("no torn commit") };
    assert_eq!((location.at, losses(&opened)), (torn, vec![(1, Loss::Nothing)]));
    drop(opened);
    reopens_with(&disk, &written);
}

#[test]
fn files_of_other_names_are_left_alone() {
    let (disk, opened, written) = write(&[vec![1; 50]]);
    drop(opened);
    let names = ["0000000000.log", "4294967295.log", "9999999999.log", "1.log", "notes"];
    let paths = names.map(|name| Path::new(PATH).join("journal").join(name));
    for path in &paths {
        disk.create(path).unwrap();
    }
    reopens_with(&disk, &written);
    assert!(paths.iter().all(|path| disk.paths().contains(path)));
}

#[test]
fn an_acknowledged_end_that_is_missing_is_reported_wherever_it_was_cut() {
    let (disk, opened, written) = write(&[vec![1; 50], vec![2; 30], vec![3; 30]]);
    drop(opened);
    let end = disk.edit(&segment(1), |bytes| bytes.len());
    for cut in 0..end {
        let disk = disk.copy();
        disk.edit(&segment(1), |bytes| bytes.truncate(cut));
        let complete = |frame: &&Written| frame.location.at as usize + 40 + frame.body.len() <= cut;
        let expected: Vec<_> = written.iter().filter(complete).cloned().collect();
        let again = reopens_with(&disk, &expected);
        assert_ne!(again.recovered.damages, 0, "cut at {cut}: reported at each opening");
    }
}

#[test]
fn one_flipped_bit_costs_one_frame_at_most_and_is_reported() {
    let bodies: Vec<_> = (0..5).map(|n| vec![n; 10 + n as usize]).collect();
    let (disk, opened, mut written) = write(&bodies);
    let mut opened = {
        drop(opened);
        try_open(&disk, 4200).unwrap()
    };
    written.extend(opened.commit(6, &[vec![6; 20], vec![7; 9]], Durability::Sync).unwrap());
    opened.journal.close().unwrap();
    for number in [1, 2] {
        let len = disk.edit(&segment(number), |bytes| bytes.len());
        // The bytes of a header between and after its copies mean nothing.
        for at in (0..80).chain(2048..2128).chain(HEADER_BYTES as usize..len) {
            for bit in 0..8 {
                let disk = disk.copy();
                disk.edit(&segment(number), |bytes| bytes[at] ^= 1 << bit);
                let opened = open(&disk);
                let name = format!("segment {number}, byte {at}, bit {bit}");
                let hit = written.iter().position(|frame| {
                    let start = frame.location.at as usize;
                    let frame_bytes = start..start + 40 + frame.body.len();
                    frame.location.segment == number && frame_bytes.contains(&at)
                });
                let mut expected = written.clone();
                if let Some(hit) = hit {
                    let lost = expected.remove(hit);
                    let loss = losses(&opened).remove(0).1;
                    let in_body = at >= lost.location.at as usize + 40;
                    match loss {
                        Loss::Frame(head) => assert!(in_body && head == lost.head, "{name}"),
                        Loss::Frames { count: Some(1), .. } => assert!(!in_body, "{name}"),
                        loss => panic!("{name}: {loss:?}"),
                    }
                } else {
                    assert_eq!(losses(&opened), [(number, Loss::Nothing)], "{name}");
                }
                assert_eq!(opened.frames, expected, "{name}");
            }
        }
    }
}

#[test]
fn one_flipped_bit_in_the_progress_costs_nothing() {
    let (disk, opened, written) = write(&[vec![1; 9], vec![2; 9]]);
    opened.journal.close().unwrap();
    let progress = Path::new(PATH).join("progress");
    for closed in [false, true] {
        if closed {
            opened.folder.end().unwrap();
        }
        for bit in (0..3).flat_map(|slot| slot * 4096 * 8..(slot * 4096 + 72) * 8) {
            let disk = disk.copy();
            disk.edit(&progress, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let opened = open(&disk);
            assert_eq!(opened.frames, written);
            // Of a killed store it might have been the newest slot.
            let is_doubtful = !closed && bit < 8192 * 8;
            let expected = if is_doubtful { vec![(1, Loss::Progress)] } else { vec![] };
            assert_eq!(losses(&opened), expected, "bit {bit}, closed: {closed}");
        }
    }
}

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
    opened.commit(1, &[vec![]], Durability::Sync).unwrap();
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
fn zeros_in_the_middle_cost_what_they_hit() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    let hit = &in_segment(&written, 2)[1];
    let at = hit.location.at as usize;
    disk.edit(&segment(2), |bytes| bytes[at..at + 1000].fill(0));
    assert_eq!(losses_of(&disk), [(2, Loss::Frames { commits: 6..=6, count: Some(1) })]);
    let others: Vec<_> = written.iter().filter(|frame| *frame != hit).cloned().collect();
    reopens_with(&disk, &others);
}

#[test]
fn blocks_that_the_disk_cannot_read_cost_what_is_in_them() {
    let (disk, opened, written) = three_segments();
    drop(opened);
    let hit = &in_segment(&written, 2)[1];
    let at = u64::from(hit.location.at) + 500;
    disk.set_plan(move |path, operation| match operation {
        Operation::Read { at: from, bytes } if path == segment(2) => {
            (from..from + bytes as u64).contains(&at).then_some(Fault::Error)
        }
        _ => None,
    });
    let opened = open(&disk);
    assert!(opened.recovered.damages > 0);
    assert!(opened.frames.len() >= written.len() - 4 && !opened.frames.contains(hit));
    let error = opened.journal.reader().read(hit.location, 0).unwrap_err().to_string();
    assert!(error.contains("0000000002.log"), "{error}");
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
    opened.commit(4, &[vec![]], Durability::Sync).unwrap();
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
