//! This crate beside its peers, in one run: `cargo bench -p sse-codec`.
//!
//! A machine is noisy, so the contestants take turns in short samples, round after round in another
//! order, and the tables show the medians. An argument picks the workloads whose name contains it; `ROUNDS`
//! sets the number of rounds, and `ONLY` runs one contestant alone, for a profiler.
#![allow(missing_docs)]

mod decoding;
mod encoding;
mod rounds;
mod workloads;

fn main() {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(101);

    println!("\nDecoding, MiB/s (median of {rounds} rounds; higher is better)\n");
    decoding::table(&filter, rounds);
    println!("\nEncoding, million events/s (median of {rounds} rounds; higher is better)\n");
    encoding::table(&filter, rounds);
}
