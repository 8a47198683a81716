//! When a publication is on the disk.

use std::time::Duration;

/// How durable a publication is when [`Broker::publish`](crate::Broker::publish) resolves.
///
/// The operating system has the publication by then in every mode, so the end of the process alone
/// loses nothing. The modes differ in what the end of the system (a power cut, a crash of the kernel)
/// may lose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The publication is on the disk: nothing that was acknowledged is lost. Publishers at the same
    /// time share a sync.
    #[default]
    Always,
    /// The publication will be on the disk once `bytes` wait to be synced, or after `period` at the
    /// latest. At most what waits is lost.
    Group {
        /// The bytes of publications after which they are synced.
        bytes: usize,
        /// The longest time until they are synced.
        period: Duration,
    },
    /// The operating system writes the publication to the disk when it sees fit, usually within half
    /// a minute. What it has not written is lost.
    None,
}
