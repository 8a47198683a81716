//! Memory goes back to the system once many streams have ended.
//!
//! The C library's allocator keeps what is freed between pieces still in use for itself: after ten
//! thousand streams that is a hundred megabytes which nothing else on the machine can have.

use sse_hub::Hub;
use std::time::Duration;

/// How often the number of streams is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// Streams that must have ended before it is worth a walk through the heap.
const MANY: usize = 500;

/// Watches the number of streams, and gives memory back after it has fallen by many.
pub async fn give_back(hub: Hub) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut most = 0;
    loop {
        ticks.tick().await;
        let now = hub.connections();
        most = most.max(now);
        if most - now >= MANY {
            most = now;
            // The walk takes milliseconds, which no stream should wait for.
            let _ = tokio::task::spawn_blocking(trim).await;
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    #[expect(unsafe_code, reason = "a call without arguments of ours; safe from any thread")]
    // SAFETY: malloc_trim takes the allocator's own locks and moves nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
