//! Which kind of failure an error of a foreign transport is.
use std::io::{self, ErrorKind};

use super::{BoxError, HttpError};
use crate::causes::chain;

/// Classifies an error of a transport by its chain of causes; an [`HttpError`] stays what it is.
///
/// Only errors that no established connection reports count as connect errors, since these say that
/// nothing was sent. A route may be lost at any time.
pub(crate) fn classify(error: BoxError) -> HttpError {
    let error = match error.downcast::<HttpError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    #[cfg(feature = "plain")]
    if is_head_too_large(error.as_ref()) {
        return HttpError::head_too_large();
    }
    let refused = [ErrorKind::ConnectionRefused, ErrorKind::AddrNotAvailable];
    let telling = chain(Some(error.as_ref()))
        .filter_map(|cause| cause.downcast_ref().map(io::Error::kind))
        .find(|kind| *kind == ErrorKind::TimedOut || refused.contains(kind));
    match telling {
        Some(ErrorKind::TimedOut) => HttpError::timed_out_by(error),
        Some(_) => HttpError::connect_failed(error),
        None => HttpError::transport_failed(error),
    }
}

/// Whether hyper gave up on a response whose head has too many lines or bytes; it does not say which.
#[cfg(feature = "plain")]
pub(crate) fn is_head_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(Some(error))
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        // hyper has a question for it only with its server, which nothing here needs.
        .any(|error| error.is_parse() && error.to_string() == "message head is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_nothing_was_sent_is_a_connect_error() {
        use ErrorKind as K;
        for (kind, connect) in [
            (K::ConnectionRefused, true),
            (K::AddrNotAvailable, true),
            (K::HostUnreachable, false),
            (K::NetworkUnreachable, false),
            (K::ConnectionReset, false),
        ] {
            let error = classify(io::Error::from(kind).into());
            assert_eq!(error.is_connect(), connect, "{error:?}");
            assert!(error.is_retryable());
        }
    }
}
