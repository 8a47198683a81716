//! Waiting polls: how many there are, and what ends their wait.
//!
//! A poll that waits is a place in its topic's log and a timer, nothing else. At shutdown the logs
//! wake their readers, so that no poll holds a second registration for it.

use metrics::{Gauge, gauge};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::time::Sleep;

pub(crate) struct Wait {
    max: usize,
    count: AtomicUsize,
    closed: AtomicBool,
    gauge: Gauge,
}

/// What ended a wait.
pub(crate) enum Woken<T> {
    By(T),
    TimedOut,
    Closing,
}

/// One waiting poll's place in the count.
pub(crate) struct Place<'a>(&'a Wait);

impl Wait {
    pub(crate) fn new(max: usize) -> Self {
        let gauge = gauge!("lp_server_waiting");
        Self { max, count: AtomicUsize::new(0), closed: AtomicBool::new(false), gauge }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// A place among those that wait, unless there are as many as may.
    pub(crate) fn place(&self) -> Option<Place<'_>> {
        self.gauge.increment(1);
        let place = Place(self);
        (self.count.fetch_add(1, Ordering::Relaxed) < self.max).then_some(place)
    }

    /// From now on no poll waits. The logs' readers are to be woken after this.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Waits until `poll` is ready, the time is over, or the server is closing. `poll` must have
    /// its waker parked in a log of the broker that is woken at shutdown.
    pub(crate) async fn until<T>(
        &self,
        mut sleep: Pin<&mut Sleep>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Woken<T> {
        poll_fn(|cx| {
            if let Poll::Ready(ready) = poll(cx) {
                return Poll::Ready(Woken::By(ready));
            }
            // Looked at once the waker is parked: whoever closes wakes after saying so.
            if self.is_closed() {
                return Poll::Ready(Woken::Closing);
            }
            sleep.as_mut().poll(cx).map(|()| Woken::TimedOut)
        })
        .await
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.gauge.decrement(1);
    }
}
