//! The engine whose history is in a folder.
//!
//! One thread writes. It takes all publications that wait, stamps and orders them, writes them as
//! one change with what their topics' records become, syncs as it was asked to, and only then gives
//! them to the logs and answers. While it syncs the next ones gather: those who publish at the same
//! time share a sync. Whatever else touches the store (opening a log, reading, removing) is done by
//! the same thread in the same order, so that nothing is ever seen half written.

mod backup;
mod builder;
mod care;
mod codec;
mod engine;
#[cfg(test)]
mod faults;
mod folder;
mod import;
mod jobs;
mod mend;
mod open;
mod queue;
mod repair;
mod search;
mod shared;
mod store;
mod sync;
mod topic;
mod topics;
mod writer;

pub use builder::FileEngineBuilder;
pub use import::{ImportReport, SkippedLine};
pub use sync::Sync;

use crate::Error;
use queue::Job;
use shared::Shared;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Keeps the history in a folder, through the end of the process and, as
/// [asked](FileEngineBuilder::sync), of the system.
///
/// ```no_run
/// use rt_broker::{Broker, FileEngine, Message, Sync};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
/// let engine = FileEngine::builder("/var/lib/news").sync(Sync::Always).open()?;
/// let broker = Broker::builder(engine).build();
/// broker.publish("news", Message::text("on the disk when this resolves")?).await?;
/// # Ok(()) }
/// ```
///
/// Its end closes the store; [`close`](Self::close) does too, and says how that went.
pub struct FileEngine {
    shared: Arc<Shared>,
    /// How the writer ended.
    ended: watch::Receiver<Option<Result<(), Error>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl FileEngine {
    /// An engine over the store in a folder, which is made where there is none.
    #[must_use]
    pub fn builder(path: impl AsRef<Path>) -> FileEngineBuilder {
        FileEngineBuilder::new(path.as_ref().to_owned())
    }

    /// Has everything that was published so far on the disk.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn flush(&self) -> Result<(), Error> {
        self.shared.ask(|reply| Job::Flush { reply }).await
    }

    /// Closes the store: what was handed in before is written, everything is on the disk, and the
    /// folder is free for another engine. What is published later is an error. Can be called
    /// again, with the same result.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.queue.close();
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await.map_err(|_| shared::closed())?;
        match &*ended {
            Some(Err(error)) => Err(error.repeat()),
            _ => Ok(()),
        }
    }

    /// The bytes of all history held now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shared.topics().bytes
    }
}

impl Drop for FileEngine {
    fn drop(&mut self) {
        self.shared.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // `close` is there for those who want to know how it went.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for FileEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileEngine").field("sync", &self.shared.sync).finish_non_exhaustive()
    }
}
