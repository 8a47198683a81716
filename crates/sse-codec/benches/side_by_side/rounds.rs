//! Taking turns.

use std::time::{Duration, Instant};

/// One sample: long enough for the clock, short enough that a disturbance hits few of them.
const SAMPLE: Duration = Duration::from_millis(8);

pub(crate) type Contestant<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

/// The median of the passes a second that each contestant makes.
pub(crate) fn medians(contestants: &mut [Contestant<'_>], rounds: usize) -> Vec<f64> {
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
    samples
        .into_iter()
        .map(|mut samples| {
            samples.sort_by(f64::total_cmp);
            samples[samples.len() / 2]
        })
        .collect()
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
