//! Which requests are heard at all: by the Host they name and the Origin they come from.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use sse_hub::{Body, json_error};
use std::net::{IpAddr, SocketAddr};

/// A page elsewhere whose name was made to point here (DNS rebinding) names its own host, and a
/// form or script elsewhere its own origin: neither is let in.
pub struct Guard {
    listen: SocketAddr,
    /// The listener's address as a Host header has it.
    usual: String,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Guard {
    pub fn new(listen: SocketAddr, hosts: &[String], origins: &[String]) -> Self {
        let lower = |names: &[String]| {
            names.iter().map(|name| name.trim_end_matches('/').to_ascii_lowercase()).collect()
        };
        Self { listen, usual: listen.to_string(), hosts: lower(hosts), origins: lower(origins) }
    }

    /// The answer to a request that is not heard.
    pub fn refuse<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if self.is_usual(request) {
            return None;
        }
        let Some(host) = host(request) else {
            return Some(json_error(StatusCode::BAD_REQUEST, "the request names no Host"));
        };
        if !self.knows(&host) {
            let error = format!("the host {host:?} is not known here; see --allow-host");
            return Some(json_error(StatusCode::FORBIDDEN, &error));
        }
        let origin = origin(request.headers())?;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if reads || self.is_same(&origin, &host) || self.origins.contains(&origin) {
            return None;
        }
        let error = format!("the origin {origin:?} may not use this gateway; see --allow-origin");
        Some(json_error(StatusCode::FORBIDDEN, &error))
    }

    /// A request without an origin to the address as it was given, which most are.
    fn is_usual<B>(&self, request: &Request<B>) -> bool {
        let headers = request.headers();
        let host = headers.get(header::HOST).map(|host| host.as_bytes());
        request.uri().authority().is_none()
            && !headers.contains_key(header::ORIGIN)
            && host == Some(self.usual.as_bytes())
    }

    /// Lets the pages of an allowed origin read the answer.
    pub fn allow_origin(&self, request: Option<&HeaderMap>, response: &mut Response<Body>) {
        if self.origins.is_empty() {
            return;
        }
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(request) = request else { return };
        let Some(given) = request.get(header::ORIGIN) else { return };
        if origin(request).is_some_and(|origin| self.origins.contains(&origin)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, given.clone());
            let yes = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
            let exposed =
                HeaderValue::from_static("etag, longpoll-cursor, longpoll-gap, retry-after");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    /// The answer to a preflight; the origin was checked as any other's.
    pub fn preflight() -> Response<Body> {
        let mut response = Response::new(Body::from(String::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "accept, authorization, content-type, idempotency-key, if-none-match, last-event-id",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn knows(&self, host: &str) -> bool {
        let name = without_port(host);
        let ip = name.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let own = match ip {
            // Only names can be made to point elsewhere; a gateway on all addresses has many.
            Some(ip) => {
                ip.is_loopback() || ip == self.listen.ip() || self.listen.ip().is_unspecified()
            }
            None => name == "localhost" || name.ends_with(".localhost"),
        };
        own || self.hosts.iter().any(|known| known == host || known == name)
    }

    fn is_same(&self, origin: &str, host: &str) -> bool {
        origin.split_once("://").is_some_and(|(_, authority)| authority == host)
    }
}

/// The host that a request names, in lower case: HTTP/2's authority, HTTP/1's header.
fn host<B>(request: &Request<B>) -> Option<String> {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = authority.or(header)?;
    // What is no authority (spaces, user names) is no host.
    let sound = host.parse::<Uri>().ok().is_some_and(|uri| uri.authority().is_some());
    (sound && !host.contains('@')).then(|| host.to_ascii_lowercase())
}

fn origin(headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?;
    Some(String::from_utf8_lossy(origin.as_bytes()).to_ascii_lowercase())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => {
            // `[::1]` without a port has colons of its own.
            if host.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}
