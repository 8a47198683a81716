//! Tests against real peers.

use crate::tools::{Done, cargo, command, has, root, run as execute};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Centrifugo that is tested against, as its Go module.
const CENTRIFUGO: (&str, &str) = ("github.com/centrifugal/centrifugo/v5", "v5.4.9");

/// The oldest one with today's API.
const CENTRIFUGO_V3: (&str, &str) = ("github.com/centrifugal/centrifugo/v3", "v3.2.3");

/// A current version, with map channels.
const CENTRIFUGO_V6: (&str, &str) = ("github.com/centrifugal/centrifugo/v6", "v6.9.1");

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
    Peer {
        name: "clients",
        needs: &[
            ("node", "install Node 20 or newer"),
            ("npm", "apt-get install -y npm"),
            ("go", "install Go 1.26 or newer"),
            ("python3", "apt-get install -y python3 python3-venv"),
        ],
        run: clients,
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
    let new = program("CENTRIFUGO_V6_BIN", CENTRIFUGO_V6)?;
    let python = match std::env::var_os("CENT_PYTHON") {
        Some(given) => PathBuf::from(given),
        None => cent()?,
    };
    let variables = [
        ("CENTRIFUGO_BIN", binary),
        ("CENTRIFUGO_V3_BIN", old),
        ("CENTRIFUGO_V6_BIN", new),
        ("CENT_PYTHON", python),
    ];
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
    python_packages(&folder, &[CENT], CENT)
}

/// A Python of its own with these packages, whose list `wanted` is: it is made again where that has
/// changed.
fn python_packages(folder: &Path, packages: &[&str], wanted: &str) -> Result<PathBuf, String> {
    let python = folder.join("bin/python");
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_deref() != Some(wanted) {
        execute(command("python3", &["-m", "venv"]).arg(folder))?;
        let mut pip = command(&python.to_string_lossy(), &["-m", "pip", "install", "--quiet"]);
        execute(pip.arg("--disable-pip-version-check").args(packages))?;
        fs::write(&installed, wanted).map_err(|error| error.to_string())?;
    }
    Ok(python)
}

/// Public SSE clients, built or installed in a folder of their own from `xtask/clients`.
fn clients() -> Done {
    execute(&mut cargo(&["build", "--package", "examples", "--example", "gateway"]))?;
    let sources = root().join("xtask/clients");
    let folder = root().join("target/interop/clients");
    for part in ["node", "python"] {
        copy_files(&sources.join(part), &folder.join(part))?;
    }
    let install = ["ci", "--silent", "--no-audit", "--no-fund"];
    execute(command("npm", &install).current_dir(folder.join("node")))?;
    let venv = folder.join("python/venv");
    let requirements = sources.join("python/requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    python_packages(&venv, &["--requirement", &requirements.to_string_lossy()], &wanted)?;
    let mut build = command("go", &["build", "-o"]);
    let programs = folder.join("go");
    fs::create_dir_all(&programs).map_err(|error| error.to_string())?;
    build.arg(&programs).args(["./r3labs", "./tmaxmax"]).current_dir(sources.join("go"));
    execute(&mut with_module(build))?;
    let mut build = cargo(&["build", "--release", "--locked", "--target-dir"]);
    build.arg(folder.join("rust")).current_dir(sources.join("rust"));
    execute(&mut build)?;
    let variables = [("CLIENTS", folder), ("EXAMPLES", root().join("target/debug/examples"))];
    println!("\n| client | version | cuts | after an id | lost | repeated | unexpected |");
    // They wait far more than they compute, so all run at once.
    testkit_with("interop_clients", &variables, &["--nocapture", "--test-threads=16"])
}

/// Copies the files of a folder, and not what is in its folders.
fn copy_files(from: &Path, to: &Path) -> Done {
    let copy = || {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    };
    copy().map_err(|error: std::io::Error| format!("{}: {error}", from.display()))
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
    testkit_with(test, variables, &[])
}

/// Runs a test of `rt-testkit` with these arguments for the test's program.
fn testkit_with(test: &str, variables: &[(&str, PathBuf)], with: &[&str]) -> Done {
    let args = ["test", "--package", "rt-testkit", "--features", "interop", "--test", test, "--"];
    execute(cargo(&args).args(with).envs(variables.iter().map(|(name, value)| (name, value))))
}
