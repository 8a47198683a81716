//! The error codes of the server.
use http::StatusCode;

/// An error code of Centrifugo's server API (v3 to v6); one that is not known here is kept.
///
/// ```
/// use centrifugo_api::ErrorCode;
///
/// assert_eq!(ErrorCode::from(102), ErrorCode::UnknownChannel);
/// assert_eq!(ErrorCode::from(4242).number(), 4242);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// 100: something went wrong inside the server.
    Internal,
    /// 102: the channel's namespace is not configured.
    UnknownChannel,
    /// 104: no such method, or what was asked for is not there.
    NotFound,
    /// 107: the request lacks something, or something in it is not valid.
    BadRequest,
    /// 108: the feature is not on: presence or history for this channel, say.
    NotAvailable,
    /// 111: too many requests.
    TooManyRequests,
    /// 112: the position that history was asked from is gone, or of another epoch.
    UnrecoverablePosition,
    /// 113: a concurrent change, a version that is not newer.
    Conflict,
    /// Any other.
    Other(u32),
}

impl ErrorCode {
    /// The number on the wire.
    pub fn number(self) -> u32 {
        match self {
            Self::Internal => 100,
            Self::UnknownChannel => 102,
            Self::NotFound => 104,
            Self::BadRequest => 107,
            Self::NotAvailable => 108,
            Self::TooManyRequests => 111,
            Self::UnrecoverablePosition => 112,
            Self::Conflict => 113,
            Self::Other(number) => number,
        }
    }
}

impl ErrorCode {
    /// The status of an answer that is this error, in transport mode.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::UnknownChannel | Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadRequest | Self::NotAvailable => StatusCode::BAD_REQUEST,
            Self::UnrecoverablePosition => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Internal | Self::TooManyRequests | Self::Other(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Whether an answer with this status may be this error.
    pub(crate) fn comes_with(self, status: StatusCode) -> bool {
        // What repeats its status is another server's.
        let is_code = self.number() != u32::from(status.as_u16());
        let later = self == Self::TooManyRequests && status == StatusCode::TOO_MANY_REQUESTS;
        is_code && (self.status() == status || later)
    }
}

#[cfg(feature = "test-server")]
impl ErrorCode {
    /// What a server says with it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Internal => "internal server error",
            Self::UnknownChannel => "unknown channel",
            Self::NotFound => "not found",
            Self::BadRequest => "bad request",
            Self::NotAvailable => "not available",
            Self::TooManyRequests => "too many requests",
            Self::UnrecoverablePosition => "unrecoverable position",
            Self::Conflict => "conflict",
            Self::Other(_) => "error",
        }
    }
}

impl From<u32> for ErrorCode {
    fn from(number: u32) -> Self {
        match number {
            100 => Self::Internal,
            102 => Self::UnknownChannel,
            104 => Self::NotFound,
            107 => Self::BadRequest,
            108 => Self::NotAvailable,
            111 => Self::TooManyRequests,
            112 => Self::UnrecoverablePosition,
            113 => Self::Conflict,
            other => Self::Other(other),
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.number().fmt(f)
    }
}
