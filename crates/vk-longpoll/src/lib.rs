//! VK's long poll, of users and of bots: every event typed, and a loop that keeps its place and
//! never dies.

mod answer;
mod api;
pub mod bots;
mod builder;
mod decode_error;
mod error;
mod failed;
mod handlers;
mod item;
mod json;
mod kind;
mod policy;
mod poller;
mod position;
mod retry_policy;
mod run;
mod scan;
mod server;
mod shutdown;
pub mod user;

pub use api::{
    Api, ApiBuilder, ApiError, Captcha, CaptchaAnswer, Execute, ExecuteReplies, SendMessage,
};
pub use builder::Builder;
pub use decode_error::DecodeError;
pub use error::Error;
pub use failed::Failed;
pub use handlers::{Handlers, Of, Response};
pub use item::{Answered, Disconnected, Gap, Item};
pub use json::Json;
pub use poller::{Events, Poller};
pub use position::Position;
pub use retry_policy::RetryPolicy;
pub use shutdown::Shutdown;

#[doc(no_inline)]
pub use http::StatusCode;
#[doc(no_inline)]
pub use rt_common::{HttpClient, HttpError, Secret};
#[doc(no_inline)]
pub use serde_json::value::RawValue;
