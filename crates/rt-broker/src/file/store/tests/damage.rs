//! Recovery from damaged bytes in a segment.

use super::*;
use crate::file::store::disk::Disk;
use crate::file::store::format::HEADER_BYTES;
use crate::file::store::replay::{Loss, Torn};
use crate::file::store::simulated_disk::{Fault, Operation};
use proptest::prelude::*;

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
            opened.folder.begin(CommitDurability::Write).unwrap();
            for (bodies, sync) in &commits {
                let durability = if *sync { CommitDurability::Sync } else { CommitDurability::Write };
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
    let second = opened.commit(2, &bodies, CommitDurability::Sync).unwrap();
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
    written.extend(opened.commit(2, &[vec![2; 30], vec![3; 30]], CommitDurability::Sync).unwrap());
    written.extend(opened.commit(4, &[vec![4; 30]], CommitDurability::Sync).unwrap());
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
    written.extend(opened.commit(2, &[vec![2; 30]], CommitDurability::Sync).unwrap());
    let torn = opened.commit(3, &[vec![3; 30]], CommitDurability::Sync).unwrap()[0].location.at;
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
    written.extend(opened.commit(6, &[vec![6; 20], vec![7; 9]], CommitDurability::Sync).unwrap());
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
