//! The side-by-side tables.

use crate::tools::{self, Done, cargo, command, root};
use std::path::PathBuf;

/// The loads of the gateway's targets: which servers, what else the gateway is told, the load.
const LOADS: &[(&str, &str, &str)] = &[
    ("floor axum nchan ours", "", "--conns 5000 --rate 5 --secs 6"),
    ("floor axum nchan ours", "--history 10000", "--conns 1000 --rate 0 --secs 5"),
];

/// Runs the tables of these names; none means the codec's.
pub fn run(names: &[String], ruler: Option<PathBuf>, peers: Option<PathBuf>) -> Done {
    let names = if names.is_empty() { &["codec".to_owned()] } else { names };
    for name in names {
        match name.as_str() {
            "codec" => tools::run(&mut cargo(&["bench", "--package", "sse-codec"]))?,
            "gateway" => gateway(ruler.clone(), peers.clone())?,
            other => return Err(format!("no table {other:?}: there are codec and gateway")),
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
    for (servers, told, load) in LOADS {
        let script = ruler.join("sse-peers");
        let mut measure = command(&script.to_string_lossy(), &[servers]);
        measure.args(load.split(' ')).env("OURS_ARGS", told);
        tools::run(measure.env("PEERS", &peers).env("OURS", &ours))?;
    }
    Ok(())
}
