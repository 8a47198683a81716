//! Tests against real peers.

use crate::tools::{Done, cargo, command, has, root, run as execute};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The Centrifugo that is tested against, as its Go module.
const CENTRIFUGO: (&str, &str) = ("github.com/centrifugal/centrifugo/v5", "v5.4.9");

/// The oldest one with today's API.
const CENTRIFUGO_V3: (&str, &str) = ("github.com/centrifugal/centrifugo/v3", "v3.2.3");

/// Its client in Python, from PyPI.
const CENT: &str = "cent==5.2.0";

struct Peer {
    name: &'static str,
    /// Programs that must be there, and how they get there.
    needs: &'static [(&'static str, &'static str)],
    run: fn() -> Done,
}

const PEERS: &[Peer] = &[
    Peer { name: "axum", needs: &[], run: axum },
    Peer {
        name: "chromium",
        needs: &[
            ("chromium", "apt-get install -y chromium"),
            ("chromedriver", "apt-get install -y chromium-driver"),
        ],
        run: chromium,
    },
    Peer {
        name: "centrifugo",
        needs: &[
            ("go", "install Go 1.26 or newer"),
            ("python3", "apt-get install -y python3 python3-venv"),
            ("openssl", "apt-get install -y openssl"),
        ],
        run: centrifugo,
    },
    Peer { name: "gocent", needs: &[("go", "install Go 1.26 or newer")], run: gocent },
    Peer { name: "golongpoll", needs: &[("go", "install Go 1.26 or newer")], run: golongpoll },
];

/// Runs the peers of these names; none means all.
pub fn run(names: &[String], require_all: bool) -> Done {
    if let Some(unknown) = names.iter().find(|name| PEERS.iter().all(|peer| peer.name != **name)) {
        let known: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
        return Err(format!("no peer {unknown:?}: there are {}", known.join(", ")));
    }
    let chosen = |peer: &&Peer| names.is_empty() || names.iter().any(|name| name == peer.name);
    let mut skipped = Vec::new();
    for peer in PEERS.iter().filter(chosen) {
        let missing = peer.needs.iter().filter(|(program, _)| !has(program));
        let missing: Vec<_> = missing.map(|(name, how)| format!("{name} ({how})")).collect();
        if missing.is_empty() {
            (peer.run)()?;
        } else {
            skipped.push(format!("{}: missing {}", peer.name, missing.join(", ")));
        }
    }
    match skipped.is_empty() {
        true => Ok(()),
        false if require_all => Err(format!("not all ran:\n  {}", skipped.join("\n  "))),
        false => {
            println!("\nnot run:\n  {}", skipped.join("\n  "));
            Ok(())
        }
    }
}

fn axum() -> Done {
    execute(&mut cargo(&[
        "test",
        "--package",
        "sse-client",
        "--all-features",
        "--test",
        "interop_axum",
    ]))
}

fn chromium() -> Done {
    execute(&mut cargo(&["build", "--package", "examples", "--examples"]))?;
    testkit("interop_chromium", &[("EXAMPLES", root().join("target/debug/examples"))])
}

fn centrifugo() -> Done {
    let binary = centrifugo_program()?;
    let old = program("CENTRIFUGO_V3_BIN", CENTRIFUGO_V3)?;
    let python = match std::env::var_os("CENT_PYTHON") {
        Some(given) => PathBuf::from(given),
        None => cent()?,
    };
    let variables =
        [("CENTRIFUGO_BIN", binary), ("CENTRIFUGO_V3_BIN", old), ("CENT_PYTHON", python)];
    testkit("interop_centrifugo", &variables)
}

/// The real server's program, built if need be.
pub fn centrifugo_program() -> Result<PathBuf, String> {
    program("CENTRIFUGO_BIN", CENTRIFUGO)
}

fn program(variable: &str, (module, version): (&str, &str)) -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os(variable) {
        return Ok(given.into());
    }
    let folder = root().join("target/interop/centrifugo").join(version);
    let binary = folder.join("centrifugo");
    if !binary.is_file() {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let text = format!("module peer\n\ngo 1.26\n\nrequire {module} {version}\n");
        fs::write(folder.join("go.mod"), text).map_err(|error| error.to_string())?;
        let mut build = command("go", &["build", "-o"]);
        build.arg(&binary).arg(module).current_dir(&folder);
        execute(&mut with_module(build))?;
    }
    Ok(binary)
}

/// A Python that has its client for Centrifugo.
fn cent() -> Result<PathBuf, String> {
    let folder = root().join("target/interop/cent");
    let python = folder.join("bin/python");
    let installed = folder.join(CENT.replace("==", "-"));
    if !installed.is_file() {
        execute(command("python3", &["-m", "venv"]).arg(&folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", CENT];
        execute(&mut command(&python.to_string_lossy(), &pip))?;
        fs::write(&installed, "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

fn gocent() -> Done {
    let binary = root().join("target/interop/gocent");
    let mut build = command("go", &["build", "-o"]);
    build.arg(&binary).arg(".").current_dir(root().join("xtask/gocent"));
    execute(&mut with_module(build))?;
    testkit("interop_gocent", &[("GOCENT", binary)])
}

fn golongpoll() -> Done {
    let ours = ["build", "--package", "examples", "--package", "examples-clients", "--examples"];
    execute(&mut cargo(&ours))?;
    let folder = root().join("target/interop/golongpoll");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut build = command("go", &["build", "-o"]);
    build.arg(&folder).args(["./server", "./client"]).current_dir(root().join("xtask/golongpoll"));
    execute(&mut with_module(build))?;
    let examples = root().join("target/debug/examples");
    testkit("interop_golongpoll", &[("GOLONGPOLL", folder), ("EXAMPLES", examples)])
}

/// Go takes the modules that `go.mod` names, and itself as it is.
fn with_module(mut build: Command) -> Command {
    build.env("GOFLAGS", "-mod=mod").env("GOTOOLCHAIN", "local");
    build
}

fn testkit(test: &str, variables: &[(&str, PathBuf)]) -> Done {
    let args = ["test", "--package", "rt-testkit", "--features", "interop", "--test", test];
    execute(cargo(&args).envs(variables.iter().map(|(name, value)| (name, value))))
}
