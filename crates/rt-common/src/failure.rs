//! Which failures pass, and which end a client: one table for all protocols.
use http::StatusCode;

/// A kind of failure, as far as the reaction of a client depends on it.
///
/// [`HttpError::failure`](crate::HttpError::failure) returns it; a protocol crate adds what only it
/// can see, such as a page where JSON was expected. What a server says in its own protocol (an error
/// code of an API, say) is the business of that protocol.
///
/// # The table
/// [`Failure::reaction`] is this table. "Before success" is [`Setup::Unproven`], "after success" is
/// [`Setup::Proven`].
///
/// | failure | before success | after success | reason |
/// |---|---|---|---|
/// | `Network`: no connection, a failed TLS handshake, a connection that broke, a body that was cut | retry | retry | servers restart, networks drop |
/// | `TimedOut` | retry | retry | |
/// | `Status` 408, 425, 429, 5xx | retry | retry | the server says that it is a matter of time |
/// | `Status`, any other | end | retry elsewhere | this server does not know the request; another one may |
/// | `Redirect` that is not followed | end | retry | before: the URL is wrong; after: a captive portal |
/// | `UnexpectedContent`: an HTML page where JSON was expected | end | retry | before: the URL is wrong; after: a captive portal, or the error page of a proxy |
/// | `Certificate` | end | retry | before: a root is missing or the name is wrong; after: a captive portal, a clock, a renewal that was missed |
/// | `TooLarge`: a body beyond its bound | end | end | the next one is as large |
/// | `HeadTooLarge`: too many header lines, or too many bytes of them | end | end | the next one is as large |
/// | `Invalid`: a request or a client that cannot be made as described | end | end | |
///
/// A client that knows a single server treats [`Reaction::RetryElsewhere`] as [`Reaction::End`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The connection could not be made, or it broke, or the body was cut.
    Network,
    /// A deadline passed.
    TimedOut,
    /// The server sent a status that is not one of success, and no redirect.
    Status(StatusCode),
    /// The server redirected, and the client does not follow it.
    Redirect,
    /// The response had a status of success and is not what the protocol says.
    UnexpectedContent,
    /// The server's certificate was refused.
    Certificate,
    /// The body was larger than its bound.
    TooLarge,
    /// The header lines were larger than their bound.
    HeadTooLarge,
    /// The request, or the client, could not be made as described.
    Invalid,
}

/// Whether a client has worked with its present setup: its URL, its roots, its proxy.
///
/// A client that never worked is probably set up wrongly, which its user has to learn at once. One that
/// did work is set up correctly, so that the same failure will pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// No request has succeeded yet. A single call judges its failure by this, too.
    Unproven,
    /// A request has succeeded before.
    Proven,
}

/// What a client does about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Wait, and try the same server again.
    Retry,
    /// Try another server; end where there is none.
    RetryElsewhere,
    /// Report the failure and stop.
    End,
}

impl Failure {
    /// What a client does about this failure, by [the table](Failure#the-table). It does not say that
    /// another try is harmless: that depends on the request.
    ///
    /// ```
    /// use rt_common::{Failure, Reaction, Setup};
    ///
    /// // A mistyped URL ends the client at once; a captive portal passes.
    /// assert_eq!(Failure::Redirect.reaction(Setup::Unproven), Reaction::End);
    /// assert_eq!(Failure::Redirect.reaction(Setup::Proven), Reaction::Retry);
    /// ```
    pub fn reaction(self, setup: Setup) -> Reaction {
        match (self, setup) {
            (Self::Network | Self::TimedOut, _) => Reaction::Retry,
            (Self::Status(status), _) if is_temporary(status) => Reaction::Retry,
            (Self::Status(_), Setup::Proven) => Reaction::RetryElsewhere,
            (Self::Redirect | Self::UnexpectedContent | Self::Certificate, Setup::Proven) => {
                Reaction::Retry
            }
            (
                Self::Status(_) | Self::Redirect | Self::UnexpectedContent | Self::Certificate,
                Setup::Unproven,
            ) => Reaction::End,
            (Self::TooLarge | Self::HeadTooLarge | Self::Invalid, _) => Reaction::End,
        }
    }
}

/// Whether the status says that the same request may succeed later.
fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(codes: &[u16]) -> impl Iterator<Item = Failure> {
        codes.iter().map(|code| Failure::Status(StatusCode::from_u16(*code).unwrap()))
    }

    #[test]
    fn the_table_is_as_documented() {
        use Reaction::{End, Retry, RetryElsewhere};
        let rows = [
            (Failure::Network, Retry, Retry),
            (Failure::TimedOut, Retry, Retry),
            (Failure::Redirect, End, Retry),
            (Failure::UnexpectedContent, End, Retry),
            (Failure::Certificate, End, Retry),
            (Failure::TooLarge, End, End),
            (Failure::HeadTooLarge, End, End),
            (Failure::Invalid, End, End),
        ];
        let temporary = statuses(&[408, 425, 429, 500, 502, 503, 504, 507, 529, 599]);
        let other = statuses(&[201, 304, 400, 401, 403, 404, 405, 410, 413, 421, 451]);
        let rows = rows
            .into_iter()
            .chain(temporary.map(|status| (status, Retry, Retry)))
            .chain(other.map(|status| (status, End, RetryElsewhere)));
        for (failure, before, after) in rows {
            assert_eq!(failure.reaction(Setup::Unproven), before, "{failure:?} before success");
            assert_eq!(failure.reaction(Setup::Proven), after, "{failure:?} after success");
        }
    }
}
