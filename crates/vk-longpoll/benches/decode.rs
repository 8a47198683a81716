//! What decoding an answer of the user long poll costs: typed, beside `serde_json::Value` alone.
//!
//! `cargo bench -p vk-longpoll --bench decode`. The contestants take turns in short samples, and the
//! table shows the medians; `ROUNDS` sets their number. `-- write DIR` writes the answers there, and
//! `-- measure FILE SECONDS` prints the nanoseconds that an answer costs: `cargo xtask bench vk` sets
//! them beside those of Go's vksdk.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::Value;
use vk_longpoll::user::{Answer, EventKind};

/// A sample lasts about so long: enough that the clock does not matter.
const SAMPLE: Duration = Duration::from_millis(2);

fn main() {
    // Cargo itself adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", folder] => {
            for updates in [0, 100, 1_000] {
                std::fs::write(format!("{folder}/{updates}.json"), answer(updates)).unwrap();
            }
        }
        ["measure", file, seconds] => measure(&std::fs::read(file).unwrap(), seconds),
        _ => tables(),
    }
}

fn tables() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(301);
    println!("Decoding an answer (median of {rounds} rounds)\n");
    println!("updates    bytes  step                        µs   ns an update   MB/s   of Value");
    for updates in [100, 1_000] {
        table(updates, rounds);
    }
}

/// What is measured, by its name.
type Step<'a> = (&'a str, Box<dyn FnMut() + 'a>);

fn table(updates: usize, rounds: usize) {
    let body = answer(updates);
    let mut steps: [Step<'_>; 2] = [
        ("Value alone", Box::new(|| drop(black_box(value(black_box(&body)))))),
        ("Answer::decode", Box::new(|| drop(black_box(typed(black_box(&body)))))),
    ];
    let mut repeats = Vec::new();
    for (_, step) in &mut steps {
        let start = Instant::now();
        (0..20).for_each(|_| step());
        let one = start.elapsed().as_secs_f64() / 20.0;
        repeats.push((SAMPLE.as_secs_f64() / one).ceil().max(1.0));
    }
    let mut samples = vec![Vec::new(); steps.len()];
    for round in 0..rounds {
        for turn in 0..steps.len() {
            let index = (round + turn) % steps.len();
            let start = Instant::now();
            (0..repeats[index] as usize).for_each(|_| steps[index].1());
            samples[index].push(start.elapsed().as_secs_f64() / repeats[index]);
        }
    }
    let medians: Vec<f64> = samples.iter_mut().map(|all| median(all)).collect();
    for ((step, _), seconds) in steps.iter().zip(&medians) {
        let (micros, nanos) = (seconds * 1e6, seconds * 1e9 / updates as f64);
        let (bytes, speed, share) =
            (body.len(), body.len() as f64 / seconds / 1e6, seconds / medians[0]);
        println!(
            "{updates:>7} {bytes:>8}  {step:<20} {micros:>9.1} {nanos:>14.0} {speed:>6.0} {share:>10.2}"
        );
    }
}

/// Decodes for a while, and prints what an answer costs.
fn measure(body: &[u8], seconds: &str) {
    let end = Duration::from_secs_f64(seconds.parse().unwrap());
    let start = Instant::now();
    let mut answers = 0_u64;
    while start.elapsed() < end {
        (0..10).for_each(|_| drop(black_box(typed(black_box(body)))));
        answers += 10;
    }
    println!("{{\"ns\":{}}}", start.elapsed().as_nanos() as u64 / answers);
}

fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

/// All of it: that a row is neither unknown nor odd is part of the work.
fn typed(body: &[u8]) -> Answer {
    let answer = Answer::decode(body).unwrap();
    let Answer::Updates(updates) = &answer else { panic!("a failure") };
    for event in &updates.events {
        assert!(
            !matches!(event.kind, EventKind::Malformed(_) | EventKind::Unknown(_)),
            "{event:?}"
        );
    }
    answer
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The samples, as an account in a few chats sees them: half are messages and their edits, the rest
/// what is read, typed, marked, and who is there. `#` is a number that differs from row to row. Each
/// row is of a form that vksdk takes.
const MIX: &[&str] = &[
    r#"[4,#,532481,2000000052,156512#,"Ну что, во сколько завтра встречаемся?",{"from":"100#"},{}]"#,
    r#"[61,100#,1]"#,
    r#"[4,#,49,100#,156512#,"hello",{"title":" ... "},{"attach1_type":"photo","attach1":"100007_#","attach2_type":"audio","attach2":"100007_#"}]"#,
    r#"[6,2000000052,#,0]"#,
    r#"[4,#,532481,2000000017,156512#,"",{"from":"100#"},{"attach1_product_id":"380","attach1_type":"sticker","attach1":"1#"}]"#,
    r#"[7,100#,#,1]"#,
    r#"[80,12,0,0,3]"#,
    r#"[4,#,8243,2000000052,156512#,"ок",{"from":"100#","emoji":"1"},{},-12#]"#,
    r#"[8,-100#,7,156512#,3140623]"#,
    r#"[4,#,532481,2000000269,156512#,"I have read the whole thread &amp; I think that we should wait for a week, then ask again.<br><br>Is Tuesday &quot;fine&quot; for all of you?",{"from":"100#","mentions":[100119,100#]},{"fwd":"0_0","reply":"{\"conversation_message_id\":#}"},98#]"#,
    r#"[3,#,1,2000000052]"#,
    r#"[63,[100#,100119],2000000052,2,156512#]"#,
    r#"[5,#,532481,2000000017,156512#,"текст &lt;b&gt; 🌚<br>line",{"emoji":"1","title":"","from":"100#"},{}]"#,
    r#"[9,-100#,1,156512#]"#,
    r#"[4,#,532481,2000000269,156512#,"",{"fwd_all_count":"0","fwd_count":"1","from":"100#","mentions":[100119]},{"attach1_type":"audio","attach1":"100140_#","fwd":"0_0"}]"#,
    r#"[2,#,128,100#]"#,
    r#"[4,#,35,100#,156512#,"https://example.org/a/long/path?with=a&amp;query=#",{"title":" ... "},{"attach1_type":"link","attach1_url":"https://example.org/a/long/path","attach1_title":"A page about something","attach1_desc":"It has a description of some length, as pages have","attach1_photo":"2000000_#"},#]"#,
    r#"[10,2000000052,16384]"#,
    r#"[52,6,2000000269,100#]"#,
    r#"[4,#,532481,2000000001,156512#,"",{"source_act":"chat_invite_user","source_mid":"100#","from":"100#"},{}]"#,
    r#"[21,2000000052,#]"#,
    r#"[64,2000000052,[100#],1,156512#]"#,
];

fn answer(updates: usize) -> Vec<u8> {
    let mut number = 1_000;
    let mut rows = Vec::new();
    for row in MIX.iter().cycle().take(updates) {
        let mut filled = String::new();
        for (at, part) in row.split('#').enumerate() {
            if at > 0 {
                number += 7;
                write!(filled, "{number}").unwrap();
            }
            filled.push_str(part);
        }
        rows.push(filled);
    }
    format!(r#"{{"ts":1820350874,"pts":10234,"updates":[{}]}}"#, rows.join(",")).into_bytes()
}
