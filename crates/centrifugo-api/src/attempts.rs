//! The attempts of one call: which failures are tried again, and when.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rt_common::backoff::random_seed;
use rt_common::{Backoff, Reaction, Setup};
use tokio::time::Instant;

use crate::request::Repeat;
use crate::{Error, ErrorCode, RetryPolicy, StatusCode};

/// How long after the first attempt a key is relied on: servers keep it for five minutes.
const KEY_MEMORY: Duration = Duration::from_secs(240);

/// Runs `attempt` until it succeeds, must not be repeated, or has no retry or no time left. It is
/// given the time that is left. `proven` is set once any call of the client has succeeded.
pub(crate) async fn run<T, F: Future<Output = Result<T, Error>>>(
    policy: &RetryPolicy,
    proven: &AtomicBool,
    method: &str,
    repeat: Repeat,
    timeout: Duration,
    attempt: impl Fn(Duration) -> F,
) -> Result<T, Error> {
    let start = Instant::now();
    let mut left = timeout;
    let mut backoff: Option<Backoff> = None;
    let mut retries = 0;
    loop {
        let error = match attempt(left).await {
            Ok(done) => {
                // Read first: callers on other threads would lose the cache line with each store.
                if !proven.load(Ordering::Relaxed) {
                    proven.store(true, Ordering::Relaxed);
                }
                return Ok(done);
            }
            Err(error) => error,
        };
        let setup = match proven.load(Ordering::Relaxed) {
            true => Setup::Proven,
            false => Setup::Unproven,
        };
        if retries == policy.max_retries || !may_repeat(&error, repeat, setup) {
            return Err(error);
        }
        let now = Instant::now();
        let backoff =
            backoff.get_or_insert_with(|| Backoff::new(policy.base, policy.max, random_seed()));
        let wait = backoff.next_delay(now.into_std());
        let wait = error.retry_after().map_or(wait, |asked| asked.max(wait));
        left = timeout.saturating_sub(now - start);
        // The wait alone would use it up; or the server forgets its key meanwhile.
        let forgotten = repeat == Repeat::ByKey && now - start + wait >= KEY_MEMORY;
        if wait >= left || forgotten {
            return Err(error);
        }
        retries += 1;
        tracing::debug!(method, retries, ?wait, %error, "the call is tried again");
        tokio::time::sleep(wait).await;
        left = timeout.saturating_sub(start.elapsed());
    }
}

/// Whether the call can be made again without being done twice.
fn may_repeat(error: &Error, repeat: Repeat, setup: Setup) -> bool {
    let refused = error.status() == Some(StatusCode::TOO_MANY_REQUESTS)
        || error.code() == Some(ErrorCode::TooManyRequests);
    // There is no other server.
    error.reaction(setup) == Reaction::Retry
        && (repeat != Repeat::Never || error.is_connect() || refused)
}
