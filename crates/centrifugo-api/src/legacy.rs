//! The legacy server API, of Centrifugo v1.

/// What a legacy server advises to do about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// `fix`: the command is wrong, sending it again is of no use.
    Fix,
    /// `retry`: sending it again later may succeed.
    Retry,
    /// Anything else the server says.
    Other(String),
}
