//! A real Centrifugo v5.4.9; `CENTRIFUGO_BIN` names the program.
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
            "address": "127.0.0.1",
            "port": port.to_string(),
            "api_key": "key",
            "token_hmac_secret_key": "secret",
            "usage_stats_disable": true,
            "uni_sse": true,
            "uni_http_stream": true,
            "allow_anonymous_connect_without_token": true,
            "ping_interval": "1s",
            "pong_timeout": "500ms",
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
        let name = format!("centrifugo-{}-{port}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, config.to_string()).unwrap();
        let mut child = Command::new(program())
            .arg("-c")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("CENTRIFUGO_BIN can be started");
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let server = Self { child, config: path };
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
        let output = Command::new(program())
            .args([command, token, "--config"])
            .arg(&self.config)
            .output()
            .expect("CENTRIFUGO_BIN can be started");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }
}

fn program() -> OsString {
    std::env::var_os("CENTRIFUGO_BIN").expect("CENTRIFUGO_BIN names the Centrifugo v5.4.9 program")
}

impl Drop for Centrifugo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}
