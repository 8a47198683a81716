//! Threads for the fast path, fewer than cores.
//!
//! Where thousands of small answers come and go, a shared scheduler spends its time on handing them
//! from thread to thread: with 2,000 polls on two cores, 0.2 to 0.4 switches of a thread for each
//! answer, against 0.07 where one thread has them all. A connection here stays with its thread, and
//! the other cores are left to the system's network work, to publishers and to the service.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct Workers {
    handles: Vec<Handle>,
    next: AtomicUsize,
}

impl Workers {
    /// Starts threads that end with `end`: one for two cores.
    pub(crate) fn start(end: &CancellationToken) -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let start = |number| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let end = end.clone();
            let thread = std::thread::Builder::new().name(format!("rt-serve-{number}"));
            thread.spawn(move || runtime.block_on(end.cancelled()))?;
            Ok(handle)
        };
        let handles = (0..(cores / 2).max(1)).map(start).collect::<io::Result<_>>()?;
        Ok(Self { handles, next: AtomicUsize::new(0) })
    }

    /// The thread for the next connection.
    pub(crate) fn next(&self) -> &Handle {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.handles[turn % self.handles.len()]
    }
}
