//! State that both local engines keep in memory: presence, control messages and idempotency keys.

pub(crate) mod control;
pub(crate) mod keys;
pub(crate) mod presence;

use crate::bounds::Bounds;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// A source of the time.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Returns the bounds of a topic by its name.
pub(crate) type BoundsOf = Box<dyn Fn(&str) -> Bounds + Send + Sync>;
