//! Filling the next segment with zeros while the present one is written.
//!
//! A sync of bytes that overwrite others takes about half the time of one that makes a file longer:
//! the file system has nothing to write to its own journal. This writes each byte of a
//! segment twice, zeros and then data, so the zeros are written in small pieces with pauses that do not
//! delay the syncs of commits. Where a segment is
//! needed before it is ready, it is begun empty.

use super::disk::{Disk, DiskFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The size of a piece, in bytes: a disk writes it in less than a millisecond.
const PIECE: usize = 256 << 10;

/// With this pause after each piece, a segment is ready long before the last one is full.
const PAUSE: Duration = Duration::from_millis(4);

/// Whether segments are prepared. An engine does it in the background; the others are for tests and
/// measurements.
#[cfg_attr(not(any(test, feature = "simulation")), allow(dead_code))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Preparation {
    /// On a thread of its own.
    InBackground,
    /// By the call that needs it next: for simulations, which must do the same each time.
    AtOnce,
    /// Not at all.
    Off,
}

type Prepared = io::Result<Arc<dyn DiskFile>>;

/// Prepares one file at a time.
#[derive(Debug)]
pub(super) struct Preparer {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    preparation: Preparation,
    cancelled: Arc<AtomicBool>,
    thread: Option<JoinHandle<Prepared>>,
}

impl Preparer {
    /// Prepares files at a path.
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, preparation: Preparation) -> Self {
        Self { disk, path, preparation, cancelled: Arc::default(), thread: None }
    }

    /// Begins to prepare a file of this size, unless one is being prepared or is ready.
    pub(super) fn start(&mut self, bytes: u32) {
        if self.thread.is_some() || self.preparation != Preparation::InBackground {
            return;
        }
        let (disk, path) = (self.disk.clone(), self.path.clone());
        let cancelled = self.cancelled.clone();
        let prepare = move || {
            fill(&*disk, &path, bytes.into(), || {
                thread::sleep(PAUSE);
                cancelled.load(Ordering::Relaxed)
            })
        };
        // Without a thread the next segment begins empty.
        self.thread = thread::Builder::new().name("rt-broker-prepare".into()).spawn(prepare).ok();
    }

    /// Moves the file to where it is needed, if it is ready.
    pub(super) fn take(&mut self, to: &Path, bytes: u32) -> Option<Arc<dyn DiskFile>> {
        let prepared = match self.preparation {
            Preparation::InBackground => {
                self.thread.take_if(|thread| thread.is_finished())?.join().ok()?
            }
            Preparation::AtOnce => fill(&*self.disk, &self.path, bytes.into(), || false),
            Preparation::Off => return None,
        };
        let file = prepared.ok()?;
        self.disk.rename(&self.path, to).ok()?;
        Some(file)
    }

    /// Waits until a file that was begun is ready.
    #[cfg(test)]
    pub(super) fn wait(&self) {
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            thread::yield_now();
        }
    }

    /// Gives back the space that a file takes which is not needed yet.
    pub(super) fn cancel(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.cancelled.store(true, Ordering::Relaxed);
            let _ = thread.join();
            self.cancelled.store(false, Ordering::Relaxed);
            let _ = self.disk.remove(&self.path);
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn fill(disk: &dyn Disk, path: &Path, bytes: u64, is_cancelled: impl Fn() -> bool) -> Prepared {
    let file = disk.create(path)?;
    let zeros = vec![0; PIECE];
    let mut at = 0;
    while at < bytes {
        if is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let piece = (bytes - at).min(PIECE as u64);
        let written = file.write_at(at, &zeros[..piece as usize]).and_then(|()| file.sync());
        if let Err(error) = written {
            let _ = disk.remove(path);
            return Err(error);
        }
        at += piece;
    }
    Ok(file)
}
