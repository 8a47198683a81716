//! Answers: their headers, their errors.

use crate::{Body, strict};
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use rt_broker::Timestamp;
use std::time::Duration;

pub(crate) const CURSOR: HeaderName = HeaderName::from_static("longpoll-cursor");
const GAP: HeaderName = HeaderName::from_static("longpoll-gap");

/// An answer `{"error": "…"}` with this status, in golongpoll's spacing: what a hook may refuse
/// with.
#[must_use]
pub fn error_answer(status: StatusCode, error: &str) -> Response<Body> {
    let error = serde_json::Value::from(error);
    let mut response = published(format!(r#"{{"error": {error}}}"#).into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error that goes away: when to come back is said.
pub(crate) fn busy(status: StatusCode, error: &str, after: Duration) -> Response<Body> {
    let mut response = error_answer(status, error);
    let seconds = HeaderValue::from(after.as_secs().max(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// What could not be published or subscribed to.
pub(crate) fn broker_error(error: &rt_broker::Error) -> Response<Body> {
    let public = error.without_causes().to_string();
    if error.is_invalid() {
        return error_answer(StatusCode::BAD_REQUEST, &public);
    }
    tracing::warn!(%error, "a request failed");
    busy(StatusCode::SERVICE_UNAVAILABLE, &public, Duration::from_secs(5))
}

/// golongpoll's answer to a poll: always 200, with all its headers against caches.
pub(crate) fn poll(body: Bytes, gap: Option<&'static str>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    // Six fit without growing: five and a gap.
    let mut headers = HeaderMap::with_capacity(6);
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(gap) = gap {
        headers.insert(GAP, HeaderValue::from_static(gap));
    }
    *response.headers_mut() = headers;
    response
}

/// golongpoll's answer to a poll that asks wrongly: 200 as well.
pub(crate) fn bad_poll(error: &str) -> Response<Body> {
    poll(format!(r#"{{"error": "{error}"}}"#).into(), None)
}

/// golongpoll's answer to a poll that saw nothing.
pub(crate) fn timed_out(watermark: Timestamp, gap: Option<&'static str>) -> Response<Body> {
    let body = format!(r#"{{"timeout":"no events before timeout","timestamp":{watermark}}}"#);
    poll(body.into(), gap)
}

/// golongpoll's answer to a publication.
pub(crate) fn published(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The strict form's answer: 204 where there is no body.
pub(crate) fn strict(body: Bytes, cursor: &str) -> Response<Body> {
    let empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A cursor is base64url, which any header takes.
    if let (Ok(text), Ok(tag)) =
        (HeaderValue::from_str(cursor), HeaderValue::from_str(&format!("\"{cursor}\"")))
    {
        headers.insert(CURSOR, text);
        headers.insert(header::ETAG, tag);
    }
    if empty {
        *response.status_mut() = StatusCode::NO_CONTENT;
    } else {
        let kind = HeaderValue::from_static(strict::CONTENT_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// A strict poll from a position that is gone, where the server is to say so and nothing else.
pub(crate) fn gone(category: &str, gap: &rt_broker::Gap) -> Response<Body> {
    let error = format!(
        "what followed the cursor in the category {category:?} is no longer held ({}); poll \
         without a cursor",
        gap.reason()
    );
    error_answer(StatusCode::GONE, &error)
}

/// The last answer on its connection.
pub(crate) fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
