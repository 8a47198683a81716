//! Status codes in the text of errors.
use std::fmt;

use http::StatusCode;

/// A status code as errors print it: with its standard reason, with the reason in common use (520 to 526
/// and 529), or alone.
///
/// `StatusCode` itself prints `529 <unknown status code>` for a code outside the registry. Servers do
/// send such codes, and 529 and 520 to 526 are widely known.
///
/// ```
/// use http::StatusCode;
/// use rt_common::StatusText;
///
/// assert_eq!(StatusText(StatusCode::BAD_GATEWAY).to_string(), "502 Bad Gateway");
/// assert_eq!(StatusText(StatusCode::from_u16(529)?).to_string(), "529 Overloaded");
/// assert_eq!(StatusText(StatusCode::from_u16(799)?).to_string(), "799");
/// # Ok::<(), http::status::InvalidStatusCode>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StatusText(pub StatusCode);

impl fmt::Display for StatusText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.0.as_u16() {
            // Sent by a well-known content delivery network for failures of the server behind it.
            520 => Some("Web Server Returned an Unknown Error"),
            521 => Some("Web Server Is Down"),
            522 => Some("Connection Timed Out"),
            523 => Some("Origin Is Unreachable"),
            524 => Some("A Timeout Occurred"),
            525 => Some("SSL Handshake Failed"),
            526 => Some("Invalid SSL Certificate"),
            529 => Some("Overloaded"),
            _ => self.0.canonical_reason(),
        };
        match reason {
            Some(reason) => write!(f, "{} {reason}", self.0.as_u16()),
            None => write!(f, "{}", self.0.as_u16()),
        }
    }
}
