//! A topic's log on this node: the engine appends to it, and subscribers read from it.
//!
//! One lock guards all of it. Appending walks the subscribers once and takes the wakers of those that
//! the entry is for, which are woken after the lock is released. Reading clones one `Arc`.

mod held;
pub(crate) mod reader;
pub(crate) mod snapshot;
pub(crate) mod wakers;
mod window;

use crate::bounds::Bounds;
use crate::entry::Entry;
use crate::error::Error;
use crate::node::NodeId;
use crate::position::Offset;
use snapshot::Snapshot;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wakers::{Appended, Wakers};
use window::Window;

/// A topic on this node. Engines [open](Self::open) and feed it; a
/// [`Subscription`](crate::Subscription) reads from it.
pub struct Log {
    topic: Arc<str>,
    node: NodeId,
    window: Mutex<Window>,
}

impl Log {
    pub(crate) fn new(topic: Arc<str>, node: NodeId, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { topic, node, window: Mutex::new(Window::new(bounds)) })
    }

    /// Returns the topic's name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Returns the id of the broker that opened it.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Opens the log with the topic's state, once, before the first [`append`](Self::append). For
    /// engines.
    pub fn open(&self, snapshot: Snapshot) -> Wakers {
        self.lock().open(snapshot)
    }

    /// Appends a publication. Offsets must grow: an entry at or below the head is ignored, so that an
    /// engine may read a stretch twice. For engines.
    pub fn append(&self, entry: Arc<Entry>) -> Appended {
        self.lock().append(entry)
    }

    /// Marks publications as lost that should be held and could not be read. A subscriber that
    /// reaches them receives a [gap](crate::GapReason::Lost) in their place, even if the log still
    /// held some of them. For engines.
    pub fn lose(&self, range: RangeInclusive<Offset>) -> Wakers {
        self.lock().lose(range)
    }

    /// Begins a new epoch, since the engine has lost data: every subscriber receives a
    /// [gap](crate::GapReason::Epoch) and then the publications of the snapshot. For engines.
    pub fn reset(&self, snapshot: Snapshot) -> Wakers {
        self.lock().reset(snapshot)
    }

    /// Fails the log: every subscriber receives this error. The log is not used again. For engines.
    pub fn fail(&self, error: &Error) -> Wakers {
        self.lock().fail(error)
    }

    /// Closes the log unless it has subscribers, and returns whether it is closed. A closed log
    /// takes no subscribers: the broker opens another one. For engines.
    pub fn close_unless_used(&self) -> bool {
        self.lock().close_unless_used()
    }

    /// Returns the current number of subscribers.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.lock().subscribers()
    }

    pub(crate) fn wake_all(&self) -> Wakers {
        self.lock().wake_all()
    }

    pub(crate) fn is_opening(&self) -> bool {
        self.lock().is_opening()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.lock().is_open()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Window> {
        // No user code runs under the lock, and no step leaves the window half changed.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("topic", &self.topic).finish_non_exhaustive()
    }
}
