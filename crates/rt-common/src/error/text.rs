//! HTTP errors in words.
use std::error::Error as StdError;
use std::fmt;

#[cfg(feature = "reqwest")]
use super::certificate::explain;
use super::{HttpError, Inner, Kind, MAX_HEADER_KIB, MAX_HEADER_LINES};
use crate::causes::chain;
use crate::{Excerpt, StatusText, write_with_causes};

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(f, &*self.inner, self.source())
    }
}

/// The error without its causes.
impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "{target}: ")?;
        }
        match &self.kind {
            Kind::Request => f.write_str("the request is not valid"),
            Kind::Client => f.write_str("the HTTP client cannot be made"),
            Kind::Connect { timed_out: false } => f.write_str("could not connect"),
            Kind::Connect { timed_out: true } => f.write_str("could not connect in time"),
            Kind::Tls { certificate: true } => {
                f.write_str("the server's certificate is refused")?;
                match self.source.as_deref().and_then(|source| explain(source)) {
                    Some(meaning) => write!(f, ": {meaning}"),
                    None => Ok(()),
                }
            }
            Kind::Tls { certificate: false } => f.write_str("the TLS handshake failed"),
            Kind::TimedOut => f.write_str("timed out"),
            Kind::Transport => f.write_str("the connection failed"),
            Kind::Body => f.write_str("the body broke off"),
            Kind::TooLarge { limit } => write!(f, "the body is larger than {limit} bytes"),
            Kind::HeadTooLarge => write!(
                f,
                "the response has more than {MAX_HEADER_LINES} header lines, or more than \
                 {MAX_HEADER_KIB} KiB of them"
            ),
            Kind::Status { status, body, .. } => {
                write!(f, "the server answered {}", StatusText(*status))?;
                show_body(f, body)
            }
            Kind::ContentType { expected, got: Some(got), body } => {
                write!(f, "expected the content type {expected}, got {got:?}")?;
                show_body(f, body)
            }
            Kind::ContentType { expected, got: None, body } => {
                write!(f, "expected the content type {expected}, got none")?;
                show_body(f, body)
            }
        }
    }
}

/// One line of the body's beginning.
fn show_body(f: &mut fmt::Formatter<'_>, body: &[u8]) -> fmt::Result {
    match Excerpt::of_body(body) {
        Some(excerpt) => write!(f, ": {excerpt}"),
        None => Ok(()),
    }
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpError")
            .field("kind", &self.inner.kind)
            .field("target", &self.inner.target)
            .field("source", &self.inner.source)
            .finish()
    }
}

/// Texts of HTTP libraries' errors that say less than [`Kind`] does. Such an error stands above the
/// actual cause, or alone.
const UNINFORMATIVE: [&str; 10] = [
    "builder error",
    "client error (Connect)",
    "client error (SendRequest)",
    "connection error",
    "deadline has elapsed",
    "error reading a body from connection",
    "error sending request",
    "operation timed out",
    "request or response body error",
    "tcp connect error",
];

impl StdError for HttpError {
    /// The first cause that says more than this error does by itself.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let first = self.inner.source.as_deref().map(|source| source as &(dyn StdError + 'static));
        chain(first).find(|cause| !UNINFORMATIVE.contains(&&*cause.to_string()))
    }
}

/// Without TLS of our own there is no certificate to explain.
#[cfg(not(feature = "reqwest"))]
fn explain(_: &(dyn StdError + 'static)) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn display_names_the_cause_and_no_secret() {
        let error = HttpError::connect_failed(std::io::Error::other("deep cause"))
            .with_target(&http::Method::GET, "https://u:pw@h/x?token=t0p");
        let text = "GET https://***@h/x?token=***: could not connect: deep cause";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.source().unwrap().to_string(), "deep cause");
        let all = format!("{error} {error:?}");
        assert!(!all.contains("pw@") && !all.contains("t0p"), "{all}");
    }

    #[test]
    fn a_long_body_is_shown_in_part_and_on_one_line() {
        let body = Bytes::from(format!("a\nb\u{1b}[31m{}", "é".repeat(1_000)));
        let text =
            HttpError::from_status(StatusCode::NOT_FOUND, &HeaderMap::new(), body).to_string();
        assert!(text.starts_with("the server answered 404 Not Found: a b [31mé"), "{text}");
        assert!(text.ends_with("é…") && text.chars().count() < 300, "{text}");
    }

    #[test]
    fn a_status_without_a_reason_stands_alone() {
        for (code, text) in [(529, "529 Overloaded: x"), (599, "599: x"), (404, "404 Not Found: x")]
        {
            let status = StatusCode::from_u16(code).unwrap();
            let error = HttpError::from_status(status, &HeaderMap::new(), "x".into());
            assert_eq!(error.to_string(), format!("the server answered {text}"));
        }
    }
}
