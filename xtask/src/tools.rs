//! Running other programs, and finding them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a command of this program gives: nothing, or what is to be told.
pub type Done = Result<(), String>;

/// The workspace's folder.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// A command in the workspace's folder.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// Cargo, as the one that runs this program.
pub fn cargo(args: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), args)
}

/// Says what is run, runs it, and says what failed.
pub fn run(command: &mut Command) -> Done {
    let text = shown(command);
    println!("\n$ {text}");
    let status = command.status().map_err(|error| format!("{text}: cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{text}: {status}")) }
}

/// Runs it and gives what it printed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let text = shown(command);
    let output = command.output().map_err(|error| format!("{text}: cannot be run: {error}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{text}: {}\n{error}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program is on the path.
pub fn has(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(program).is_file())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(program.to_string_lossy().into_owned())
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What cargo knows of the workspace, without its dependencies.
pub fn metadata() -> Result<serde_json::Value, String> {
    let args = ["metadata", "--format-version", "1", "--no-deps"];
    let text = output(&mut cargo(&args))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// A workspace member, as far as these commands need it.
pub struct Package {
    pub name: String,
    pub version: String,
    pub published: bool,
    pub features: Vec<String>,
    pub dependencies: Vec<Dependency>,
}

pub struct Dependency {
    pub name: String,
    pub requirement: String,
    pub dev: bool,
    pub local: bool,
}

/// The workspace's members.
pub fn packages() -> Result<Vec<Package>, String> {
    let metadata = metadata()?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let dependency = |value: &serde_json::Value| Dependency {
        name: text(&value["name"]),
        requirement: text(&value["req"]),
        dev: value["kind"] == "dev",
        local: value["path"].is_string(),
    };
    let package = |value: &serde_json::Value| Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        published: value["publish"].is_null(),
        features: value["features"]
            .as_object()
            .map(|f| f.keys().cloned().collect())
            .unwrap_or_default(),
        dependencies: list(&value["dependencies"]).iter().map(dependency).collect(),
    };
    Ok(list(&metadata["packages"]).iter().map(package).collect())
}
