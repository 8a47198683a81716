//! What an error keeps of an answer: not its secrets.
use bytes::Bytes;
use rt_common::{Redactor, Secret};

/// What an error may keep of an answer.
#[derive(Clone, Copy)]
pub(crate) enum Kept<'a> {
    /// Its beginning without this secret of the client.
    Without(&'a Secret),
    /// Nothing: secrets are what was asked for.
    Nothing,
}

impl Kept<'_> {
    /// A copy of what may be kept: the rest of a large answer is not held for it.
    pub(crate) fn of(self, answer: &[u8]) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            // Made here, so that a poll that waits does not hold it.
            Self::Without(secret) => Redactor::new([secret.clone()]).quote(answer).into(),
        }
    }
}
