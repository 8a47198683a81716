//! A topic's log on this node: fed by the engine, read by its subscribers.
//!
//! All of it stands under one lock. Appending walks the subscribers once, takes the wakers of those
//! that the entry is for, and wakes them after the lock is gone; reading clones one `Arc`.

mod hold;
mod read;
mod reader;
mod window;

use crate::{Entry, Epoch, Error, Position};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

pub(crate) use read::Read;
pub(crate) use reader::{Held, Place, Reader};
use window::Window;

/// A topic on this node. Engines [open](Self::open) and feed it; a
/// [`Subscription`](crate::Subscription) reads from it.
pub struct Log {
    topic: Arc<str>,
    window: Mutex<Window>,
}

/// What an engine holds of a topic when it opens a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The topic's life.
    pub epoch: Epoch,
    /// The offset of the newest publication ever, held or not; 0 before the first.
    pub head: u64,
    /// All that is held, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// The offset of the newest publication that is no longer held; 0 where all are.
    pub evicted: u64,
    /// The time of that publication, in the engine's clock; 0 where all are held.
    pub evicted_time: u64,
}

impl Snapshot {
    /// A topic that nothing was published to yet.
    #[must_use]
    pub fn empty(epoch: Epoch) -> Self {
        Self { epoch, head: 0, entries: Vec::new(), evicted: 0, evicted_time: 0 }
    }
}

impl Log {
    pub(crate) fn new(topic: Arc<str>, bounds: crate::Bounds) -> Arc<Self> {
        Arc::new(Self { topic, window: Mutex::new(Window::new(bounds)) })
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Gives the log what is held, once, before the first [`append`](Self::append). For engines.
    pub fn open(&self, snapshot: Snapshot) -> Woken {
        Woken(self.lock().open(snapshot))
    }

    /// Adds a publication and wakes those it is for. Offsets must grow; an entry at or below the
    /// head is dropped, so that an engine that reads a stretch twice does no harm. For engines.
    pub fn append(&self, entry: Arc<Entry>) -> Woken {
        Woken(self.lock().append(entry))
    }

    /// The engine has lost data: every subscriber is told of a gap and goes on in the new epoch
    /// with what the snapshot holds. For engines.
    pub fn reset(&self, snapshot: Snapshot) -> Woken {
        Woken(self.lock().reset(snapshot))
    }

    /// The engine failed: every subscriber is given this error, and the log is not used again.
    pub fn fail(&self, error: &Error) -> Woken {
        Woken(self.lock().fail(error))
    }

    pub(crate) fn wake_all(&self) -> Woken {
        Woken(self.lock().wake_all())
    }

    /// Closes the log unless it has subscribers, and says whether it is closed; a closed log takes
    /// no subscriber and is made anew when one comes.
    pub fn close_unless_used(&self) -> bool {
        self.lock().close_unless_used()
    }

    /// How many subscribers it has now.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.lock().subscribers()
    }

    /// How many subscribers the publication at this position was for when it was appended; of one
    /// that has not come yet (a remote engine), how many there are now.
    #[must_use]
    pub fn reached(&self, position: Position) -> usize {
        self.lock().reached(position)
    }

    pub(crate) fn is_opening(&self) -> bool {
        self.lock().is_opening()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.lock().is_open()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Window> {
        // No code of a user's runs under the lock, and no step of ours leaves it half done.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Subscribers to be woken: they are when this is dropped, which an engine does once it holds no
/// lock of its own, so that a crowded topic does not hold up the others.
#[must_use = "drop it once no lock is held"]
#[derive(Debug)]
pub struct Woken(Vec<Waker>);

impl Drop for Woken {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}
