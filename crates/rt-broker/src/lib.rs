//! Topics under the real-time HTTP servers: ordered, bounded and resumable.
//!
//! A [`Broker`] publishes [`Message`]s to topics and hands out [`Subscription`]s. A subscription is
//! a position in its topic's log on this node: it first gets what it missed, then what comes,
//! without a hole or a repeat between the two. A position that is no longer held gives an explicit
//! [`Gap`], never silence.
//!
//! ```
//! use rt_broker::{Broker, Delivery, Message, Start};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
//! let broker = Broker::in_memory();
//! let receipt = broker.publish("news", Message::text("hello")?).await?;
//!
//! let mut subscription = broker.subscribe("news", Start::Earliest)?;
//! let Delivery::Batch(batch) = subscription.next().await? else { panic!("nothing was lost") };
//! assert_eq!(batch.entries()[0].publication().position(), receipt.position());
//! # Ok(()) }
//! ```
//!
//! What stores and orders publications is an [`Engine`]: [`MemoryEngine`] here, others behind
//! features. What an engine owes its callers is written at the trait, and tested by
//! the `conformance` feature's suite.

mod broker;
mod claim;
#[cfg(feature = "conformance")]
pub mod conformance;
mod engine;
mod entry;
mod error;
#[cfg(feature = "file")]
mod file;
mod local;
mod log;
mod memory;
mod message;
mod object;
mod options;
mod position;
#[cfg(any(feature = "simulation", all(test, feature = "file")))]
#[doc(hidden)]
pub mod simulation;
mod subscription;
mod timestamp;

pub use broker::{Broker, BrokerBuilder};
pub use claim::Claim;
pub use engine::{
    BoxFuture, ControlHandler, Engine, Health, NodeId, Page, PresenceEntry, Promises, Receipt,
};
pub use entry::{Batch, Entry, Form, Publication};
pub use error::Error;
pub use log::{Log, Snapshot, Woken};
pub use memory::{MemoryEngine, MemoryEngineBuilder};
pub use message::Message;
pub use object::{FromObject, deserialize_object};
pub use options::{Bounds, LIVE_WINDOW};
pub use position::{Epoch, Offset, ParsePositionError, Position};
pub use subscription::{Canceller, Delivery, Gap, GapReason, Start, Subscription};
pub use timestamp::Timestamp;
