//! Taking turns.

use std::time::{Duration, Instant};

/// One sample: long enough for the clock, shorter than the slices that a scheduler gives, so that
/// most samples are undisturbed even on a busy machine.
const SAMPLE: Duration = Duration::from_millis(2);

pub(crate) type Contestant<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

/// The passes a second that each contestant made, round by round.
pub(crate) struct Samples(Vec<Vec<f64>>);

impl Samples {
    /// The median of a contestant.
    pub(crate) fn median(&self, who: usize) -> f64 {
        median(self.0[who].clone())
    }

    /// The median of what a contestant made of another one's passes in the same round: what slows
    /// the machine for a while slows both.
    pub(crate) fn ratio(&self, who: usize, other: usize) -> f64 {
        median(self.0[who].iter().zip(&self.0[other]).map(|(a, b)| a / b).collect())
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Lets the contestants take turns.
pub(crate) fn run(contestants: &mut [Contestant<'_>], rounds: usize) -> Samples {
    let repeats: Vec<u32> = contestants.iter_mut().map(|(_, pass)| calibrate(pass)).collect();
    let mut samples = vec![Vec::with_capacity(rounds); contestants.len()];
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let who = (round + turn) % contestants.len();
            let pass = &mut contestants[who].1;
            let start = Instant::now();
            for _ in 0..repeats[who] {
                std::hint::black_box(pass());
            }
            samples[who].push(f64::from(repeats[who]) / start.elapsed().as_secs_f64());
        }
    }
    Samples(samples)
}

/// How many passes fill a sample.
fn calibrate(pass: &mut dyn FnMut() -> usize) -> u32 {
    pass();
    let start = Instant::now();
    let mut passes = 0_u32;
    while start.elapsed() < SAMPLE {
        std::hint::black_box(pass());
        passes += 1;
    }
    passes.max(1)
}

/// A Markdown table with the columns aligned.
pub(crate) fn print(head: &[&str], rows: &[Vec<String>]) {
    println!("| {} |", head.join(" | "));
    println!("|{}|", vec!["---"; head.len()].join("|"));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}
