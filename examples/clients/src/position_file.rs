//! The file that keeps a position.
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::{fs, process};

/// The text in the file, without its last line break; none if there is no file.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Puts the text into the file at once: whoever reads it, and whatever ends this program, it is the
/// old one or the new one.
///
/// # Errors
/// When it cannot be written; the old one is still there then.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let beside = beside(path);
    let written = write_beside(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        format!("the position cannot be saved to {}: {error}", path.display())
    })
}

fn write_beside(beside: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(beside)?;
    writeln!(file, "{text}")?;
    file.sync_data()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", process::id()));
    path.with_file_name(name)
}
