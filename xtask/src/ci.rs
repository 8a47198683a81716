//! What continuous integration checks with Rust alone, and what `cargo xtask test` runs.

use crate::tidy;
use crate::tools::{self, Done, Package, cargo, has, packages};
use std::fs;
use std::path::PathBuf;

/// Every test that needs only Rust, with every feature on.
pub fn test() -> Done {
    // The real peers' tests stand behind a feature of rt-testkit, so that it is tested by itself.
    tools::run(&mut cargo(&["test", "--workspace", "--exclude", "rt-testkit", "--all-features"]))?;
    tools::run(&mut cargo(&["test", "--package", "rt-testkit"]))
}

/// All of it, cheapest first.
pub fn run() -> Done {
    tidy::run()?;
    tools::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    let every = ["clippy", "--workspace", "--all-targets", "--all-features"];
    tools::run(cargo(&every).args(["--", "--deny", "warnings"]))?;
    test()?;
    let docs = ["doc", "--workspace", "--no-deps", "--all-features"];
    tools::run(cargo(&docs).env("RUSTDOCFLAGS", "--deny warnings"))?;
    let packages = packages()?;
    for package in packages.iter().filter(|package| package.published) {
        features(package)?;
    }
    deny()?;
    package(&packages)
}

/// Each feature alone, and none.
fn features(package: &Package) -> Done {
    let args = ["check", "--package", &package.name, "--no-default-features"];
    tools::run(&mut cargo(&args))?;
    for feature in package.features.iter().filter(|feature| *feature != "default") {
        tools::run(cargo(&args).args(["--features", feature]))?;
    }
    Ok(())
}

fn deny() -> Done {
    if !has("cargo-deny") {
        return Err("cargo-deny is missing: cargo install --locked cargo-deny".into());
    }
    tools::run(&mut cargo(&["deny", "check", "licenses", "bans", "sources"]))
}

/// Each published crate as it would go to the registry, built from its package.
fn package(packages: &[Package]) -> Done {
    forget_unpacked(packages);
    let mut command = cargo(&["package", "--workspace"]);
    for package in packages.iter().filter(|package| !package.published) {
        command.args(["--exclude", &package.name]);
    }
    // Here, work that is not committed is no fault; there is none in a checkout of CI's.
    tools::run(command.arg("--allow-dirty"))
}

/// Cargo keeps what it unpacked of a packaged crate by its version, and does not look again: after a
/// change under the same version the others would be built against what the crate was.
fn forget_unpacked(packages: &[Package]) {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let Some(registry) = home.map(|home| home.join("registry")) else { return };
    for kept in ["src", "cache"] {
        let Ok(origins) = fs::read_dir(registry.join(kept)) else { continue };
        // An origin without a host: cargo's own, for the packages of a workspace.
        let local = |name: &str| name.starts_with('-');
        let locals = origins.flatten().filter(|dir| dir.file_name().to_str().is_some_and(local));
        for origin in locals {
            for package in packages.iter().filter(|package| package.published) {
                let unpacked = format!("{}-{}", package.name, package.version);
                // As a rule there is none.
                let _ = fs::remove_dir_all(origin.path().join(&unpacked));
                let _ = fs::remove_file(origin.path().join(format!("{unpacked}.crate")));
            }
        }
    }
}
