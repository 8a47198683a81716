//! When what is published is on the disk.

use std::time::Duration;

/// How durable a publication is when [`publish`](crate::Broker::publish) resolves.
///
/// In every mode it is in the operating system's hands by then, so that the end of the process
/// alone loses nothing. The modes differ in what the end of the system (a power cut, a crash of
/// the kernel) may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Sync {
    /// It is on the disk: nothing that was acknowledged is lost. Those who publish at the same time
    /// share a sync.
    #[default]
    Always,
    /// It will be on the disk after `period` at the latest, or once that many `bytes` wait: at most
    /// those are lost.
    Group {
        /// Bytes of publications.
        bytes: usize,
        /// The longest wait.
        period: Duration,
    },
    /// The operating system writes it when it sees fit, as a rule within half a minute.
    None,
}
