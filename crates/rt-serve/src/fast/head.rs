//! A small request, where it is one that goes the fast path.

use crate::Limits;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use httparse::Status;
use std::mem::MaybeUninit;

/// A head of more lines goes to hyper, as everything does that is out of the ordinary.
const MAX_HEADERS: usize = 32;

/// A request with the bytes that it was read from.
pub(super) struct Head {
    pub(super) request: Request<Bytes>,
    pub(super) bytes: Bytes,
}

// It lives for a step only: no box for the variant that is the rule.
#[allow(clippy::large_enum_variant)]
pub(super) enum Parsed {
    Whole(Head),
    /// More of it has to be read.
    Partial,
    /// hyper is to look at it, and to answer it where it is wrong.
    Other,
}

/// Takes one request from the front of what was read; head and body are to fit into the limit on
/// heads together, the body into its own as well.
pub(super) fn parse(read: &mut Vec<u8>, limits: &Limits) -> Parsed {
    // Not even a beginning of what goes this way: no need to wait for the rest.
    let may_be = |begin: &[u8]| read.starts_with(begin) || begin.starts_with(read);
    if !may_be(b"GET /") && !may_be(b"POST /") {
        return Parsed::Other;
    }
    let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut []);
    let length = match head.parse_with_uninit_headers(read, &mut lines) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Other,
    };
    let method = if head.method == Some("POST") { Method::POST } else { Method::GET };
    let body = match body_length(head.headers) {
        Some(0) => 0,
        Some(body) if method == Method::POST => body,
        _ => return Parsed::Other,
    };
    let large = length.saturating_add(body) > limits.head_bytes
        || body as u64 > limits.body_bytes
        || head.headers.len() > limits.headers;
    if head.version != Some(1) || large {
        return Parsed::Other;
    }
    if read.len() < length + body {
        return Parsed::Partial;
    }
    let bytes = Bytes::copy_from_slice(&read[..length + body]);
    let Some(request) = request(method, &head, read, &bytes) else { return Parsed::Other };
    let request = request.map(|()| bytes.slice(length..));
    match bytes.len() == read.len() {
        // Nothing is kept while the answer is waited for.
        true => *read = Vec::new(),
        false => drop(read.drain(..bytes.len())),
    }
    Parsed::Whole(Head { request, bytes })
}

/// The length of the body; `None` where a header says anything else of it, or of the connection,
/// that has to be acted upon.
fn body_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let mut length = None;
    for line in headers {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        let other = match line.name.len() {
            6 => is("expect"),
            7 => is("upgrade"),
            10 => is("connection") && !line.value.eq_ignore_ascii_case(b"keep-alive"),
            14 if is("content-length") => {
                let digits = line.value.iter().all(u8::is_ascii_digit);
                let text = std::str::from_utf8(line.value).ok().filter(|_| digits)?;
                length.replace(text.parse().ok()?).is_some()
            }
            17 => is("transfer-encoding"),
            _ => false,
        };
        if other {
            return None;
        }
    }
    Some(length.unwrap_or(0))
}

/// The request of a head that was parsed in `read`, sharing the bytes of its copy.
fn request(
    method: Method,
    head: &httparse::Request<'_, '_>,
    read: &[u8],
    bytes: &Bytes,
) -> Option<Request<()>> {
    let copy_of = |part: &[u8]| {
        let start = part.as_ptr().addr() - read.as_ptr().addr();
        bytes.slice(start..start + part.len())
    };
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for line in head.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_maybe_shared(copy_of(line.value)).ok()?);
    }
    // Of two hosts hyper's service is told both; none is for it to refuse as well.
    if headers.get_all(header::HOST).iter().count() != 1 {
        return None;
    }
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_maybe_shared(copy_of(head.path?.as_bytes())).ok()?;
    *request.headers_mut() = headers;
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { head_bytes: 200, ..Limits::default() }
    }

    fn kind(text: &str) -> &'static str {
        let mut read = text.as_bytes().to_vec();
        match parse(&mut read, &limits()) {
            Parsed::Whole(_) => "whole",
            Parsed::Partial => "partial",
            Parsed::Other => {
                assert_eq!(read, text.as_bytes(), "hyper is given all that was read");
                "other"
            }
        }
    }

    #[test]
    fn only_what_is_plain_goes_the_short_way() {
        for (text, expected) in [
            ("", "partial"),
            ("GE", "partial"),
            ("GET /a HTTP/1.1\r\nHost: x\r\n", "partial"),
            ("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "whole"),
            ("GET / HTTP/1.1\r\nhost: x\r\nconnection: Keep-Alive\r\n\r\n", "whole"),
            ("P", "partial"),
            ("PUT", "other"),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab", "partial"),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "whole"),
            ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", "whole"),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 199\r\n\r\n", "other"),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", "other"),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
                "other",
            ),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "other"),
            ("GEX", "other"),
            ("GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", "other"),
            ("GET /a HTTP/1.0\r\nHost: x\r\n\r\n", "other"),
            ("GET /a HTTP/1.1\r\n\r\n", "other"),
            ("GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "other"),
            ("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "other"),
            ("GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "whole"),
            ("GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "other"),
            ("GET /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", "other"),
            ("GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", "other"),
            ("GET /a HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", "other"),
            ("GET /\u{7f} HTTP/1.1\r\nHost: x\r\n\r\n", "other"),
        ] {
            assert_eq!(kind(text), expected, "{text:?}");
        }
        let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
        assert_eq!(kind(&format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")), "other");
    }

    #[test]
    fn what_follows_stays() {
        let first = "POST /1?x=%20 HTTP/1.1\r\nHost: x\r\nAccept: a\r\nAccept: b\r\n\
            Content-Length: 2\r\n\r\nhi";
        let mut read = format!("{first}GET /2").into_bytes();
        let Parsed::Whole(head) = parse(&mut read, &limits()) else { panic!("a request") };
        assert_eq!(head.request.uri(), "/1?x=%20");
        assert_eq!(head.request.body(), "hi");
        assert_eq!(head.request.headers().get_all("accept").iter().count(), 2);
        assert_eq!((&head.bytes[..], &read[..]), (first.as_bytes(), &b"GET /2"[..]));
    }
}
