//! Backups of a store in use, and removals of files: long tasks that the writer does not wait for.

use crate::error::Error;
use crate::file::store::{Disk, JournalReader, Removal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::oneshot::Sender;

/// Long tasks beside the writer: backups and removals of files, each on a thread of its own.
pub(in crate::file) struct BackgroundJobs {
    /// Without threads the caller does everything, so that a simulation does the same each time.
    has_threads: bool,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl BackgroundJobs {
    pub(in crate::file) fn on_threads() -> Self {
        Self { has_threads: true, ended: Arc::default(), threads: Vec::new() }
    }

    #[cfg(feature = "simulation")]
    pub(in crate::file) fn in_place() -> Self {
        Self { has_threads: false, ended: Arc::default(), threads: Vec::new() }
    }

    pub(in crate::file) fn begin(
        &mut self,
        folder: PathBuf,
        disk: Arc<dyn Disk>,
        reader: JournalReader,
        reply: Sender<Result<(), Error>>,
    ) {
        let ended = self.ended.clone();
        self.run("rt-broker-backup", move || {
            let copied = reader.copy_to(&disk, &folder, &ended).map_err(|error| {
                Error::unavailable("the backup cannot be written", error.to_string())
            });
            // A caller that no longer waits gets no reply.
            let _ = reply.send(copied);
        });
    }

    /// Removes a file of the journal.
    pub(in crate::file) fn remove(&mut self, removal: Removal) {
        self.run("rt-broker-remove", move || {
            if let Err(error) = removal.run() {
                tracing::warn!(%error, "an old segment of the journal cannot be removed");
            }
        });
    }

    fn run(&mut self, name: &str, task: impl FnOnce() + Send + 'static) {
        if !self.has_threads {
            return task();
        }
        self.threads.retain(|thread| !thread.is_finished());
        // Without a thread the task is dropped, and with it the reply of a backup: an error.
        let thread = std::thread::Builder::new().name(name.into()).spawn(task);
        self.threads.extend(thread);
    }

    /// Ends the backups under way, which is an error for their callers.
    pub(in crate::file) fn end(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.ended = Arc::default();
    }
}

impl Drop for BackgroundJobs {
    fn drop(&mut self) {
        self.end();
    }
}
