//! A subscriber as its log knows it.

use crate::delivery::Gap;
use crate::position::Offset;
use crate::start::Start;
use std::sync::Arc;
use std::task::Waker;

/// A subscriber's place in a log. Small, since there is one per waiting stream: what few readers
/// ever have is boxed.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) client: Option<Arc<str>>,
    /// Set until the log is open.
    pub(super) start: Option<Box<Start>>,
    /// Everything up to and with this offset has been given to it, or is not for it.
    pub(super) after: Offset,
    /// Entries that are live only are for it above this offset.
    pub(super) live_from: Offset,
    /// Delivered before anything else.
    pub(super) gap: Option<Box<Gap>>,
    /// The most bytes that may wait for it once it has caught up.
    pub(super) max_lag: usize,
    pub(super) waker: Option<Waker>,
    /// Tells this reader from an earlier or later one under the same key.
    pub(super) serial: u64,
    /// Cancelled from elsewhere: it does not count and is given nothing, but keeps its position
    /// until its subscription is dropped.
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
