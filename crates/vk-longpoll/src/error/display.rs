//! Errors in words.
use std::error::Error as StdError;
use std::fmt;

use rt_common::{Excerpt, StatusText};

use super::{Error, Kind};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rt_common::write_with_causes(f, &*self.kind, self.source())
    }
}

/// The error without its causes.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Builder { what, .. } => f.write_str(what),
            // The HTTP error is this error, not a level below it.
            Kind::Http(error) => error.fmt(f),
            Kind::Redirect { status, to } => {
                let status = StatusText(*status);
                write!(f, "the server answered {status}, to {to}: redirects are not followed")
            }
            Kind::Answer { what, status, content_type, body, .. } => {
                f.write_str(what)?;
                match (status.map(StatusText), content_type) {
                    (Some(status), Some(content_type)) => {
                        write!(f, " ({status}, {content_type:?})")?;
                    }
                    (Some(status), None) => write!(f, " ({status}, without a content type)")?,
                    (None, _) => {}
                }
                match Excerpt::of_body(body) {
                    Some(excerpt) => write!(f, ": {excerpt}"),
                    None => Ok(()),
                }
            }
            Kind::Api(error) => error.fmt(f),
            Kind::Failed(failed) => failed.fmt(f),
            Kind::Server { host } => write!(
                f,
                "VK named the long poll server {host:?}, which is not one of VK's over https: \
                 it is followed only where the API's address was given by you"
            ),
            Kind::NoToken => f.write_str(
                "the session is over: VK wants a new key to be asked for, and there is no token",
            ),
            Kind::NoRetryLeft { retries: 1, .. } => f.write_str("given up after 1 retry"),
            Kind::NoRetryLeft { retries, .. } => write!(f, "given up after {retries} retries"),
            Kind::Handler { kind, .. } => write!(f, "the handler of {kind} failed"),
            Kind::Data { what, .. } => write!(f, "{what} is not of the expected type"),
            Kind::Shared(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(&self.kind).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.kind {
            Kind::Builder { source, .. } | Kind::Answer { source, .. } => {
                source.as_deref().map(|source| source as _)
            }
            Kind::Http(error) => error.source(),
            Kind::NoRetryLeft { last, .. } => Some(last),
            Kind::Handler { source, .. } => Some(&**source),
            Kind::Data { source, .. } => Some(source),
            Kind::Shared(error) => error.source(),
            _ => None,
        }
    }
}
