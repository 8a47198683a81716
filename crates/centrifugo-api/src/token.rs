//! Tokens that let clients connect and subscribe: JWTs, as Centrifugo 3 to 6 take them.
//!
//! ```
//! use centrifugo_api::token::{ConnectionClaims, Key, SubscriptionClaims};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), centrifugo_api::Error> {
//! let key = Key::hs256("secret")?;
//! let connect = key.sign(&ConnectionClaims::new("42").expires_in(Duration::from_secs(3600)))?;
//! let subscribe = key.sign(&SubscriptionClaims::new("42", "chat:1"))?;
//! # Ok(())
//! # }
//! ```
mod claims;
mod key;
#[cfg(feature = "jwt")]
mod pem;

pub use claims::{Claims, ConnectionClaims, ServerSubscription, SubscriptionClaims};
#[cfg(feature = "jwt")]
pub use key::Algorithm;
pub use key::Key;
