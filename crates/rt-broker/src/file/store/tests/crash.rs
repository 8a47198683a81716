//! Random lives of a journal that end in power cuts, kills and failures of the disk, against a model
//! of what was acknowledged.

use super::*;
use crate::file::store::simulated_disk::{Fault, Operation};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// The fate of a commit.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    /// It was acknowledged, and is on the disk.
    Durable,
    /// It was acknowledged, and the operating system has it.
    Written,
    /// It was acknowledged, and then a sync failed: a power cut may take it, now and later.
    Unsafe,
    /// It failed, and nothing was acknowledged after it.
    Uncertain,
    /// It failed, but the progress may name it, so that it counts as safe when it is not.
    Failed,
    /// It failed, and what was acknowledged after it was not synced: only a power cut may bring it
    /// back, together with the loss of what came after.
    Void,
    /// It failed, and what was acknowledged after it is on the disk: it is back only where a sync
    /// failed before, and a power cut took the headers of segments that were not synced.
    Gone,
    /// Removing it failed.
    Removed,
}

#[derive(Clone, Debug)]
struct ModelCommit {
    fate: Fate,
    frames: Vec<(u64, Vec<u8>)>,
}

/// The commits that may be there, by the offset of their first frame.
type Model = BTreeMap<u64, ModelCommit>;

/// How a life ends.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Closed,
    Killed,
    PowerCut,
}

/// Checks what was recovered. `may_be_damaged` becomes true once commits that were not synced met a
/// power cut, since damage is reported at each opening.
fn check(
    model: &mut Model,
    may_be_damaged: &mut bool,
    opened: &Opened,
    (last_end, power_cut, durability): (End, bool, CommitDurability),
    name: &str,
) {
    let mut found = opened.frames.iter().map(|frame| (frame.head.offset, &frame.body)).peekable();
    let has_unsafe = model.values().any(|commit| commit.fate == Fate::Unsafe);
    let may_lose = power_cut && last_end != End::Closed && durability == CommitDurability::Write;
    let mut kept = Model::new();
    for (first, commit) in &*model {
        let mut here = Vec::new();
        for (offset, body) in &commit.frames {
            if let Some((_, found_body)) = found.next_if(|(found, _)| found == offset) {
                assert_eq!(body, found_body, "{name}: the body of {offset}");
                here.push((*offset, body.clone()));
            }
        }
        let whole = here.len() == commit.frames.len();
        match commit.fate {
            Fate::Durable => assert!(whole, "{name}: durable commit {first} is lost"),
            Fate::Written if may_lose => {}
            Fate::Written => assert!(whole, "{name}: written commit {first} is lost"),
            Fate::Unsafe => assert!(whole || power_cut, "{name}: unsafe commit {first} is lost"),
            Fate::Void => assert!(here.is_empty() || may_lose, "{name}: {first} is back"),
            Fate::Gone => {
                assert!(here.is_empty() || power_cut && has_unsafe, "{name}: {first} is back");
            }
            Fate::Uncertain | Fate::Failed => {
                assert!(whole || here.is_empty() || may_lose, "{name}: commit {first} is torn");
            }
            Fate::Removed => {}
        }
        let failed = [Fate::Uncertain, Fate::Failed, Fate::Void, Fate::Gone];
        if here.is_empty() && failed.contains(&commit.fate) {
            kept.insert(*first, ModelCommit { fate: Fate::Gone, ..commit.clone() });
        }
        if !here.is_empty() {
            let safe = [Fate::Durable, Fate::Written, Fate::Uncertain].contains(&commit.fate);
            let fate = if safe || power_cut { Fate::Durable } else { Fate::Unsafe };
            kept.insert(*first, ModelCommit { fate, frames: here });
        }
    }
    assert_eq!(found.next(), None, "{name}: frames that nobody committed, or out of order");
    *may_be_damaged |= may_lose || has_unsafe;
    if !*may_be_damaged {
        assert_eq!(opened.recovered.damage, [], "{name}: damage without a cause");
    }
    *model = kept;
}

fn run(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let disk = SimulatedDisk::new();
    let (mut model, mut next, mut damaged) = (Model::new(), 1, false);
    let (mut last_end, mut durability) = (End::Closed, CommitDurability::Sync);
    for life in 0..4 {
        let name = format!("seed {seed}, life {life} after {last_end:?} of {durability:?}");
        let mut power_cut = last_end == End::PowerCut;
        if rng.bool() {
            power_cut |= interrupt_opening(&disk, &mut rng);
            after_sync(&mut model, false);
        }
        let mut opened =
            try_open(&disk, 5000).unwrap_or_else(|error| panic!("{name}: cannot open: {error}"));
        check(&mut model, &mut damaged, &opened, (last_end, power_cut, durability), &name);
        durability = if rng.bool() { CommitDurability::Sync } else { CommitDurability::Write };
        // What recovery means is committed before the store is in use.
        commit(&mut opened, &mut model, &mut next, &mut rng, CommitDurability::Sync);
        opened.folder.begin(durability).unwrap();
        let mut faults = fastrand::Rng::with_seed(rng.u64(..));
        let rate = [0.0, 0.02, 0.2][rng.usize(..3)];
        let stops_after = rng.usize(..400);
        let mut calls = 0;
        // A write that fails may have arrived: then the progress names a commit that failed.
        let failed = Arc::new(AtomicBool::new(false));
        let progress_failed = failed.clone();
        disk.set_plan(move |path, operation| {
            calls += 1;
            let fails = calls > stops_after || faults.f64() < rate;
            if !fails || matches!(operation, Operation::Read { .. }) {
                return None;
            }
            if path.ends_with("progress") {
                progress_failed.store(true, Ordering::Relaxed);
            }
            let bytes = faults.usize(..6000);
            Some([Fault::Error, Fault::Short(bytes), Fault::Full(bytes)][faults.usize(..3)])
        });
        for _ in 0..rng.usize(..60) {
            match rng.u8(..10) {
                0 => {
                    let synced = opened.journal.sync();
                    after_sync(&mut model, synced.is_ok());
                }
                1 => clean(&mut opened, &mut model),
                _ => {
                    let durability =
                        if rng.u8(..4) == 0 { CommitDurability::Sync } else { durability };
                    commit(&mut opened, &mut model, &mut next, &mut rng, durability);
                }
            }
        }
        disk.clear_plan();
        if failed.load(Ordering::Relaxed) {
            damaged = true;
            for commit in model.values_mut().filter(|commit| commit.fate == Fate::Uncertain) {
                commit.fate = Fate::Failed;
            }
        }
        last_end = [End::Closed, End::Killed, End::PowerCut][rng.usize(..3)];
        let Opened { folder, journal, .. } = opened;
        if last_end == End::Closed {
            journal.close().unwrap();
            folder.end().unwrap();
            after_sync(&mut model, true);
            for commit in model.values_mut() {
                if matches!(commit.fate, Fate::Uncertain | Fate::Failed | Fate::Void) {
                    commit.fate = Fate::Gone;
                }
            }
        } else if last_end == End::PowerCut {
            disk.power_cut(rng.u64(..));
        }
    }
}

/// Opens the store while the disk fails after some calls, and perhaps cuts the power then.
fn interrupt_opening(disk: &SimulatedDisk, rng: &mut fastrand::Rng) -> bool {
    let (mut calls, stops_after) = (0, rng.usize(..20));
    disk.set_plan(move |_, _| {
        calls += 1;
        (calls > stops_after).then_some(Fault::Error)
    });
    drop(try_open(disk, 5000));
    disk.clear_plan();
    let power_cut = rng.bool();
    if power_cut {
        disk.power_cut(rng.u64(..));
    }
    power_cut
}

fn commit(
    opened: &mut Opened,
    model: &mut Model,
    next: &mut u64,
    rng: &mut fastrand::Rng,
    durability: CommitDurability,
) {
    let first = *next;
    let body = |rng: &mut fastrand::Rng| (0..rng.usize(..900)).map(|_| rng.u8(..)).collect();
    let bodies: Vec<Vec<u8>> = (0..rng.usize(1..5)).map(|_| body(rng)).collect();
    *next += bodies.len() as u64;
    let done = opened.commit(first, &bodies, durability);
    let fate = match (&done, durability) {
        (Err(_), _) => Fate::Uncertain,
        (Ok(_), CommitDurability::Sync) => Fate::Durable,
        (Ok(_), CommitDurability::Write) => Fate::Written,
    };
    if done.is_ok() {
        for commit in model.values_mut().filter(|commit| commit.fate == Fate::Uncertain) {
            commit.fate = Fate::Void;
        }
    }
    if done.is_err() || durability == CommitDurability::Sync {
        after_sync(model, done.is_ok());
    }
    model.insert(first, ModelCommit { fate, frames: (first..).zip(bodies).collect() });
}

fn after_sync(model: &mut Model, succeeded: bool) {
    for commit in model.values_mut() {
        commit.fate = match commit.fate {
            Fate::Void if succeeded => Fate::Gone,
            Fate::Written if succeeded => Fate::Durable,
            Fate::Written => Fate::Unsafe,
            fate => fate,
        };
    }
}

/// Removes the oldest segment, with what is in it.
fn clean(opened: &mut Opened, model: &mut Model) {
    let segments = opened.journal.reader().segments();
    if segments.len() < 4 {
        return;
    }
    let mut removed = Vec::new();
    let (oldest, mut from) = (segments[0].number, Some(0));
    while let Some(at) = from {
        let visit = |frame: crate::file::store::replay::Frame<'_>| removed.push(frame.head.offset);
        from = opened.journal.reader().scan(oldest, at, 100, visit).unwrap();
    }
    let removal = opened.journal.remove_oldest(oldest);
    after_sync(model, removal.is_ok());
    for commit in model.values_mut() {
        if commit.frames.iter().any(|(offset, _)| removed.contains(offset)) {
            commit.fate = Fate::Removed;
        }
    }
    if let Ok(removal) = removal {
        model.retain(|_, commit| commit.fate != Fate::Removed);
        let _ = removal.run();
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_a_crash() {
    let seeds = std::env::var("CRASH_SEEDS").map_or(300, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        run(seed);
    }
}
