//! What the writer is asked for, in the order in which it is asked.

use crate::{Claim, Entry, Error, Log, Message, Page, Position, Receipt, Start};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot::Sender;
use uuid::Uuid;

pub(super) type Reply<T> = Sender<Result<T, Error>>;

pub(super) struct Publish {
    pub(super) topic: Box<str>,
    pub(super) message: Message,
    /// Its share of the queue's room, given back when it is taken.
    pub(super) room: u32,
    pub(super) reply: Reply<Receipt>,
}

/// An event that was published elsewhere.
pub(super) struct Imported {
    pub(super) topic: Box<str>,
    pub(super) message: Message,
    pub(super) time: u64,
    pub(super) uuid: Uuid,
}

pub(super) enum Job {
    Publish(Publish),
    Tail { topic: Box<str>, log: Arc<Log>, reply: Reply<()> },
    Read { topic: Box<str>, start: Start, limit: usize, reply: Reply<Page> },
    Claim { topic: Box<str>, start: Start, limit: usize, bytes: usize, reply: Reply<Claim> },
    Confirm { topic: Box<str>, position: Position, reply: Reply<()> },
    Remove { topic: Box<str>, reply: Reply<()> },
    Import { events: Vec<Imported>, reply: Reply<()> },
    Backup { folder: PathBuf, reply: Reply<()> },
    Sweep,
    Reserve,
    Flush { reply: Reply<()> },
}

/// Longest wait for more to write at once: a fraction of what a sync takes.
const GATHER: Duration = Duration::from_micros(100);
/// Longest wait for the next of them.
const GATHER_STILL: Duration = Duration::from_micros(20);

#[derive(Default)]
pub(super) struct Queue {
    jobs: Mutex<Jobs>,
    more: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    closed: bool,
    asleep: bool,
}

impl Queue {
    /// Waits a little for those who were just answered and publish their next: a sync costs the same
    /// for one as for all of them. `expected` is how many came the last time; who comes alone does
    /// not wait.
    pub(super) fn gather(&self, expected: usize) {
        let began = Instant::now();
        let (mut seen, mut grew) = (0, began);
        loop {
            let (waiting, now) = (self.lock().waiting.len(), Instant::now());
            if waiting > seen {
                (seen, grew) = (waiting, now);
            }
            if waiting >= expected || now - began >= GATHER || now - grew >= GATHER_STILL {
                break;
            }
            std::thread::yield_now();
        }
    }

    /// Adds a job, or gives it back where the queue is closed.
    pub(super) fn push(&self, job: Job) -> Result<(), Job> {
        let mut jobs = self.lock();
        if jobs.closed {
            return Err(job);
        }
        jobs.waiting.push_back(job);
        if std::mem::take(&mut jobs.asleep) {
            self.more.notify_one();
        }
        Ok(())
    }

    /// Lets nothing in any more; what is in it is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.more.notify_one();
    }

    /// Lets go of what is in it: who waits for an answer is told that there will be none.
    pub(super) fn clear(&self) {
        self.lock().waiting.clear();
    }

    /// Waits for jobs and moves all that wait into `taken`; no longer than `until`. `false` once
    /// the queue is closed and empty.
    pub(super) fn take(&self, taken: &mut VecDeque<Job>, until: Option<Instant>) -> bool {
        let mut jobs = self.lock();
        loop {
            if !jobs.waiting.is_empty() {
                std::mem::swap(&mut jobs.waiting, taken);
                return true;
            }
            if jobs.closed {
                return false;
            }
            jobs.asleep = true;
            jobs = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return true,
                Some(left) => {
                    self.more.wait_timeout(jobs, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.more.wait(jobs).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A publication that is written, and who waits for it.
pub(super) struct Written {
    pub(super) topic: Box<str>,
    pub(super) receipt: Receipt,
    /// None where it was a repetition.
    pub(super) entry: Option<Arc<Entry>>,
    pub(super) reply: Reply<Receipt>,
}
