//! The page, embedded in the binary.

use http::{HeaderValue, Response, header};
use sse_hub::Body;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The file of the page at this path.
pub fn file(path: &str) -> Option<Response<Body>> {
    let (kind, text) = match path {
        "/" => ("text/html; charset=utf-8", include_str!("page/page.html")),
        "/page.css" => ("text/css; charset=utf-8", include_str!("page/page.css")),
        "/page.js" => ("text/javascript; charset=utf-8", include_str!("page/page.js")),
        "/shared.js" => ("text/javascript; charset=utf-8", include_str!("page/shared.js")),
        "/poll.js" => ("text/javascript; charset=utf-8", include_str!("page/poll.js")),
        "/stream.js" => ("text/javascript; charset=utf-8", include_str!("page/stream.js")),
        "/column.js" => ("text/javascript; charset=utf-8", include_str!("page/column.js")),
        _ => return None,
    };
    let mut response = Response::new(Body::from(bytes::Bytes::from_static(text.as_bytes())));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
