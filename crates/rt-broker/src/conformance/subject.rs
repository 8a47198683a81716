//! The interface between the suite and an engine's tests.

use crate::bounds::Bounds;
use crate::boxed_future::BoxFuture;
use crate::engine::Engine;
use crate::external_id::ExternalId;
use crate::message::Message;
use crate::position::Offset;
use std::future::ready;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// Creates engines for the suite and advances their clocks.
pub trait Subject: Sync {
    /// Creates a fresh, empty engine whose topics have these bounds.
    fn engine(&self, bounds: Bounds) -> BoxFuture<'_, Arc<dyn Engine>>;

    /// Advances the engines' clocks by at least `by`.
    fn advance(&self, by: Duration) -> BoxFuture<'_, ()>;

    /// Imports a message into the engine that was created last. Returns `false` if such an engine
    /// cannot import, which skips the checks of imports.
    fn import<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
        id: ExternalId,
    ) -> BoxFuture<'a, bool> {
        let _ = (topic, message, id);
        Box::pin(ready(false))
    }

    /// Makes publications unreadable in the engine that was created last, with no log open on their
    /// topic. Returns `false` if that cannot be done, which skips the checks of lost
    /// publications.
    fn damage<'a>(
        &'a self,
        topic: &'a str,
        offsets: RangeInclusive<Offset>,
    ) -> BoxFuture<'a, bool> {
        let _ = (topic, offsets);
        Box::pin(ready(false))
    }
}
