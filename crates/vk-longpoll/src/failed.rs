//! What a long poll server answers instead of events.
use std::fmt;

use serde::Serialize;

/// A `failed` of a long poll server.
///
/// The loop goes on from 1, 2 and 3 by itself, and tells of them in
/// [`Answered::failed`](crate::Answered::failed); 4 and those that VK has not documented end it, as an
/// error with [`Error::failed`](crate::Error::failed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failed {
    /// Which one.
    pub code: i64,
    /// Where to go on from (with code 1).
    pub ts: Option<i64>,
    /// The oldest version that the server speaks (with code 4).
    pub min_version: Option<i64>,
    /// The newest version that the server speaks (with code 4).
    pub max_version: Option<i64>,
}

impl Failed {
    /// The events after the `ts` asked for are gone, or it never was.
    pub const OUTDATED: i64 = 1;
    /// The key has expired.
    pub const KEY_EXPIRED: i64 = 2;
    /// What the server knew of the session is lost: key and `ts`.
    pub const LOST: i64 = 3;
    /// The server does not speak this version of the protocol.
    pub const WRONG_VERSION: i64 = 4;

    /// One with nothing but its code.
    pub fn new(code: i64) -> Self {
        Self { code, ts: None, min_version: None, max_version: None }
    }

    /// The oldest and the newest version that the server speaks.
    pub fn versions(&self) -> Option<(i64, i64)> {
        self.min_version.zip(self.max_version)
    }
}

impl std::error::Error for Failed {}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.versions()) {
            (Self::WRONG_VERSION, Some((min, max))) => write!(
                f,
                "the long poll server does not speak this version, only {min} to {max} (failed 4)"
            ),
            (Self::WRONG_VERSION, None) => {
                f.write_str("the long poll server does not speak this version (failed 4)")
            }
            (code, _) => write!(f, "the long poll server answered failed {code}"),
        }
    }
}
