//! Ending a loop from outside.
use std::sync::Arc;

use tokio::sync::watch;

/// Ends a loop; see [`Poller::shutdown`](crate::Poller::shutdown). A clone ends the same one.
#[derive(Clone, Debug)]
pub struct Shutdown {
    signal: Arc<watch::Sender<bool>>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { signal: Arc::new(watch::Sender::new(false)) }
    }

    /// Ends the loop that runs, or the next one that is started: no more polls are made, and what has
    /// been received is handed out first. It returns at once.
    pub fn shut_down(&self) {
        self.signal.send_replace(true);
    }

    /// Whether the loop is to end, and has not yet.
    pub fn is_shut_down(&self) -> bool {
        *self.signal.borrow()
    }

    /// The loop has ended: the next run is not affected.
    pub(crate) fn reset(&self) {
        self.signal.send_replace(false);
    }

    /// Until it is said.
    pub(crate) fn said(&self) -> impl Future<Output = ()> + Send + 'static {
        let signal = Arc::clone(&self.signal);
        async move {
            let mut said = signal.subscribe();
            // The sender is held here: it does not go away.
            let _ = said.wait_for(|said| *said).await;
        }
    }
}
