//! Centrifugo's server API: today's (v3 to v6), the legacy one (v1), and tokens.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod code;
mod endpoint;
mod error;
mod exchange;
pub mod legacy;
mod payload;

pub use code::ErrorCode;
pub use error::Error;
pub use payload::Payload;

#[doc(no_inline)]
pub use http::StatusCode;
#[doc(no_inline)]
pub use rt_common::{HttpClient, HttpError, Secret};
#[doc(no_inline)]
pub use serde_json::value::RawValue;
