//! A hub for server-sent events: zones with clients, replay, presence, three ways to send.
//!
//! A [`Hub`] responds to a request with an event stream ([`Hub::register`]) inside any handler, or as a
//! [`tower_service::Service`] ([`Hub::service`]). A [`Packet`] is sent to every client of every
//! zone, to every client of one zone, or to one client ([`Hub::send`]).
//!
//! ```
//! use sse_hub::{Hub, Packet, random_id};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::in_memory();
//! // In a handler: the response streams what is sent to the zone from now on.
//! let request = http::Request::get("/events").body(())?;
//! let response = hub.register(&request, "news", random_id);
//! assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
//!
//! let sent = hub.send(Packet::to_zone("news", "hello")).await?;
//! assert_eq!(sent.reached, 1);
//! # Ok(()) }
//! ```
//!
//! A client that reconnects with its `Last-Event-ID` receives what it missed. What is no longer held
//! is reported by an event `gap`, never dropped in silence.

mod body;
mod builder;
mod clients;
mod close_id;
mod closing;
mod encode;
mod error;
mod grant;
mod hub;
mod name;
mod packet;
mod presence;
mod register;
mod send;
mod service;

pub use body::Body;
pub use builder::{HubBuilder, SameId, SlowClient};
pub use clients::Client;
pub use closing::CloseReason;
pub use encode::encode;
pub use error::{SendError, json_error};
pub use grant::Grant;
pub use hub::Hub;
pub use name::{ClientId, InvalidName, Zone, random_id};
pub use packet::{Packet, Sent};
pub use presence::Present;
pub use rt_broker;
pub use service::{HubService, Refusal};
