//! Pages of other origins (the Fetch standard, section "CORS protocol").

use crate::Body;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

/// What a page may read of an answer beside its body.
const EXPOSED: &str = "etag, longpoll-cursor, longpoll-gap, retry-after";

#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origins: Vec<String>,
    any: bool,
}

impl Cors {
    pub(crate) fn new(origins: impl Iterator<Item = String>) -> Self {
        let origins: Vec<_> =
            origins.map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect();
        let any = origins.iter().any(|origin| origin == "*");
        Self { origins, any }
    }

    /// The headers by which a page of this origin may read an answer.
    pub(crate) fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if !self.any {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = origin else { return };
        let listed = origin.to_str().is_ok_and(|origin| {
            self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
        });
        if !listed && !self.any {
            return;
        }
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        if listed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let yes = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        } else {
            let any = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        }
    }
}

/// Whether a browser asks by this request whether it may send another one.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight; whether the origin is allowed is said by [`Cors::allow`].
pub(crate) fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "accept, authorization, content-type, idempotency-key, if-none-match",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
