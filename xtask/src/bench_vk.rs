//! What an answer of VK's user long poll costs to decode: ours beside Go's vksdk, on the same bytes.

use crate::tools::{Done, cargo, command, output, root, run};
use std::path::Path;
use std::process::Command;

const PROGRAM: &str = "xtask/vk-bench/go";
const BUILT: &str = "target/vk-bench";
/// Updates of an answer.
const SIZES: &[u32] = &[100, 1_000];
/// Each contestant has its turn in each round, so that what else the machine does meets both.
const ROUNDS: usize = 15;
const SECONDS: &str = "0.4";

/// Builds both, writes the answers, and prints the medians of the rounds.
pub fn table() -> Done {
    let built = root().join(BUILT);
    std::fs::create_dir_all(&built).map_err(|error| format!("{}: {error}", built.display()))?;
    let program = built.join("vksdk");
    let mut build = command("go", &["build", "-o"]);
    build.arg(&program).arg(".").current_dir(root().join(PROGRAM));
    run(build.env("GOFLAGS", "-mod=readonly").env("GOTOOLCHAIN", "local"))?;

    // By itself it sets `serde_json::Value` beside ours.
    run(&mut ours())?;
    run(ours().args(["--", "write"]).arg(&built))?;

    let vksdk = |file: &Path| {
        let mut measure = command(&program.to_string_lossy(), &[]);
        measure.arg(file).arg(SECONDS);
        measure
    };
    println!("\n{:>7}  {:<8}{:>12}{:>16}", "updates", "", "µs", "ns an update");
    for size in SIZES {
        let file = built.join(format!("{size}.json"));
        let empty = built.join("0.json");
        let mut figures = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            figures[0].push(nanos(ours().args(["--", "measure"]).arg(&file).arg(SECONDS))?);
            // Without what its polls cost that have nothing in them.
            figures[1].push(nanos(&mut vksdk(&file))? - nanos(&mut vksdk(&empty))?);
        }
        let [ours, theirs] = figures.map(median);
        for (name, nanos) in [("ours", ours), ("vksdk", theirs)] {
            let each = nanos / f64::from(*size);
            println!("{size:>7}  {name:<8}{:>12.1}{each:>16.0}", nanos / 1e3);
        }
        println!("{size:>7}  vksdk takes {:.1} times as long", theirs / ours);
    }
    Ok(())
}

fn ours() -> Command {
    cargo(&["bench", "--quiet", "--package", "vk-longpoll", "--bench", "decode"])
}

/// What an answer costs, from a program's line.
fn nanos(program: &mut Command) -> Result<f64, String> {
    let line = output(program)?;
    let told: serde_json::Value =
        serde_json::from_str(&line).map_err(|error| format!("{line:?}: {error}"))?;
    told["ns"].as_f64().ok_or_else(|| format!("no ns in {line:?}"))
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
