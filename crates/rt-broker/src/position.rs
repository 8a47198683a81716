//! Positions of publications: a topic's epoch and an offset in it.

use std::fmt;
use std::str::FromStr;

const EPOCH_BITS: u32 = 58;

/// Identifies one life of a topic. It is random, and new whenever the topic is created again, so that
/// a position of an earlier life is never taken for one of this life. 58 bits, never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Epoch(u64);

impl Epoch {
    /// Returns a fresh random epoch.
    #[must_use]
    pub fn random() -> Self {
        Self(fastrand::u64(1..1 << EPOCH_BITS))
    }

    /// Returns the epoch with this number, or `None` if it is zero or needs more than 58 bits.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number == 0 || number >> EPOCH_BITS != 0 { None } else { Some(Self(number)) }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015x}", self.0)
    }
}

/// The number of a publication in its topic. It grows with every publication, and may skip.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Offset(u64);

impl Offset {
    /// Before the first publication.
    pub const ZERO: Self = Self(0);
    /// After every publication.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the offset with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the next offset, or [`MAX`](Self::MAX) if there is none.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the previous offset, or [`ZERO`](Self::ZERO) if there is none.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in a topic: everything up to and including `offset` of `epoch` has been seen.
///
/// Its text is `<epoch>-<offset>`.
///
/// ```
/// use rt_broker::{Offset, Position};
/// let position: Position = "00000000000002a-7".parse()?;
/// assert_eq!(position.offset(), Offset::new(7));
/// # Ok::<(), rt_broker::ParsePositionError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    epoch: Epoch,
    offset: Offset,
}

impl Position {
    /// Returns the position at `offset` of `epoch`; [`Offset::ZERO`] is before the first publication.
    #[must_use]
    pub const fn new(epoch: Epoch, offset: Offset) -> Self {
        Self { epoch, offset }
    }

    /// Returns the epoch that the position belongs to.
    #[must_use]
    pub const fn epoch(self) -> Epoch {
        self.epoch
    }

    /// Returns the offset.
    #[must_use]
    pub const fn offset(self) -> Offset {
        self.offset
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.offset)
    }
}

/// The error of a text that is not a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsePositionError(());

impl fmt::Display for ParsePositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a position: 15 lower-case hexadecimal digits, `-` and an offset are needed",
        )
    }
}

impl std::error::Error for ParsePositionError {}

impl FromStr for Position {
    type Err = ParsePositionError;

    /// Parses the text that [`Display`](fmt::Display) writes and no other form of it.
    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        let (epoch, offset) = text.split_once('-').ok_or(ParsePositionError(()))?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let canonical = offset == "0" || !offset.starts_with('0');
        if epoch.len() != 15
            || !epoch.bytes().all(hex)
            || !canonical
            || !offset.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(ParsePositionError(()));
        }
        let epoch = u64::from_str_radix(epoch, 16).ok().and_then(Epoch::new);
        match (epoch, offset.parse()) {
            (Some(epoch), Ok(offset)) => Ok(Self { epoch, offset: Offset(offset) }),
            _ => Err(ParsePositionError(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_is_parsed_from_its_text(epoch in 1..1u64 << EPOCH_BITS, offset: u64) {
            let position = Position::new(Epoch::new(epoch).unwrap(), Offset::new(offset));
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn no_position_has_a_second_text(text in "[0-9a-fA-F+ -]{0,24}|\\PC{0,40}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }

    #[test]
    fn a_text_that_resembles_a_position_is_refused() {
        for text in [
            "",
            "-",
            "1-2",
            "00000000000002a-",
            "00000000000002A-7",
            "00000000000002a-07",
            "00000000000002a-+7",
            "00000000000002a-7 ",
            "000000000000000-7",
            "00000000000002a-18446744073709551616",
            "fffffffffffffff-1",
            "00000000000002a-7-1",
        ] {
            assert!(text.parse::<Position>().is_err(), "{text:?}");
        }
    }
}
