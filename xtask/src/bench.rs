//! The side-by-side tables.

use crate::tools::{self, Done, cargo, command, root};
use std::path::PathBuf;

/// The loads of the gateway's targets: the ruler's script, which servers, what else the gateway is
/// told, the load.
const LOADS: &[(&str, &str, &str, &str)] = &[
    ("sse-peers", "floor axum nchan ours", "", "--conns 5000 --rate 5 --secs 6"),
    ("sse-peers", "floor axum nchan ours", LONG, "--conns 1000 --rate 0 --secs 5"),
    ("lp-peers", "golp nchan ours", LONG, "--conns 2000 --cats 20 --rate 100 --secs 6"),
    ("lp-peers", "golp nchan ours", LONG, "--conns 100 --cats 10 --rate 0 --publishers 4 --secs 5"),
    ("lp-peers", "golp ours", LONG, "--conns 1 --cats 1 --rate 0 --publishers 8 --secs 5"),
];

const LONG: &str = "--history 10000";

/// Runs the tables of these names; none means the codec's.
pub fn run(names: &[String], ruler: Option<PathBuf>, peers: Option<PathBuf>) -> Done {
    let names = if names.is_empty() { &["codec".to_owned()] } else { names };
    for name in names {
        match name.as_str() {
            "codec" => tools::run(&mut cargo(&["bench", "--package", "sse-codec"]))?,
            "centrifugo" => crate::bench_centrifugo::table()?,
            "vk" => crate::bench_vk::table()?,
            "gateway" => gateway(ruler.clone(), peers.clone())?,
            "append" => {
                let manifest = "crates/rt-broker/benches/append/Cargo.toml";
                tools::run(&mut cargo(&["run", "--release", "--manifest-path", manifest]))?;
            }
            "waiting" => {
                let bench = ["bench", "--package", "lp-server", "--features", "server"];
                tools::run(cargo(&bench).args(["--bench", "waiting"]))?;
            }
            other => {
                let known = "codec, gateway, append, waiting, centrifugo and vk";
                return Err(format!("no table {other:?}: there are {known}"));
            }
        }
    }
    Ok(())
}

fn gateway(ruler: Option<PathBuf>, peers: Option<PathBuf>) -> Done {
    let (Some(ruler), Some(peers)) = (ruler, peers) else {
        return Err("the gateway's table needs --ruler and --peers".into());
    };
    tools::run(&mut cargo(&["build", "--release", "--example", "gateway"]))?;
    let ours = root().join("target/release/examples/gateway");
    for (script, servers, told, load) in LOADS {
        let script = ruler.join(script);
        let mut measure = command(&script.to_string_lossy(), &[servers]);
        measure.args(load.split(' ')).env("OURS_ARGS", told);
        tools::run(measure.env("PEERS", &peers).env("OURS", &ours))?;
    }
    Ok(())
}
