//! The durability of publications.

use std::time::Duration;

/// How durable a publication is when [`Broker::publish`](crate::Broker::publish) resolves.
///
/// By then the operating system has the publication in every mode, so a crash of the process alone
/// loses nothing. The modes differ in the publications that a power cut or a crash of the kernel may
/// lose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The publication is on the disk: no acknowledged publication is lost. Concurrent publishers
    /// share a sync.
    #[default]
    Always,
    /// The publication will be on the disk once `bytes` wait to be synced, or after `period` at the
    /// latest. Only publications that wait for the sync can be lost.
    Group {
        /// The number of bytes that may wait before they are synced.
        bytes: usize,
        /// The longest time that publications wait for a sync.
        period: Duration,
    },
    /// Synced about once a second while there is traffic; after that when the operating system sees
    /// fit. Publications that it has not written are lost.
    None,
}
