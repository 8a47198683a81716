//! A copy of the store as it is at one moment, made while it is in use.

use super::FileEngine;
use super::folder::mark_copy;
use super::queue::Job;
use super::store::{Copier, Store};
use crate::Error;
use std::fs;
use std::path::{Path, PathBuf};

impl FileEngine {
    /// Writes a copy of the store into a folder, which is made and must be empty or not there yet.
    /// It holds all that was published before the call, and opens as any store.
    ///
    /// A copy may be older than what its clients have seen. So what is opened from it begins a new
    /// epoch in each topic: those who come back with a position are told of a gap.
    ///
    /// # Errors
    /// Where the folder is not empty or cannot be written, and where the store cannot be read.
    /// What was begun is deleted then.
    pub async fn backup(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let folder = folder.as_ref().to_owned();
        self.shared.ask(|reply| Job::Backup { folder, reply }).await
    }
}

/// Writes the copy; the store goes on meanwhile.
pub(super) fn write(folder: &Path, copier: Copier) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::unavailable("the backup cannot be written", at(folder, &error.to_string()))
    };
    let made = !folder.exists();
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let why = at(folder, "is not empty; nothing in it was changed");
        return Err(Error::unavailable("the backup cannot be written", why));
    }
    let written = copy(folder, copier).and_then(|()| mark_copy(folder).map_err(failed));
    if written.is_err() {
        // Half a copy is worth nothing, and would be in the way of the next try.
        let _ = fs::remove_dir_all(folder.join("store"));
        if made {
            let _ = fs::remove_dir_all(folder);
        }
    }
    written
}

fn copy(folder: &Path, copier: Copier) -> Result<(), Error> {
    let path: PathBuf = folder.join("store");
    let written = |error: &fjall::Error| {
        Error::unavailable("the backup cannot be written", at(folder, &super::mend::why(error)))
    };
    let store = Store::open(&path).map_err(|error| written(&error))?;
    copier.copy_to(&store, |error| written(&error))
}

fn at(folder: &Path, why: &str) -> String {
    format!("{}: {why}", folder.display())
}
