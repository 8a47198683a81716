//! What is read: JSON from arguments, files and the input; secrets from files and the environment.
use std::io::Read;
use std::path::Path;

use centrifugo_api::{Payload, RawValue, Secret};
use examples_clients::how_to_write_json;

use crate::failure::Failure;
use crate::options::{Publication, Server};

/// The name of the variable with the key.
pub const KEY: &str = "CENTRIFUGO_KEY";

/// The data of a publication.
pub fn data(publication: &Publication) -> Result<Payload, Failure> {
    match publication.text {
        true => Ok(Payload::from(publication.data.as_str())),
        false => json(&publication.data).map(Payload::from).map_err(|failure| {
            Failure::usage(format!("{failure}; or say --text for a plain text as it is"))
        }),
    }
}

/// JSON as an argument says it: itself, `@FILE`, or `-` for the input.
pub fn json(argument: &str) -> Result<Box<RawValue>, Failure> {
    let (from, text) = match (argument, argument.strip_prefix('@')) {
        ("-", _) => ("the input".to_owned(), standard_input()?),
        (_, Some(file)) => (file.to_owned(), read(Path::new(file))?),
        (text, None) => (String::new(), text.to_owned()),
    };
    RawValue::from_string(text.trim().to_owned()).map_err(|error| {
        Failure::usage(match from.as_str() {
            "" => format!("not JSON: {error}; {}", how_to_write_json(text.trim())),
            from => format!("{from} is not JSON: {error}"),
        })
    })
}

/// An option that is JSON.
pub fn json_option(argument: Option<&str>) -> Result<Option<Box<RawValue>>, Failure> {
    argument.map(json).transpose()
}

/// The key for requests; `None` to send none.
pub fn key(server: &Server) -> Result<Option<Secret>, Failure> {
    if server.insecure {
        return match &server.key_file {
            Some(_) => Err(Failure::usage("--insecure sends no key: leave out --key-file")),
            None => Ok(None),
        };
    }
    match secret(server.key_file.as_deref(), KEY)? {
        Some(key) => Ok(Some(key)),
        None => Err(Failure::usage(format!(
            "there is no key: set {KEY}, or name a file that has it with --key-file; --insecure if the server asks for none"
        ))),
    }
}

/// The secret in this file, or else in this variable.
pub fn secret(file: Option<&Path>, variable: &str) -> Result<Option<Secret>, Failure> {
    let Some(file) = file else {
        return match std::env::var(variable) {
            Ok(secret) if secret.is_empty() => Ok(None),
            Ok(secret) => Ok(Some(secret.into())),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(_) => Err(Failure::usage(format!("{variable} is not UTF-8"))),
        };
    };
    // An editor ends the last line.
    let text = read(file)?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::usage(format!("{} is empty", file.display()))),
        secret => Ok(Some(secret.into())),
    }
}

/// All that is on the input.
pub fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::usage(format!("the input cannot be read: {error}"))),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))
}
