//! The file that keeps the position.
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::{fs, process};

use lp_client::Position;

/// The position in the file; none if there is no file.
pub fn read(path: &Path) -> Result<Option<Position>, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    match fs::read_to_string(path) {
        Ok(text) => text.trim_end().parse().map(Some).map_err(|error| told(&error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

/// Puts the position into the file at once: whoever reads it, and whatever ends this program, it
/// is the old one or the new one.
pub fn write(path: &Path, position: &Position) -> Result<(), String> {
    let beside = beside(path);
    let written = write_beside(&beside, position).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        format!("the position cannot be saved to {}: {error}", path.display())
    })
}

fn write_beside(beside: &Path, position: &Position) -> io::Result<()> {
    let mut file = fs::File::create(beside)?;
    writeln!(file, "{position}")?;
    file.sync_data()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", process::id()));
    path.with_file_name(name)
}
