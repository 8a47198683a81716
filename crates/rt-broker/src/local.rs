//! What both local engines keep in this process's memory, wherever their history is.

pub(crate) mod control;
pub(crate) mod keys;
pub(crate) mod presence;

use crate::bounds::Bounds;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// A source of the time.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How much of a topic is held, by its name.
pub(crate) type BoundsOf = Box<dyn Fn(&str) -> Bounds + Send + Sync>;
