//! Why it ends without success.
use std::fmt;
use std::process::ExitCode;

use centrifugo_api::{Error, StatusCode};

/// A line for the error output, and whose mistake it is.
#[derive(Debug)]
pub struct Failure {
    line: String,
    is_usage: bool,
}

impl Failure {
    /// Something was asked for that cannot be; nothing was sent.
    pub fn usage(line: impl Into<String>) -> Self {
        Self { line: line.into(), is_usage: true }
    }

    /// The server, or the way to it, failed.
    pub fn server(line: impl Into<String>) -> Self {
        Self { line: line.into(), is_usage: false }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.is_usage { 2 } else { 1 })
    }

    /// Refuses what the chosen API does not have.
    pub fn unless_absent(flags: &[(&str, bool)], api: Api) -> Result<(), Self> {
        match flags.iter().find(|(_, is_there)| *is_there) {
            Some((name, _)) => Err(Self::other_api(name, api)),
            None => Ok(()),
        }
    }

    /// This is not of the chosen API but of the other one.
    pub fn other_api(name: &str, other: Api) -> Self {
        Self::usage(match other {
            Api::Legacy => format!("{name} is of the legacy API (Centrifugo 1): add --legacy"),
            Api::Modern => format!(
                "{name} is of today's API (Centrifugo 3 and later), which is there without --legacy"
            ),
        })
    }
}

/// One of the two.
#[derive(Clone, Copy)]
pub enum Api {
    Legacy,
    Modern,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let line = error.to_string();
        if error.is_builder() {
            return Self::usage(line);
        }
        if error.is_full() {
            return Self::usage(
                "the commands are too large for one request: send them in several batches",
            );
        }
        let hint = match (error.status(), error.code()) {
            (Some(StatusCode::UNAUTHORIZED), _) => {
                "; is the key right? It is in CENTRIFUGO_KEY or in the file of --key-file"
            }
            (Some(StatusCode::NOT_FOUND), None) => {
                "; Centrifugo 3 and early 4 want --lines, Centrifugo 1 wants --legacy"
            }
            _ => "",
        };
        Self::server(format!("{line}{hint}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}
