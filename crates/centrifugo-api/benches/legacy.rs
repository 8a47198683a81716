//! What a legacy batch of 100 publications costs: encoding beside bare signing of the same bytes.
//!
//! `cargo bench -p centrifugo-api --bench legacy`. The contestants take turns in short samples, and
//! the table shows the medians; `ROUNDS` sets their number.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use centrifugo_api::Payload;
use centrifugo_api::legacy::{Client, generate_api_sign};

const COMMANDS: usize = 100;
/// Batches a sample: enough that the clock does not matter.
const BATCHES: usize = 20;

/// What users publish: a few fields; a text with markup, of which Go escapes much; rows of a table.
fn workloads() -> [(&'static str, String); 3] {
    let small = r#"{"user":"42","text":"hello, world","at":1430669930}"#.to_owned();
    let markup = r#"{"html":"<p>one &amp; <b>two</b></p><p>three</p>"}"#.to_owned();
    let rows: Vec<_> =
        (0..20).map(|n| format!(r#"{{"id":{n},"name":"row number {n}","ok":true}}"#)).collect();
    [("small", small), ("markup", markup), ("rows", format!("[{}]", rows.join(",")))]
}

/// What is measured, by its name.
type Step<'a> = (&'a str, Box<dyn FnMut() + 'a>);

fn main() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(101);
    println!("A batch of {COMMANDS} publications (median of {rounds} rounds)\n");
    println!("payload  step                             ns a command      MB/s   of signing alone");
    for (name, data) in workloads() {
        table(name, &data, rounds);
    }
}

fn table(name: &str, data: &str, rounds: usize) {
    let client = Client::insecure("http://127.0.0.1:9", Duration::from_secs(1));
    let mut client = client.unwrap();
    let ready = Payload::raw(data);
    fill(&mut client, || ready.clone());
    let body = serde_json::to_vec(&client.commands()).unwrap();
    client.reset();

    let sign = |body: &[u8]| {
        black_box(generate_api_sign("secret", black_box(body)));
    };
    let mut steps: [Step<'_>; 3] = [
        ("signing alone", Box::new(|| sign(&body))),
        ("encoding, signing as many bytes", {
            let mut client =
                Client::insecure("http://127.0.0.1:9", Duration::from_secs(1)).unwrap();
            let ready = &ready;
            let body = &body;
            Box::new(move || {
                fill(&mut client, || ready.clone());
                sign(body);
                client.reset();
            })
        }),
        ("the same from text, checked", {
            let body = &body;
            Box::new(move || {
                fill(&mut client, || Payload::raw(data));
                sign(body);
                client.reset();
            })
        }),
    ];
    let mut samples = vec![Vec::new(); steps.len()];
    for round in 0..rounds {
        for turn in 0..steps.len() {
            let index = (round + turn) % steps.len();
            let start = Instant::now();
            (0..BATCHES).for_each(|_| steps[index].1());
            samples[index].push(start.elapsed().as_secs_f64() / BATCHES as f64);
        }
    }
    let medians: Vec<f64> = samples.iter_mut().map(|all| median(all)).collect();
    for ((step, _), seconds) in steps.iter().zip(&medians) {
        let nanos = seconds * 1e9 / COMMANDS as f64;
        let speed = body.len() as f64 / seconds / 1e6;
        let share = seconds / medians[0];
        println!("{name:<8} {step:<31} {nanos:>13.0} {speed:>9.0} {share:>12.2}");
    }
}

fn fill(client: &mut Client, data: impl Fn() -> Payload) {
    for _ in 0..COMMANDS {
        client.add_publish(black_box("public:chat"), data()).unwrap();
    }
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
