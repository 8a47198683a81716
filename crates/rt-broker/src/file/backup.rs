//! Backups: copies of the store as it is at one moment, made while it is in use.

use crate::error::Error;
use crate::file::store::Disk;
use crate::file::store::JournalReader;
use crate::file::store::Removal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::oneshot::Sender;

/// The backups under way, each on a thread of its own.
#[derive(Default)]
pub(in crate::file) struct Copies {
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Copies {
    pub(in crate::file) fn begin(
        &mut self,
        folder: PathBuf,
        disk: Arc<dyn Disk>,
        reader: JournalReader,
        reply: Sender<Result<(), Error>>,
    ) {
        self.threads.retain(|thread| !thread.is_finished());
        let ended = self.ended.clone();
        let copy = move || {
            let copied = reader.copy_to(&disk, &folder, &ended).map_err(|error| {
                Error::unavailable("the backup cannot be written", error.to_string())
            });
            // A caller that no longer waits gets no reply.
            let _ = reply.send(copied);
        };
        // Without a thread the closure is dropped, and with it the reply: an error.
        let thread = std::thread::Builder::new().name("rt-broker-backup".into()).spawn(copy);
        self.threads.extend(thread);
    }

    /// Removes a file of the journal: on a thread of its own, since that may take long.
    pub(in crate::file) fn remove(&mut self, removal: Removal) {
        self.threads.retain(|thread| !thread.is_finished());
        let remove = move || {
            if let Err(error) = removal.run() {
                tracing::warn!(%error, "an old segment of the journal cannot be removed");
            }
        };
        let thread = std::thread::Builder::new().name("rt-broker-remove".into()).spawn(remove);
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

impl Drop for Copies {
    fn drop(&mut self) {
        self.end();
    }
}
