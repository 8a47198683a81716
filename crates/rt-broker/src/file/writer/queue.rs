//! The commands that wait for the writer, in the order in which they came.

use crate::claim::{Claim, ClaimRequest};
use crate::engine::history::Page;
use crate::engine::history::Receipt;
use crate::error::Error;
use crate::file::state::Publish;
use crate::log::Log;
use crate::node::NodeId;
use crate::position::Position;
use crate::start::Start;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot::Sender;

/// Longest wait for more to write at once: a fraction of what a sync takes.
const GATHER: Duration = Duration::from_micros(100);
/// Longest wait for the next of them.
const GATHER_NEXT: Duration = Duration::from_micros(20);

pub(in crate::file) type Reply<T> = Sender<Result<T, Error>>;

/// A publish that waits to be written.
pub(in crate::file) struct QueuedPublish {
    pub(in crate::file) publish: Publish,
    /// The node whose subscribers are counted.
    pub(in crate::file) from: NodeId,
    /// Its share of the queue's room, given back when it is taken.
    pub(in crate::file) room: u32,
    pub(in crate::file) reply: Reply<Receipt>,
}

/// A command for the writer. All but housekeeping reserves room in the queue.
pub(in crate::file) enum Command {
    Publish(QueuedPublish),
    Import {
        publications: Vec<Publish>,
        room: u32,
        reply: Reply<()>,
    },
    Tail {
        topic: Box<str>,
        log: Arc<Log>,
        reply: Reply<()>,
    },
    Read {
        topic: Box<str>,
        start: Start,
        limit: usize,
        reply: Reply<Page>,
    },
    Claim {
        topic: Box<str>,
        request: ClaimRequest,
        reply: Reply<Claim>,
    },
    Confirm {
        topic: Box<str>,
        position: Position,
        reply: Reply<()>,
    },
    Remove {
        topic: Box<str>,
        reply: Reply<()>,
    },
    Backup {
        folder: PathBuf,
        reply: Reply<()>,
    },
    Flush {
        reply: Reply<()>,
    },
    /// Housekeeping.
    Sweep,
    /// Time for stamps and marks runs out.
    Reserve,
}

impl Command {
    /// The units of room that it takes in the queue.
    pub(super) fn room(&self) -> usize {
        match self {
            Self::Publish(waiting) => waiting.room as usize,
            Self::Import { room, .. } => *room as usize,
            Self::Sweep | Self::Reserve => 0,
            _ => 1,
        }
    }

    /// Whether nobody waits for what it reads or leases.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Tail { reply, .. } => reply.is_closed(),
            Self::Read { reply, .. } => reply.is_closed(),
            Self::Claim { reply, .. } => reply.is_closed(),
            _ => false,
        }
    }
}

#[derive(Default)]
pub(in crate::file) struct Queue {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Command>,
    closed: bool,
    writer_sleeps: bool,
}

impl Queue {
    /// Adds a command, or returns it where the queue is closed.
    pub(in crate::file) fn push(&self, command: Command) -> Result<(), Command> {
        let mut state = self.lock();
        if state.closed {
            return Err(command);
        }
        state.waiting.push_back(command);
        if std::mem::take(&mut state.writer_sleeps) {
            self.more.notify_one();
        }
        Ok(())
    }

    /// Takes no more commands; those that wait are still done.
    pub(in crate::file) fn close(&self) {
        self.lock().closed = true;
        self.more.notify_one();
    }

    /// Drops the commands that wait, which their callers see as an error.
    pub(in crate::file) fn clear(&self) {
        let dropped = std::mem::take(&mut self.lock().waiting);
        drop(dropped);
    }

    /// Waits a little for publishers who were just answered and publish their next message: a sync
    /// costs the same for one as for all of them. `expected` is how many came the last time; a
    /// publisher that is alone does not wait.
    pub(in crate::file) fn gather(&self, expected: usize) {
        let began = Instant::now();
        let (mut seen, mut grew) = (0, began);
        loop {
            let (waiting, now) = (self.lock().waiting.len(), Instant::now());
            if waiting > seen {
                (seen, grew) = (waiting, now);
            }
            if waiting >= expected || now - began >= GATHER || now - grew >= GATHER_NEXT {
                break;
            }
            std::thread::yield_now();
        }
    }

    /// Moves all commands that wait into `taken`, which is empty. Waits for one until `until`.
    /// Returns `false` once the queue is closed and empty.
    pub(in crate::file) fn take(
        &self,
        taken: &mut VecDeque<Command>,
        until: Option<Instant>,
    ) -> bool {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() {
                std::mem::swap(&mut state.waiting, taken);
                return true;
            }
            if state.closed {
                return false;
            }
            state.writer_sleeps = true;
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return true,
                Some(left) => {
                    self.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.more.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
