//! What is agreed on and no compiler checks: who may depend on whom, the size of a file.

use crate::tools::{Done, Package, packages, root};
use std::fs;
use std::path::Path;

/// The arrows: a crate may depend on these of ours, and on no other.
const ARROWS: &[(&str, &[&str])] = &[
    ("sse-codec", &[]),
    ("rt-common", &[]),
    ("rt-broker", &["rt-common"]),
    ("rt-serve", &[]),
    ("sse-client", &["sse-codec", "rt-common"]),
    ("sse-hub", &["sse-codec", "rt-broker", "rt-serve"]),
    ("lp-server", &["rt-broker", "rt-serve"]),
    ("lp-client", &["rt-common"]),
    ("centrifugo-api", &["rt-common"]),
    ("vk-longpoll", &["rt-common"]),
];

/// Unpublished, and free to use all of ours.
const FREE: &[&str] = &["rt-testkit", "examples", "examples-clients", "xtask"];

/// Past this a file is more than one idea.
const MAX_LINES: usize = 400;

/// Checks all of it and tells every fault at once.
pub fn run() -> Done {
    let packages = packages()?;
    let mut faults: Vec<String> = packages.iter().flat_map(|p| arrows(p, &packages)).collect();
    for folder in ["crates", "examples", "xtask", "fuzz"] {
        lengths(&root().join(folder), &mut faults);
    }
    if faults.is_empty() {
        println!("tidy: {} crates, every arrow as designed", packages.len());
        return Ok(());
    }
    Err(format!("not tidy:\n  {}", faults.join("\n  ")))
}

fn arrows(package: &Package, all: &[Package]) -> Vec<String> {
    let name = &package.name;
    if FREE.contains(&name.as_str()) {
        return match package.published {
            true => vec![format!("{name} must have publish = false")],
            false => Vec::new(),
        };
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
        return vec![format!("{name} is not in the design's list of crates")];
    };
    let ours = package.dependencies.iter().filter(|dep| all.iter().any(|p| p.name == dep.name));
    let fault = |dep: &crate::tools::Dependency| match dep.dev {
        // A test may use any of ours, but without a version: it may be unpublished.
        true if dep.requirement != "*" => {
            Some(format!("{name}: dev-dependency {} must be written with a path alone", dep.name))
        }
        false if !allowed.contains(&dep.name.as_str()) => {
            Some(format!("{name} must not depend on {}", dep.name))
        }
        false if !dep.local => Some(format!("{name} must take {} from the workspace", dep.name)),
        _ => None,
    };
    ours.filter_map(fault).collect()
}

fn lengths(folder: &Path, faults: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("corpus") {
            lengths(&path, faults);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let lines = fs::read_to_string(&path).map_or(0, |text| text.lines().count());
            if lines > MAX_LINES {
                let shown = path.strip_prefix(root()).unwrap_or(&path).display();
                faults.push(format!("{shown} has {lines} lines; {MAX_LINES} are the most"));
            }
        }
    }
}
