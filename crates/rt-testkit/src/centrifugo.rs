//! A real Centrifugo: v5.4.9, which `CENTRIFUGO_BIN` names, v3.2.3 (`CENTRIFUGO_V3_BIN`), or v6.9.1
//! (`CENTRIFUGO_V6_BIN`).
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    // Closed again at once; the server takes it a moment later.
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running server; killed and waited for when dropped.
#[derive(Debug)]
pub struct Centrifugo {
    program: OsString,
    child: Child,
    config: PathBuf,
}

impl Centrifugo {
    /// Starts a server and waits until it says that it serves.
    pub fn start(port: u16) -> Self {
        Self::start_with(port, &json!({}))
    }

    /// Starts a server with these options beside, or in place of, the usual ones.
    pub fn start_with(port: u16, options: &Value) -> Self {
        let mut config = json!({
            "uni_http_stream": true,
            "ping_interval": "1s",
            "pong_timeout": "500ms",
            "allow_anonymous_connect_without_token": true,
            "namespaces": [{
                "name": "public",
                "presence": true,
                "history_size": 10,
                "history_ttl": "300s",
                "force_recovery": true,
                "allow_subscribe_for_client": true,
                "allow_subscribe_for_anonymous": true,
            }],
        });
        for (name, value) in options.as_object().expect("options by name") {
            config[name] = value.clone();
        }
        Self::run_flat(program("CENTRIFUGO_BIN"), port, config)
    }

    /// Starts a server of version 6, whose options stand in sections: with map channels in the
    /// namespace `maps`.
    pub fn start_v6(port: u16) -> Self {
        let config = json!({
            "http_server": {"address": "127.0.0.1", "port": port},
            "http_api": {"key": "key"},
            "usage_stats": {"disabled": true},
            "channel": {"namespaces": [
                {"name": "public", "history_size": 10, "history_ttl": "300s"},
                {"name": "maps", "subscription_type": "map", "map": {"mode": "persistent"}},
            ]},
        });
        Self::run(program("CENTRIFUGO_V6_BIN"), port, &config)
    }

    /// Starts a server of version 3, whose names for some options are others.
    pub fn start_v3(port: u16) -> Self {
        let config = json!({
            "namespaces": [{
                "name": "public",
                "presence": true,
                "history_size": 10,
                "history_ttl": "300s",
                "recover": true,
                "position": true,
            }],
        });
        Self::run_flat(program("CENTRIFUGO_V3_BIN"), port, config)
    }

    /// Runs a server whose options have no sections, with the usual ones beside these.
    fn run_flat(program: OsString, port: u16, mut config: Value) -> Self {
        for (name, value) in [
            ("address", json!("127.0.0.1")),
            ("port", json!(port.to_string())),
            ("api_key", json!("key")),
            ("usage_stats_disable", json!(true)),
            ("uni_sse", json!(true)),
        ] {
            config[name] = value;
        }
        if config["token_hmac_secret_key"].is_null() {
            config["token_hmac_secret_key"] = "secret".into();
        }
        Self::run(program, port, &config)
    }

    fn run(program: OsString, port: u16, config: &Value) -> Self {
        let name = format!("centrifugo-{}-{port}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, config.to_string()).unwrap();
        let mut child = Command::new(&program)
            .arg("-c")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Centrifugo can be started");
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let server = Self { program, child, config: path };
        let mut said = String::new();
        while !said.contains("\"serving ") {
            let before = said.len();
            log.read_line(&mut said).unwrap();
            assert!(said.len() > before, "Centrifugo did not start:\n{said}");
        }
        // Read on, or it blocks when the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        server
    }

    /// What the program's own check (`checktoken`, `checksubtoken`) says of a token with this
    /// server's configuration; the error is what it says of one that is not valid.
    pub fn check(&self, command: &str, token: &str) -> Result<String, String> {
        let output = Command::new(&self.program)
            .args([command, token, "--config"])
            .arg(&self.config)
            .output()
            .expect("Centrifugo can be started");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }
}

fn program(variable: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} names a Centrifugo program"))
}

impl Drop for Centrifugo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}
