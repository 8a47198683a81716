//! Topics for real-time servers: ordered, bounded and resumable.
//!
//! A [`Broker`] publishes [`Message`]s to topics and hands out [`Subscription`]s. A subscription is a
//! position in its topic: it first delivers the publications that were missed since that position,
//! then new ones, without a hole or a repeat between the two. If some of them are no longer held, the
//! subscription delivers an explicit [`Gap`].
//!
//! ```
//! use rt_broker::{Bounds, Broker, Delivery, MemoryEngine, Message, Start};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
//! let engine = MemoryEngine::builder().bounds(Bounds::new().count(2)).build();
//! let broker = Broker::builder(engine).build();
//! let seen = broker.publish("news", Message::text("one")).await?.position();
//! for text in ["two", "three", "four"] {
//!     broker.publish("news", Message::text(text).with_event("headline")).await?;
//! }
//!
//! // A subscriber that has seen "one" resumes. The topic holds two publications, so "two" is gone.
//! let mut subscription = broker.subscribe("news", Start::After(seen))?;
//! let mut log = Vec::new();
//! while let Some(delivery) = subscription.try_next()? {
//!     match delivery {
//!         Delivery::Gap(gap) => log.push(format!("gap: {}", gap.reason())),
//!         Delivery::Batch(batch) => {
//!             let data = batch.entries().iter().map(|entry| entry.publication().data());
//!             log.extend(data.flatten().map(str::to_owned));
//!         }
//!     }
//! }
//! assert_eq!(log, ["gap: evicted", "three", "four"]);
//! # Ok(()) }
//! ```
//!
//! [`Subscription::next`] waits for the next delivery; a subscription is also a
//! [`Stream`](futures_core::Stream).
//!
//! An [`Engine`] stores and orders publications: [`MemoryEngine`] in memory and, with the feature
//! `file`, `FileEngine` in a folder. Share an engine with the broker to keep a handle to it:
//!
//! ```no_run
//! # #[cfg(feature = "file")]
//! # async fn run() -> Result<(), rt_broker::Error> {
//! use rt_broker::{Broker, FileEngine, Message};
//! use std::sync::Arc;
//!
//! let engine = Arc::new(FileEngine::builder("/var/lib/news").open()?);
//! let broker = Broker::builder_shared(engine.clone()).build();
//! broker.publish("news", Message::text("hello")).await?;
//! engine.backup("/backups/monday").await?;
//! engine.close().await?;
//! # Ok(()) }
//! ```
//!
//! Brokers and subscriptions keep their engine alive. Dropping the last handle to a `FileEngine`
//! without `close` blocks the thread until everything is written, and reports no error.
//!
//! The contract of an engine is in the comments of its traits, [`History`], [`Presence`] and
//! [`Control`], and the suite behind the feature `conformance` tests it.

mod batch;
mod bounds;
mod boxed_future;
mod broker;
mod claim;
#[cfg(feature = "conformance")]
pub mod conformance;
mod delivery;
#[cfg(feature = "file")]
mod durability;
mod engine;
mod entry;
mod error;
mod external_id;
#[cfg(feature = "file")]
mod file;
mod local;
mod log;
mod memory;
mod message;
mod node;
mod object;
mod position;
mod publication;
// Transactions and recorded evictions are for engines that may fail to write.
#[cfg_attr(not(feature = "file"), allow(dead_code))]
mod retention;
#[cfg(any(feature = "simulation", all(test, feature = "file")))]
#[doc(hidden)]
pub mod simulation;
mod start;
mod subscribe_options;
mod subscription;
mod timestamp;
mod topic_name;

pub use batch::Batch;
pub use bounds::{Bounds, LIVE_WINDOW};
pub use boxed_future::BoxFuture;
pub use broker::{Broker, BrokerBuilder};
pub use claim::{Claim, ClaimRequest};
pub use delivery::{Delivery, Gap, GapReason};
#[cfg(feature = "file")]
pub use durability::Durability;
pub use engine::control::{Control, ControlHandler};
pub use engine::history::{History, Page, Receipt};
pub use engine::presence::{Presence, PresenceEntry};
pub use engine::{Capabilities, Engine, Health};
pub use entry::{Entry, WireFormat};
pub use error::Error;
pub use external_id::ExternalId;
#[cfg(feature = "file")]
pub use file::{FileEngine, FileEngineBuilder, Import, Imported};
pub use log::Log;
pub use log::snapshot::Snapshot;
pub use log::wakers::{Appended, Wakers};
pub use memory::{MemoryEngine, MemoryEngineBuilder};
pub use message::Message;
pub use node::NodeId;
pub use object::{FromObject, deserialize_object};
pub use position::{Epoch, Offset, ParsePositionError, Position};
pub use publication::Publication;
pub use retention::Evicted;
pub use start::Start;
pub use subscribe_options::SubscribeOptions;
pub use subscription::{Canceller, Subscription};
pub use timestamp::Timestamp;

// The examples of the README compile.
#[cfg(all(doctest, feature = "file"))]
#[doc = include_str!("../README.md")]
struct Readme;
