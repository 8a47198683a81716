//! What each attempt of a stream needs to know.
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Request, Uri};
use rt_common::{BoxError, HttpClient};

use crate::content_type::ContentTypes;
use crate::end_rules::EndRules;
use crate::{Reconnect, RetryPolicy};

/// The description of a stream, as its builder has checked it.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) uri: Uri,
    pub(crate) method: Option<Method>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) reconnect: Option<Reconnect>,
    pub(crate) client: Option<HttpClient>,
    pub(crate) last_event_id: String,
    pub(crate) response_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) max_redirects: u32,
    pub(crate) max_event_bytes: usize,
    pub(crate) content_types: ContentTypes,
    pub(crate) end_rules: EndRules,
    pub(crate) hook: Option<Hook>,
}

pub(crate) type HookFuture = Pin<Box<dyn Future<Output = Result<Request<Bytes>, BoxError>> + Send>>;
pub(crate) type Hook = Arc<dyn Fn(Request<Bytes>, Attempt) -> HookFuture + Send + Sync>;

/// Which attempt a [hook](crate::EventStreamBuilder::before_attempt) is called for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The attempt's number on this stream, from 1.
    pub number: u64,
    /// The last event id so far; empty if there is none. The request has it as `Last-Event-ID`
    /// already.
    pub last_event_id: String,
}
