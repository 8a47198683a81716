//! What engines keep in this process's memory, wherever their history is.

mod control;
mod idle;
mod keys;
mod presence;

pub(crate) use control::Control;
pub(crate) use idle::Idle;
pub(crate) use keys::Keys;
#[cfg(feature = "file")]
pub(crate) use keys::WINDOW;
pub(crate) use presence::Presence;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) type Clock = Box<dyn Fn() -> u64 + Send + Sync>;
pub(crate) type BoundsOf = Box<dyn Fn(&str) -> crate::Bounds + Send + Sync>;

/// The system's clock, in milliseconds since the Unix epoch.
pub(crate) fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
