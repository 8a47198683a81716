//! Text that needs no memory of its own while it is short, as most values beside a message are.

use std::fmt;
use std::ops::Deref;

/// A text; see the module.
#[derive(Clone)]
pub(super) struct Short(Kept);

/// Together with the length and which of both it is: no larger than the other.
const ROOM: usize = 22;

#[derive(Clone)]
enum Kept {
    Here { length: u8, bytes: [u8; ROOM] },
    There(Box<str>),
}

impl From<&str> for Short {
    fn from(text: &str) -> Self {
        let mut bytes = [0; ROOM];
        let kept = match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Kept::Here { length, bytes }
            }
            _ => Kept::There(text.into()),
        };
        Self(kept)
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            // What was a text is one still; the other branch is never taken.
            Kept::Here { length, bytes } => bytes
                .get(..usize::from(*length))
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .unwrap_or_default(),
            Kept::There(text) => text,
        }
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_whatever_its_length() {
        for length in 0..40 {
            for text in ["x".repeat(length), "я".repeat(length)] {
                let short = Short::from(text.as_str());
                assert_eq!(*short, *text);
                assert_eq!(*short.clone(), *text);
            }
        }
        assert_eq!(size_of::<Short>(), 24);
    }
}
