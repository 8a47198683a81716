//! Which request follows a redirect, as browsers do it (Fetch, "HTTP-redirect fetch"), but
//! stricter about what crosses origins. No I/O.
use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, StatusCode, Uri};
use url::Url;

/// Headers that another origin may see: what the protocol needs. Credentials, cookies and every
/// header of the caller's own stay behind.
const MAY_CROSS: [HeaderName; 6] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    header::USER_AGENT,
    LAST_EVENT_ID,
];

pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Headers that describe a body, and go with it.
const OF_THE_BODY: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
];

/// Whether this status redirects.
pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Makes of the request that was redirected the one that follows it.
pub(crate) fn follow(
    request: &mut Request<Bytes>,
    status: StatusCode,
    answer: &HeaderMap,
) -> Result<(), RedirectProblem> {
    let location = answer.get(header::LOCATION).ok_or(RedirectProblem::NoLocation(status))?;
    let location =
        std::str::from_utf8(location.as_bytes()).map_err(|_| RedirectProblem::BadLocation)?;
    let from = Url::parse(&request.uri().to_string()).map_err(|_| RedirectProblem::BadLocation)?;
    let mut to = from.join(location).map_err(|_| RedirectProblem::BadLocation)?;
    to.set_fragment(None);
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => {}
        ("https", "http") => return Err(RedirectProblem::ToPlain),
        _ => return Err(RedirectProblem::NotHttp),
    }
    let uri: Uri = to.as_str().parse().map_err(|_| RedirectProblem::BadLocation)?;

    let get_from_now_on = match status.as_u16() {
        301 | 302 => *request.method() == Method::POST,
        303 => !matches!(*request.method(), Method::GET | Method::HEAD),
        _ => false,
    };
    if get_from_now_on {
        *request.method_mut() = Method::GET;
        *request.body_mut() = Bytes::new();
        for name in OF_THE_BODY {
            request.headers_mut().remove(name);
        }
    }
    if from.origin() != to.origin() {
        let headers = std::mem::take(request.headers_mut());
        for name in MAY_CROSS {
            for value in headers.get_all(&name) {
                request.headers_mut().append(&name, value.clone());
            }
        }
    }
    *request.uri_mut() = uri;
    Ok(())
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedirectProblem {
    NoLocation(StatusCode),
    BadLocation,
    ToPlain,
    NotHttp,
    TooMany(u32),
}

impl fmt::Display for RedirectProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLocation(status) => {
                write!(f, "the server answered {} without a Location", status.as_u16())
            }
            Self::BadLocation => f.write_str("the redirect's Location is not a valid URL"),
            Self::ToPlain => f.write_str("a redirect from https to http is not followed"),
            Self::NotHttp => f.write_str("a redirect leads to something that is not http or https"),
            Self::TooMany(max) => write!(f, "more than {max} redirects"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(method: &str, url: &str) -> Request<Bytes> {
        Request::builder()
            .method(method)
            .uri(url)
            .header("accept", "text/event-stream")
            .header("cache-control", "no-cache")
            .header("last-event-id", "7")
            .header("content-type", "application/json")
            .header("authorization", "Bearer b")
            .header("cookie", "c=1")
            .header("x-api-key", "k")
            .body(Bytes::from_static(b"{}"))
            .unwrap()
    }

    fn redirected(
        method: &str,
        url: &str,
        status: u16,
        location: &str,
    ) -> Result<Request<Bytes>, RedirectProblem> {
        let mut request = request(method, url);
        let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().unwrap())]);
        follow(&mut request, StatusCode::from_u16(status).unwrap(), &headers).map(|()| request)
    }

    #[test]
    fn methods_change_as_in_browsers() {
        for (method, status, expected) in [
            ("GET", 301, "GET"),
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("POST", 307, "POST"),
            ("POST", 308, "POST"),
            ("PUT", 302, "PUT"),
            ("REPORT", 301, "REPORT"),
            ("REPORT", 303, "GET"),
            ("HEAD", 303, "HEAD"),
        ] {
            let next = redirected(method, "http://h/a", status, "/b").unwrap();
            assert_eq!(next.method(), expected, "{method} {status}");
            let kept = expected == method;
            assert_eq!(next.body().is_empty(), !kept, "{method} {status}");
            assert_eq!(next.headers().contains_key("content-type"), kept, "{method} {status}");
            assert_eq!(next.headers()["authorization"], "Bearer b");
        }
    }

    #[test]
    fn locations_are_joined() {
        for (location, expected) in [
            ("/b?c", "http://h/b?c"),
            ("b", "http://h/x/b"),
            ("?q=1", "http://h/x/a?q=1"),
            ("//other/y", "http://other/y"),
            ("https://h/z#part", "https://h/z"),
            ("http://h:80/é", "http://h/%C3%A9"),
        ] {
            let next = redirected("GET", "http://h/x/a?p", 302, location).unwrap();
            assert_eq!(next.uri().to_string(), expected, "{location}");
        }
    }

    #[test]
    fn only_what_the_protocol_needs_crosses_origins() {
        for location in ["http://other/", "http://h:81/", "https://h/"] {
            let next = redirected("POST", "http://h/a", 307, location).unwrap();
            for gone in ["authorization", "cookie", "x-api-key"] {
                assert!(!next.headers().contains_key(gone), "{gone} went to {location}");
            }
            for kept in ["accept", "cache-control", "last-event-id", "content-type"] {
                assert!(next.headers().contains_key(kept), "{kept} is missing at {location}");
            }
            assert_eq!(next.body(), "{}");
        }
        let same = redirected("GET", "http://u:p@h/a", 302, "http://h:80/b").unwrap();
        assert_eq!(same.headers()["x-api-key"], "k");
        let other = redirected("GET", "http://u:p@h/a", 302, "http://other/b").unwrap();
        assert_eq!(other.uri().authority().unwrap(), "other", "userinfo stays behind");
    }

    #[test]
    fn what_is_not_followed() {
        use RedirectProblem as P;
        let mut bare = request("GET", "http://h/");
        let status = StatusCode::MOVED_PERMANENTLY;
        assert_eq!(follow(&mut bare, status, &HeaderMap::new()), Err(P::NoLocation(status)));
        for (from, to, problem) in [
            ("https://h/", "http://h/", P::ToPlain),
            ("http://h/", "file:///etc/passwd", P::NotHttp),
            ("http://h/", "javascript:1", P::NotHttp),
            ("http://h/", "http://", P::BadLocation),
            ("http://h/", "http://a b/", P::BadLocation),
        ] {
            assert_eq!(redirected("GET", from, 302, to).unwrap_err(), problem, "{from} to {to}");
        }
        assert!(is_redirect(StatusCode::SEE_OTHER) && !is_redirect(StatusCode::NOT_MODIFIED));
    }

    proptest! {
        /// Whatever a server writes into Location: no panic, no way from https to http, and no
        /// credential at another origin.
        #[test]
        fn no_location_leaks_or_downgrades(
            https: bool,
            location in "(https?:)?(//(h|other|h:8080|u:p@h))?[/?#]?\\PC{0,12}",
            status in proptest::sample::select(vec![301_u16, 302, 303, 307, 308]),
        ) {
            let from = if https { "https://h/a" } else { "http://h/a" };
            let Ok(value) = header::HeaderValue::from_bytes(location.as_bytes()) else { return Ok(()) };
            let mut request = request("POST", from);
            let headers = HeaderMap::from_iter([(header::LOCATION, value)]);
            if follow(&mut request, StatusCode::from_u16(status).unwrap(), &headers).is_ok() {
                let (from, to) = (Url::parse(from).unwrap(), request.uri().to_string());
                let to = Url::parse(&to).unwrap();
                prop_assert!(!https || to.scheme() == "https", "{}", to);
                if from.origin() != to.origin() {
                    for name in ["authorization", "cookie", "x-api-key"] {
                        prop_assert!(!request.headers().contains_key(name), "{} to {}", name, to);
                    }
                }
            }
        }
    }
}
