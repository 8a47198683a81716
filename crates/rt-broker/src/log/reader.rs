//! The readers of a log: one per subscriber.

use crate::delivery::Gap;
use crate::position::Offset;
use crate::start::Start;
use std::sync::Arc;
use std::task::Waker;

/// A subscriber's place in a log. There is one per waiting stream, so it is small: fields that few
/// readers use are boxed.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) client: Option<Arc<str>>,
    /// The requested start, until the log is open.
    pub(super) start: Option<Box<Start>>,
    /// Everything up to and including this offset has been delivered, or is not for this reader.
    pub(super) after: Offset,
    /// Live-only entries are for this reader above this offset.
    pub(super) live_from: Offset,
    /// The gap that is delivered before anything else.
    pub(super) gap: Option<Box<Gap>>,
    /// The maximum number of bytes that may wait for this reader once it has caught up.
    pub(super) max_lag: usize,
    pub(super) waker: Option<Waker>,
    /// Distinguishes this reader from an earlier or later one under the same key.
    pub(super) serial: u64,
    /// Cancelled from elsewhere: the reader does not count and receives nothing, but keeps its
    /// position until its subscription is dropped.
    pub(super) cancelled: bool,
}

impl Reader {
    pub(crate) fn new(client: Option<Arc<str>>, max_lag: usize) -> Self {
        Self {
            client,
            start: None,
            after: Offset::ZERO,
            live_from: Offset::ZERO,
            gap: None,
            max_lag,
            waker: None,
            serial: 0,
            cancelled: false,
        }
    }
}
