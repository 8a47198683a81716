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

    /// Says that the loop is to end, and does not wait for it. What is said before the loop begins
    /// holds, and it cannot be taken back.
    pub fn shut_down(&self) {
        self.signal.send_replace(true);
    }

    /// Whether it was said.
    pub fn is_shut_down(&self) -> bool {
        *self.signal.borrow()
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
