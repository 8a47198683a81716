//! The cost of a commit of the journal beside that of an append to a plain file: 64 publications of 100 bytes
//! a commit, each on the disk when the call returns. Ten slices by turns, since a disk says different
//! things a minute later.
//!
//! `cargo bench -p rt-broker --features simulation --bench journal [-- SECONDS]`

use rt_broker::simulation::RawJournal;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

fn measure(name: &str, slice: Duration, mut commit: impl FnMut()) {
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < slice {
        let began = Instant::now();
        commit();
        times.push(began.elapsed());
    }
    let rate = times.len() as f64 / started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let (median, late, last) = (at(0.5), at(0.99), at(1.0));
    println!("{name:9} {rate:6.0} commits/s  p50 {median:6.3}  p99 {late:6.2}  max {last:6.1} ms");
}

fn main() {
    // Cargo adds `--bench`.
    let seconds = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(3.0);
    let slice = Duration::from_secs_f64(seconds);
    let bodies = vec![vec![b'x'; 100]; 64];
    let lines = [&[b'x'; 100][..], b"\n"].concat().repeat(64);
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let mut file = File::create(folder.path().join("plain")).expect("it is new");
    let mut appended = RawJournal::open(&folder.path().join("appended"), false);
    let mut prepared = RawJournal::open(&folder.path().join("prepared"), true);
    // The first segment is never prepared.
    while prepared.bytes() < 80 << 20 {
        prepared.commit(&bodies);
    }
    for _ in 0..10 {
        measure("plain", slice, || {
            file.write_all(&lines).and_then(|()| file.sync_data()).expect("the disk has room");
        });
        measure("appended", slice, || appended.commit(&bodies));
        measure("prepared", slice, || prepared.commit(&bodies));
    }
}
