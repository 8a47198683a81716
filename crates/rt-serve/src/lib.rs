//! A listener for [`tower_service::Service`]s: HTTP/1.1 on an accept loop of its own, with limits
//! and time-outs on all that a stranger sends, and an end that open streams do not hold up.
//!
//! ```no_run
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use rt_serve::{RequestBody, Server, service_fn};
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! # #[tokio::main] async fn main() -> Result<(), rt_serve::Error> {
//! let service = service_fn(|_request: Request<RequestBody>| async {
//!     Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from("hello\n")))
//! });
//! let server = Server::builder().bind("127.0.0.1:8080".parse().unwrap())?;
//! let running = server.serve(service);
//! running.shutdown(Duration::from_secs(2)).await;
//! # Ok(()) }
//! ```
//!
//! A request carries the peer's [`std::net::SocketAddr`] in its extensions.
//!
//! One protocol a connection is what keeps a waiting stream small: automatic detection of HTTP/2
//! costs half as much memory again. The feature `http2` therefore looks at a connection's first
//! bytes before it takes one of the two.

mod body;
mod connection;
mod error;
mod fast;
mod limits;
mod refuse;
mod rewind;
mod server;
mod serves;
mod service;
mod stall;
mod workers;

pub use body::{BodyError, RequestBody};
pub use error::Error;
pub use fast::FastPath;
pub use limits::Limits;
pub use server::{Drained, Running, Server, ServerBuilder};
pub use serves::Serves;
pub use service::{ServiceFn, service_fn};

// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
