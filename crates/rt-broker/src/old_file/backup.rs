//! A copy of the store as it is at one moment, made while it is in use.

use super::FileEngine;
use super::folder::mark_copy;
use super::queue::{Job, Reply};
use super::store::{Copier, Store};
use crate::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

impl FileEngine {
    /// Writes a copy of the store into a folder, which is made and must be empty or not there yet.
    /// It holds all that was published before the call, and opens as any store.
    ///
    /// A copy may be older than what its clients have seen. So what is opened from it begins a new
    /// epoch in each topic: those who come back with a position are told of a gap.
    ///
    /// # Errors
    /// Where the folder is not empty or cannot be written, where the store cannot be read, and
    /// where it is closed before the copy is whole.
    /// What was begun is deleted then.
    pub async fn backup(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let folder = folder.as_ref().to_owned();
        self.shared.ask(|reply| Job::Backup { folder, reply }).await
    }
}

/// The copies under way. Each has the embedded store open: its end ends them.
#[derive(Default)]
pub(super) struct Copies {
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Copies {
    /// Begins a copy on a thread of its own.
    pub(super) fn begin(
        &mut self,
        folder: PathBuf,
        copier: Result<Copier, Error>,
        reply: Reply<()>,
    ) {
        self.threads.retain(|thread| !thread.is_finished());
        let ended = self.ended.clone();
        let copy = move || {
            let written = copier.and_then(|copier| write(&folder, copier, &ended));
            // Who asked may have gone.
            let _ = reply.send(written);
        };
        // Without a thread the closure is dropped, and with it the answer: an error.
        let thread = std::thread::Builder::new().name("rt-broker-backup".into()).spawn(copy);
        self.threads.extend(thread);
    }

    /// Ends them, and waits until they have let go of the store. Who asked is given an error.
    pub(super) fn end(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that failed has let go as well.
            let _ = thread.join();
        }
        self.ended = Arc::default();
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        self.end();
    }
}

/// Writes the copy; the store goes on meanwhile.
fn write(folder: &Path, copier: Copier, ended: &AtomicBool) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::unavailable("the backup cannot be written", at(folder, &error.to_string()))
    };
    let made = !folder.exists();
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let why = at(folder, "is not empty; nothing in it was changed");
        return Err(Error::unavailable("the backup cannot be written", why));
    }
    let written = copy(folder, copier, ended).and_then(|()| mark_copy(folder).map_err(failed));
    if written.is_err() {
        // Half a copy is worth nothing, and would be in the way of the next try.
        let _ = fs::remove_dir_all(folder.join("store"));
        if made {
            let _ = fs::remove_dir_all(folder);
        }
    }
    written
}

fn copy(folder: &Path, copier: Copier, ended: &AtomicBool) -> Result<(), Error> {
    let path: PathBuf = folder.join("store");
    let written = |error: &fjall::Error| {
        Error::unavailable("the backup cannot be written", at(folder, &super::mend::why(error)))
    };
    let store = Store::open(&path).map_err(|error| written(&error))?;
    let whole = copier.copy_to(&store, ended, |error| written(&error))?;
    let why = || at(folder, "the store was closed, or had to be opened again, meanwhile");
    if whole { Ok(()) } else { Err(Error::unavailable("the backup was ended", why())) }
}

fn at(folder: &Path, why: &str) -> String {
    format!("{}: {why}", folder.display())
}
