//! What a publish to Centrifugo costs its client: ours beside gocent and both clients named cent.

use crate::interop::centrifugo_program;
use crate::tools::{Done, cargo, command, output, root, run};
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const PROGRAMS: &str = "xtask/centrifugo-bench";
const BUILT: &str = "target/centrifugo-bench";
const MODES: &[&str] = &["one", "batch", "concurrent"];
/// Bytes of one publication's JSON.
const SIZES: &[&str] = &["64", "1024"];
/// Each client has its turn in each round, so that what else the machine does meets them all.
const ROUNDS: usize = 5;
/// It makes its batches of single calls.
const JOINED: &str = "ours multi joined";
const SECONDS: &str = "1.5";

/// Builds all, starts a server, and prints the medians of the rounds.
pub fn table() -> Done {
    let clients = clients()?;
    let server = Server::start()?;
    let url = format!("http://127.0.0.1:{}/api", server.port);
    println!(
        "\n{:<12}{:>6} {:<18}{:>14}{:>18}",
        "mode", "bytes", "client", "publishes/s", "CPU µs/publish"
    );
    for (mode, bytes) in MODES.iter().flat_map(|mode| SIZES.iter().map(move |bytes| (mode, bytes)))
    {
        let mut figures: BTreeMap<usize, Vec<[f64; 2]>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for (at, (name, program)) in clients.iter().enumerate() {
                if *name == JOINED && *mode == "batch" {
                    continue;
                }
                let (first, rest) = program.split_first().ok_or("no program")?;
                let mut measure = command(first, &[]);
                measure.args(rest).args([&url, "key", mode, bytes, SECONDS]);
                figures.entry(at).or_default().push(told(&output(&mut measure)?)?);
            }
        }
        for (at, mut rounds) in figures {
            let [rate, cpu] = [0, 1].map(|column| median(&mut rounds, column));
            println!("{mode:<12}{bytes:>6} {:<18}{rate:>14.0}{cpu:>18.2}", clients[at].0);
        }
    }
    Ok(())
}

/// The clients with their programs, built.
fn clients() -> Result<Vec<(&'static str, Vec<String>)>, String> {
    let built = root().join(BUILT);
    let path = |path: PathBuf| path.to_string_lossy().into_owned();

    let go = built.join("gocent");
    let mut build = command("go", &["build", "-o"]);
    build.arg(&go).arg(".").current_dir(root().join(PROGRAMS).join("go"));
    run(build.env("GOFLAGS", "-mod=readonly").env("GOTOOLCHAIN", "local"))?;

    let venv = built.join("venv");
    let python = venv.join("bin/python");
    if !python.is_file() {
        run(command("python3", &["-m", "venv"]).arg(&venv))?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    let requirements = format!("{PROGRAMS}/python/requirements.txt");
    run(command(&path(python.clone()), &install).arg(requirements))?;

    let manifest = format!("{PROGRAMS}/rust/Cargo.toml");
    let mut build = cargo(&["build", "--release", "--locked", "--manifest-path", &manifest]);
    run(build.arg("--target-dir").arg(&built))?;
    let rust = path(built.join("release/centrifugo-bench"));

    let bench = path(root().join(PROGRAMS).join("python/bench.py"));
    let ours = |client: &str, runtime: &str| vec![rust.clone(), client.into(), runtime.into()];
    Ok(vec![
        ("gocent", vec![path(go)]),
        ("cent.py", vec![path(python), bench]),
        ("cent.rs current", ours("cent", "current")),
        ("ours current", ours("ours", "current")),
        ("cent.rs multi", ours("cent", "multi")),
        ("ours multi", ours("ours", "multi")),
        (JOINED, ours("ours-joined", "multi")),
    ])
}

/// Publishes a second and microseconds a publish, from a program's line.
fn told(line: &str) -> Result<[f64; 2], String> {
    let told: serde_json::Value =
        serde_json::from_str(line).map_err(|error| format!("{line:?}: {error}"))?;
    let number = |name: &str| told[name].as_f64().ok_or_else(|| format!("no {name} in {line:?}"));
    let publishes = number("publishes")?;
    Ok([publishes / number("seconds")?, number("cpu_seconds")? * 1e6 / publishes])
}

fn median(rounds: &mut [[f64; 2]], column: usize) -> f64 {
    rounds.sort_by(|a, b| a[column].total_cmp(&b[column]));
    rounds[rounds.len() / 2][column]
}

/// A Centrifugo on loopback; ended when dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Result<Self, String> {
        let binary = centrifugo_program()?;
        let text = |error: std::io::Error| error.to_string();
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.map_err(text)?.port();
        let config = root().join(BUILT).join("server.json");
        // With a line a request in its log, the server would be what is measured.
        let settings = serde_json::json!({
            "address": "127.0.0.1",
            "port": port.to_string(),
            "api_key": "key",
            "log_level": "error",
            "usage_stats_disable": true,
        });
        std::fs::write(&config, settings.to_string()).map_err(text)?;
        let child = start(&binary, &config).map_err(text)?;
        let server = Self { child, port };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                return Err("Centrifugo does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

fn start(binary: &Path, config: &Path) -> std::io::Result<Child> {
    Command::new(binary).arg("-c").arg(config).spawn()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
